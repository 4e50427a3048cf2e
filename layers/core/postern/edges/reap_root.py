"""What the reaper is made of, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from postern.edges import clients
from postern.edges.database_token import RoleTokens
from postern.edges.denial_store import DynamoDenials
from postern.edges.epoch_items import DynamoEpochs, DynamoQuarantines
from postern.edges.holds import DynamoHolds
from postern.edges.log_bucket import S3LogBucket
from postern.edges.log_table import DynamoLogTable
from postern.edges.open_tasks import DynamoOpenTasks
from postern.edges.postgres.connect import role_connections
from postern.edges.provisioner import LambdaProvisioner
from postern.edges.reap_database import ReapDatabase
from postern.edges.requeue import SqsRequeue
from postern.edges.roots import Parts, rates, records_of
from postern.edges.settings import require, signing_keys
from postern.edges.signing_keys import KmsPublicKeys
from postern.edges.wal import S3Wal
from postern.edges.watermark import DynamoWatermarks
from postern.reap_ports import ReapParts
from postern.world.names import REAP_ROLE

THREADS = 11  # one waits for the teardowns, one looks after denials, one sweeps databases, the others list
SWEEPS = 1
TEARDOWNS = 8
REBUILDS = 4


def reap_parts(parts: Parts, environment: Mapping[str, str]) -> ReapParts:
    """Nothing is reached yet. Raises `PolicyUnavailable` naming the variable that is missing or wrong."""
    session, settings = parts.session, parts.settings
    table, bucket = clients.log_table(session), clients.log_bucket(session)
    marking = clients.marking_table(session)
    functions = clients.functions(session, connections=TEARDOWNS + REBUILDS + SWEEPS)
    provisioner = LambdaProvisioner(functions, require(environment, "POSTERN_PROVISION_FUNCTION"), by="timer")
    return ReapParts(
        log=settings.log,
        deployment=settings.deployment,
        epoch_ends_us=settings.epoch_ends_s * 1_000_000,
        retain_until_us=settings.retain_until_s * 1_000_000,
        tasks=parts.tasks,
        holds=DynamoHolds(clients.dynamodb(session), settings.table),
        denials=DynamoDenials(marking, settings.table),
        open_tasks=DynamoOpenTasks(marking, settings.table),
        rates=rates(parts),
        policy=parts.policy,
        provisioner=provisioner,
        sweeper=provisioner,
        fates=ReapDatabase(role_connections(RoleTokens(session, REAP_ROLE).mint, REAP_ROLE)),
        wal=S3Wal(bucket, settings.bucket),
        table=DynamoLogTable(table, settings.log_table),
        buckets=lambda log: S3LogBucket(bucket, settings.bucket, log, settings.retain_until_s),
        watermarks=DynamoWatermarks(table, settings.log_table),
        epochs=DynamoEpochs(table, settings.log_table),
        quarantines=DynamoQuarantines(table, settings.log_table),
        requeue=SqsRequeue(clients.queue(session), require(environment, "POSTERN_QUEUE_URL"), settings.bucket),
        signing=KmsPublicKeys(clients.signing(session), signing_keys(environment)),
        records=records_of(parts, "reap"),
        identifiers=parts.identifiers,
        clock=parts.clock,
        threads=ThreadPoolExecutor(THREADS),
        teardown_threads=lambda: ThreadPoolExecutor(TEARDOWNS),
        rebuild_threads=lambda: ThreadPoolExecutor(REBUILDS),
    )
