"""Settles writes whose outcome is pending: their writer died around COMMIT, and only the database knows.

It is asked on the server that the outcome names, and its word counts only where it is final. What it cannot say within
an hour of the outcome (another server after a failover or a restore, a transaction that is too old, a database that is
away or no longer in the policy layer) is settled as `unknown` for ever; at once where no server can tell any more.
While the transaction's backend lives it may still commit: then nothing is settled for six hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.audit import bodies
from postern.errors import DatabaseUnavailable, IntegrityError, PolicyUnavailable
from postern.ports import Clock, PolicySource, RecordStore, TransactionMark
from postern.reap_ports import Fate, Fates
from postern.services.reap.records import Intent, Outcome
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId, DatabaseName

SETTLED_AFTER_US = 60_000_000  # from the outcome's storing: until then its writer may settle it
UNKNOWN_AFTER_US = 3_600_000_000
# COMMIT may wait so long for a standby; not for ever: the hours since then are listed each minute.
RUNNING_AFTER_US = 21_600_000_000
LEAST_LEFT_S = 12.0  # what a database that does not answer may take

_STATUS = {Fate.COMMITTED: "committed", Fate.ROLLED_BACK: "rolled_back"}


@dataclass(frozen=True, slots=True)
class Pending:
    """A write that is not settled. `stored_us` is when its outcome was, by the bucket's clock."""

    id: CommandId
    intent: Intent
    outcome: Outcome
    stored_us: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Raises `EvidenceUnavailable`, where those before it are settled."""

    fates: Fates
    policy: PolicySource
    clock: Clock

    def run(self, records: RecordStore, pending: Sequence[Pending], watch: Stopwatch) -> list[CommandId]:
        """Which are settled now, by this or by another. What time did not suffice for waits for the next pass."""
        asked = _Asked(self.fates, self.policy)
        done: list[CommandId] = []
        for one in pending:
            if watch.left_s() < LEAST_LEFT_S:
                break
            status = self._status(one, asked)
            if status is not None:
                self._record(records, one, status)
                done.append(one.id)
        return done

    def _status(self, one: Pending, asked: _Asked) -> str | None:
        fate = Fate.UNKNOWN if one.outcome.mark is None else asked.fate(one.intent.database, one.outcome.mark)
        if fate in _STATUS:
            return _STATUS[fate]
        if fate is Fate.LOST:
            return "unknown"
        waits_us = RUNNING_AFTER_US if fate is Fate.RUNNING else UNKNOWN_AFTER_US
        return "unknown" if self.clock.now_us() - one.stored_us >= waits_us else None

    def _record(self, records: RecordStore, one: Pending, status: str) -> None:
        settled = bodies.statement_settled(
            one.id,
            self.clock.now_us(),
            one.intent.task_id,
            one.outcome.sha256,
            status=status,
            result={},
            kind=one.intent.kind,
        )
        try:
            records.put(settled)
        except IntegrityError as conflict:
            # Settled meanwhile, by its writer or another reaper, who asked the same database.
            if conflict.code != "evidence.conflict":
                raise


@dataclass(slots=True)
class _Asked:
    """The databases' answers of one pass: the statements of one transaction get the same one."""

    fates: Fates
    policy: PolicySource
    _known: dict[tuple[DatabaseName, TransactionMark], Fate] = field(default_factory=dict)
    _away: set[DatabaseName] = field(default_factory=set)

    def fate(self, database: DatabaseName, mark: TransactionMark) -> Fate:
        key = (database, mark)
        if key not in self._known:
            self._known[key] = self._ask(database, mark)
        return self._known[key]

    def _ask(self, database: DatabaseName, mark: TransactionMark) -> Fate:
        if database in self._away:
            return Fate.UNKNOWN  # not asked again in this pass: each attempt waits for a timeout
        try:
            return self.fates.fate(self.policy.load().address(database), mark)
        except (DatabaseUnavailable, PolicyUnavailable):
            self._away.add(database)
            return Fate.UNKNOWN
