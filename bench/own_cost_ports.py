"""The query function's ports, each answered at once, so that nothing but the function's own work is measured."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from postern.audit.chain import ENV_BYTES, Source, Writer, link
from postern.audit.keys import record_key
from postern.audit.records import Record
from postern.policy.bundle import PolicyBundle
from postern.ports import Reservation, Result, Settled
from postern.reaped import Watermark
from postern.types import Budgets, CommandId, Sha256Hex, Task, TaskState, minus


@dataclass(slots=True)
class AtOnceTasks:
    """The part of `ports.TaskStore` that statements call, for one task whose budgets never end."""

    task: Task

    def reserve(self, *_: object, wanted: Budgets, command_id: CommandId, **__: object) -> Reservation:
        self.task = replace(self.task, sequence=self.task.sequence + wanted.statements)
        return Reservation(self.task, self.task.sequence, wanted, command_id)

    def reserve_more(self, reservation: Reservation, wanted: Budgets) -> Reservation:
        return replace(reservation, taken=replace(reservation.taken, values=wanted.values))

    def settle(self, *_: object, used: Budgets, **__: object) -> Settled:
        return Settled(minus(self.task.budgets, used), TaskState.ACTIVE)


@dataclass(slots=True)
class AtOnceRecords:
    """Implements `ports.RecordStore`: makes key, link and bytes of each record as the real one does, and keeps none."""

    source: Source
    writer: Writer = field(default_factory=lambda: Writer(secrets.token_hex(ENV_BYTES)))

    def put(self, record: Record) -> Sha256Hex:
        record_key(self.source.log, record.type, record.id)
        linked = link(record, self.writer, self.source)
        self.writer = linked.next
        return linked.sha256


class AtOnceRates:
    """The part of `rate_ports.Rates` that statements call."""

    def take(self, *_: object, **__: object) -> None:
        return None


class FreshWatermarks:
    """A log that is up to date."""

    def read(self, *_: object) -> Watermark:
        return Watermark(time.time_ns() // 1000, 0)


class NoTokens:
    """Stands for `ports.Tokens` where no statement looks anything up."""


@dataclass(slots=True)
class CannedDatabase:
    """The part of `ports.TaskDatabase` and its session that reads call: each statement gives its canned result."""

    results: Mapping[str, Result]

    def session(self, *_: object) -> CannedDatabase:
        return self

    def run(self, sql: str, *_: object, **__: object) -> Result:
        return self.results[sql]


@dataclass(frozen=True, slots=True)
class Deployed:
    """Implements `ports.PolicySource` for a layer that is loaded."""

    bundle: PolicyBundle

    def load(self) -> PolicyBundle:
        return self.bundle
