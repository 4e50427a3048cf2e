"""Builds and drops worlds, each for one task: invoked by `tasks`, and by `reap` for what is due."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import roots
from postern.edges.causes import causes
from postern.edges.database_token import RoleTokens
from postern.edges.postgres.connect import role_connections
from postern.edges.provision_contract import format_error
from postern.edges.world_database import PostgresWorlds
from postern.errors import PosternError
from postern.services.build_world import BuildWorld
from postern.services.remove_world import RemoveWorld
from postern.types import TaskId

PROVISIONER = "postern_provision"


@dataclass(frozen=True, slots=True)
class Services:
    """What the actions call."""

    build: BuildWorld
    remove: RemoveWorld


def respond(event: dict[str, Any], services: Services) -> dict[str, Any]:
    try:
        match event.get("action"):
            case "provision":
                return {"status": "ok", "state": services.build.run(TaskId(event["task_id"])).state}
            case "tear_down":
                by = event.get("by", "principal")
                return {"status": "ok", "state": services.remove.run(TaskId(event["task_id"]), by=by).state}
    except PosternError as error:
        return {**format_error(error), "causes": causes(error)}
    raise ValueError(f"action: expected provision or tear_down, got {event.get('action')!r}")


@cache
def services() -> tuple[Services, Logger]:
    p = roots.parts("provision")
    tokens = RoleTokens(p.session, PROVISIONER)
    worlds = PostgresWorlds(role_connections(tokens.mint, PROVISIONER))
    remove = RemoveWorld(p.policy, p.tasks, p.records, worlds, p.identifiers, p.clock)
    build = BuildWorld(p.policy, p.tasks, p.records, worlds, p.identifiers, p.clock)
    return Services(build, remove), Logger(service="provision")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    made, logger = services()
    answer = respond(event, made)
    logger.info("provisioned", extra={**answer, "action": event.get("action"), "request_id": context.aws_request_id})
    return answer
