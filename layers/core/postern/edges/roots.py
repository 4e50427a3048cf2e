"""The parts that several functions are composed of, made from the environment once an execution environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from botocore.session import Session

from postern.audit.chain import Source
from postern.edges import clients, log_lines, meter
from postern.edges.announced_tasks import AnnouncedTasks
from postern.edges.announcer import EventBridgeAnnouncer
from postern.edges.build_files import read_build_facts
from postern.edges.policy_files import PolicyFiles
from postern.edges.rate_items import DynamoRates
from postern.edges.record_store import S3RecordStore
from postern.edges.settings import Settings, parse_settings
from postern.edges.system import SystemClock, SystemIdentifiers
from postern.edges.task_store import DynamoTaskStore
from postern.ports import Clock, Identifiers, PolicySource, RecordStore, TaskStore
from postern.rate_ports import Rates

if TYPE_CHECKING:
    from postern.approval_ports import Announcer, ApprovalStore
    from postern.denial_ports import Denials

# It runs what was decided, under the digest that it was decided under, and a cold start of it is waited for most.
_DECIDES_NOT = frozenset({"query"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What every function but the authorizer stands on."""

    session: Session
    settings: Settings
    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    identifiers: Identifiers
    clock: Clock
    announcer: Announcer


def parts(function: str) -> Parts:
    """The parts of one function; its name goes into the records that it writes."""
    settings = parse_settings(os.environ)
    session = clients.connect(settings.region)
    announcer = _announcer(session, settings, function)
    return Parts(
        session=session,
        settings=settings,
        policy=PolicyFiles(
            settings.policy_dir, local_issuer=settings.local_issuer, decides=function not in _DECIDES_NOT
        ),
        tasks=AnnouncedTasks(DynamoTaskStore(clients.dynamodb(session), settings.table), announcer),
        records=_records(session, settings, function, settings.log),
        identifiers=SystemIdentifiers(),
        clock=SystemClock(),
        announcer=announcer,
    )


def approvals(parts: Parts) -> ApprovalStore:
    """What was decided about tasks."""
    from postern.edges.approval_store import DynamoApprovalStore  # not every function's

    return DynamoApprovalStore(clients.dynamodb(parts.session), parts.settings.table, parts.tasks)


def _announcer(session: Session, settings: Settings, function: str) -> Announcer:
    # The client is made when there is something to tell: most environments never have.
    connect = partial(clients.events, session)
    log, counts = log_lines.logger(function), meter.meter(function)
    return EventBridgeAnnouncer(connect, settings.event_bus, settings.deployment, SystemClock(), log, counts)


def rates(parts: Parts) -> Rates:
    """What counts."""
    return DynamoRates(clients.dynamodb(parts.session), parts.settings.table)


def denials(parts: Parts) -> Denials:
    """What operators have shut."""
    from postern.edges.denial_store import DynamoDenials  # not every function's

    return DynamoDenials(clients.dynamodb(parts.session), parts.settings.table)


def records_of(parts: Parts, function: str) -> Callable[[str], RecordStore]:
    """Record stores by the name of their log, each made once: an environment writes one chain in each log."""
    return cache(lambda log: _records(parts.session, parts.settings, function, log))


def _records(session: Session, settings: Settings, function: str, log: str) -> RecordStore:
    # What runs, by the build's own word: the product's version alone would name many builds.
    version = read_build_facts(settings.build_file).version
    source = Source(log, settings.deployment, version, function)
    return S3RecordStore(clients.s3(session), settings.bucket, source, settings.retain_until_s)
