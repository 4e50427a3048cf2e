"""What the function `run` is made of, from the environment."""

from __future__ import annotations

from collections.abc import Mapping

from postern.edges import clients, roots
from postern.edges.database_token import TaskTokens
from postern.edges.provisioner import LambdaProvisioner
from postern.edges.run_session import RunSessions
from postern.edges.run_store import DynamoRuns
from postern.edges.seal_keys import seal_keys
from postern.edges.settings import require
from postern.edges.watermark import DynamoWatermarks
from postern.run_ports import RunParts

_MS = 1000


def run_parts(parts: roots.Parts, environment: Mapping[str, str]) -> RunParts:
    """Nothing is reached yet. Raises `PolicyUnavailable` naming the variable that is missing or wrong."""
    session, settings = parts.session, parts.settings
    tokens = TaskTokens(clients.sts(session), require(environment, "POSTERN_CONNECT_ROLE_ARN"))
    provision = require(environment, "POSTERN_PROVISION_FUNCTION")
    # A role is made and dropped within a minute; nobody waits for this function.
    provisioner = LambdaProvisioner(clients.functions(session), provision, by="run")
    return RunParts(
        policy=parts.policy,
        tasks=parts.tasks,
        runs=DynamoRuns(clients.dynamodb(session), settings.table),
        approvals=roots.approvals(parts),
        records=parts.records,
        database=RunSessions(tokens.mint),
        provisioner=provisioner,
        roles=provisioner,
        watermarks=DynamoWatermarks(clients.log_table(session), settings.log_table),
        seals=seal_keys(session, settings, environment),
        identifiers=parts.identifiers,
        clock=parts.clock,
        log=settings.log,
        epoch_ends_s=settings.epoch_ends_s,
        max_staleness_s=settings.max_staleness_s,
        statement_text=settings.statement_text,
        lock_timeout_ms=int(require(environment, "POSTERN_RUN_LOCK_TIMEOUT_S")) * _MS,
    )
