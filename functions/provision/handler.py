"""Builds and drops worlds, each for one task: invoked by `tasks`, and by `reap` for what is due."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, roots
from postern.edges.causes import causes
from postern.edges.database_token import RoleTokens
from postern.edges.postgres.connect import role_connections
from postern.edges.provision_contract import format_error, format_torn_down
from postern.edges.row_estimates import DatabaseRows
from postern.edges.run_store import DynamoRuns
from postern.edges.world_database import PostgresWorlds
from postern.errors import PosternError
from postern.services.build_world import BuildWorld
from postern.services.dry_run_roles import DryRunRole
from postern.services.estimate_rows import EstimateRows
from postern.services.remove_world import RemoveWorld
from postern.types import TaskId

PROVISIONER = "postern_provision"


@dataclass(frozen=True, slots=True)
class Services:
    """What the actions call."""

    build: BuildWorld
    remove: RemoveWorld
    estimate: EstimateRows
    dry_runs: DryRunRole


def respond(event: dict[str, Any], services: Services) -> dict[str, Any]:
    try:
        match event.get("action"):
            case "provision":
                return {"status": "ok", "state": services.build.run(TaskId(event["task_id"])).state}
            case "tear_down":
                by = event.get("by", "principal")
                return format_torn_down(services.remove.run(TaskId(event["task_id"]), by=by))
            case "estimate":
                return {"status": "ok", "rows": services.estimate.run(TaskId(event["task_id"]))}
            case "provision_dry_run":
                services.dry_runs.build(TaskId(event["task_id"]), TaskId(event["dry_run_id"]))
                return {"status": "ok"}
            case "tear_down_dry_run":
                services.dry_runs.remove_of(TaskId(event["task_id"]), TaskId(event["dry_run_id"]))
                return {"status": "ok"}
    except PosternError as error:
        return {**format_error(error), "causes": causes(error)}
    raise ValueError(f"action: expected one that provision knows, got {event.get('action')!r}")


@cache
def services() -> tuple[Services, Logger]:
    p = roots.parts("provision")
    tokens = RoleTokens(p.session, PROVISIONER)
    connect = role_connections(tokens.mint, PROVISIONER)
    worlds = PostgresWorlds(connect)
    runs = DynamoRuns(clients.dynamodb(p.session), p.settings.table)
    approvals = roots.approvals(p)
    dry_runs = DryRunRole(p.policy, p.tasks, runs, p.records, worlds, p.identifiers, p.clock, approvals)
    remove = RemoveWorld(p.policy, p.tasks, p.records, worlds, p.identifiers, p.clock, dry_runs)
    build = BuildWorld(p.policy, p.tasks, p.records, worlds, p.identifiers, p.clock, approvals)
    estimate = EstimateRows(p.policy, p.tasks, DatabaseRows(connect))
    return Services(build, remove, estimate, dry_runs), Logger(service="provision")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    made, logger = services()
    answer = respond(event, made)
    told = {name: value for name, value in answer.items() if name != "rows"}
    logger.info("provisioned", extra={**told, "action": event.get("action"), "request_id": context.aws_request_id})
    return answer
