"""Builds and drops worlds, each for one task: invoked by `tasks`, and by `reap` for what is due or left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, roots, snapshots
from postern.edges.causes import causes
from postern.edges.database_token import RoleTokens
from postern.edges.invocation import Invocation, invoked
from postern.edges.postgres.connect import role_connections
from postern.edges.provision_contract import format_error, format_swept, format_torn_down
from postern.edges.row_estimates import DatabaseRows
from postern.edges.run_store import DynamoRuns
from postern.edges.world_database import PostgresWorlds
from postern.errors import PosternError
from postern.services.build_world import BuildWorld
from postern.services.dry_run_roles import DryRunRole
from postern.services.estimate_rows import EstimateRows
from postern.services.remove_world import RemoveWorld
from postern.services.sweep_roles import SweepRoles
from postern.types import DatabaseName, TaskId
from postern.world.role_marks import deployment_id

PROVISIONER = "postern_provision"


@dataclass(frozen=True, slots=True)
class Services:
    """What the actions call."""

    build: BuildWorld
    remove: RemoveWorld
    estimate: EstimateRows
    dry_runs: DryRunRole
    sweep: SweepRoles


def respond(event: Mapping[str, Any], services: Services) -> dict[str, Any]:
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
            case "sweep":
                return format_swept(services.sweep.run(DatabaseName(event["database"])))
    except PosternError as error:
        return {**format_error(error), "causes": causes(error)}
    raise ValueError(f"action: expected one that provision knows, got {event.get('action')!r}")


@cache
def services() -> Services:
    p = roots.parts("provision")
    tokens = RoleTokens(p.session, PROVISIONER)
    connect = role_connections(tokens.mint, PROVISIONER)
    worlds = PostgresWorlds(connect, deployment_id(p.settings.deployment, p.settings.region, p.settings.table))
    runs = DynamoRuns(clients.dynamodb(p.session), p.settings.table)
    approvals = roots.approvals(p)
    dry_runs = DryRunRole(p.policy, p.tasks, runs, p.records, worlds, p.identifiers, p.clock, approvals)
    remove = RemoveWorld(p.policy, p.tasks, p.records, worlds, p.identifiers, p.clock, dry_runs)
    build = BuildWorld(p.policy, p.tasks, p.records, worlds, p.identifiers, p.clock, approvals)
    estimate = EstimateRows(p.policy, p.tasks, DatabaseRows(connect))
    sweep = SweepRoles(p.policy, p.tasks, approvals, runs, p.records, worlds, p.identifiers, p.clock)
    return Services(build, remove, estimate, dry_runs, sweep)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return invoked("provision", event, context, _answer)


def _answer(event: Mapping[str, Any], told: Invocation) -> dict[str, Any]:
    answer = respond(event, services())
    told.came_to(answer["status"], answer.get("code"), causes=answer.get("causes"))
    return answer


snapshots.prepare(lambda: services().build.policy.load())
