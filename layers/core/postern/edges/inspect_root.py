"""What `inspect` is made of, from the environment: it gets no part that writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.denial_ports import Denials
from postern.edges import clients
from postern.edges.denial_store import DynamoDenials
from postern.edges.epoch_items import DynamoEpochs
from postern.edges.log_bucket import S3LogBucket
from postern.edges.log_table import DynamoLogTable
from postern.edges.policy_files import DEFAULT_FOLDER, PolicyFiles
from postern.edges.settings import parse_log_settings, require
from postern.edges.system import SystemClock
from postern.log_ports import LogBuckets, LogTable
from postern.ports import Clock, PolicySource
from postern.reap_ports import KeysOf


@dataclass(frozen=True, slots=True)
class InspectParts:
    """`log` is the one that this deployment writes."""

    policy: PolicySource
    denials: Denials
    table: LogTable
    buckets: LogBuckets
    keys: KeysOf
    deployment: str
    log: str
    clock: Clock


def inspect_parts(environment: Mapping[str, str]) -> InspectParts:
    """Nothing is reached yet. Raises `PolicyUnavailable` naming the variable that is missing or wrong."""
    settings = parse_log_settings(environment)
    session = clients.connect(settings.region)
    objects, items = clients.log_bucket(session), clients.log_table(session)
    return InspectParts(
        policy=PolicyFiles(
            environment.get("POSTERN_POLICY_DIR", DEFAULT_FOLDER), local_issuer=environment.get("POSTERN_LOCAL_ISSUER")
        ),
        denials=DynamoDenials(clients.dynamodb(session), require(environment, "POSTERN_TABLE")),
        table=DynamoLogTable(items, settings.log_table),
        buckets=lambda log: S3LogBucket(objects, settings.bucket, log, settings.retain_until_s),
        keys=DynamoEpochs(items, settings.log_table).keys,
        deployment=settings.deployment,
        log=settings.log,
        clock=SystemClock(),
    )
