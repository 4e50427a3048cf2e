"""Each bound that statements meet as they come faster, as it is taken. docs/scale.md names the source of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Asked(Enum):
    """What a rate of statements asks of a part."""

    CALLS = auto()
    EXECUTIONS = auto()
    SESSIONS = auto()
    LOGINS = auto()
    ROLES = auto()
    STATE_WRITES = auto()
    TASK_WRITES = auto()
    LOG_WRITES = auto()
    PUTS = auto()
    SHARDED_PUTS = auto()
    SIGNATURES = auto()
    SEQUENCED = auto()
    LISTED_S = auto()
    VERIFIED = auto()


@dataclass(frozen=True, slots=True)
class Bound:
    """A default of AWS or of ours: where it is per second, `limit` is too."""

    name: str
    asked: Asked
    limit: float


BOUNDS = (
    Bound("gateway: `RequestsPerSecond` of ours, calls/s", Asked.CALLS, 50),
    Bound("gateway: account, calls/s", Asked.CALLS, 10_000),
    Bound("Lambda: account, executions at once", Asked.EXECUTIONS, 1_000),
    Bound("database: `max_connections` of 8 GB, sessions", Asked.SESSIONS, 901),
    Bound("database: `max_connections` at most, sessions", Asked.SESSIONS, 5_000),
    Bound("database: IAM logins/s", Asked.LOGINS, 200),
    Bound("STS: AssumeRole/s", Asked.ROLES, 600),
    Bound("state table: new on-demand table, writes/s", Asked.STATE_WRITES, 4_000),
    Bound("state table: one task's partition, writes/s", Asked.TASK_WRITES, 1_000),
    Bound("log table: new on-demand table, writes/s", Asked.LOG_WRITES, 4_000),
    Bound("S3: bucket not yet partitioned, PUTs/s", Asked.PUTS, 3_500),
    Bound("S3: 16 prefixes partitioned, PUTs/s each", Asked.SHARDED_PUTS, 3_500),
    Bound("KMS: signatures/s", Asked.SIGNATURES, 300),
    Bound("sequencer of one log: seconds of work a second", Asked.SEQUENCED, 1.0),
    Bound("reaper: seconds of listing a pass", Asked.LISTED_S, 45),
    Bound("verifier: seconds of one process a second of log", Asked.VERIFIED, 1.0),
)
