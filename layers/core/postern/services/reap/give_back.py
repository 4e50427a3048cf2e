"""Gives back what dead calls took of their tasks' budgets, and closes or lets go of their idempotency keys.

What a call holds stands in its task until it is given back, which takes it away in the same conditional write: so it
happens once, by the call itself or by any reaper, and whoever dies before it leaves it to be found. What is given
back follows from the records of the call's first command alone, since a call's statements stand and fall together:

    no intent, long after its id             nothing ran: all of it
    refused, failed, abandoned, rolled back  without effect: all but the statements and lookups; the key is let go of
    delivered, committed                     what was delivered and written is spent; the key keeps what is on record
    unknown                                  the same, and the key says that it is unknown
    anything else                            it may be alive, or is not closed yet: the next pass looks again
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import record_key
from postern.audit.log_bodies import ABANDONED
from postern.audit.records import RecordType
from postern.errors import IntegrityError
from postern.log_ports import Wal, WalVersion
from postern.ports import Clock
from postern.reap_ports import Hold, Holds
from postern.services.reap.listing import SHARDS, hour_of, prefix_of
from postern.services.reap.records import (
    PENDING,
    Intent,
    Outcome,
    Settlement,
    read_intent,
    read_outcome,
    read_settlement,
)
from postern.services.stopwatch import Stopwatch
from postern.types import Budgets, CommandId, TaskId

DEAD_AFTER_US = 60_000_000  # from its writer's last record: a call that lives gives back by itself
UNSEEN_AFTER_US = 300_000_000  # from the id: a call without an intent by then never wrote one
LEAST_LEFT_S = 3.0
_TYPES = (RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED)
_HAD_EFFECT = frozenset({"ok", "committed", "unknown"})


@dataclass(frozen=True, slots=True)
class Command:
    """The records of one command, as far as there are any."""

    id: CommandId
    intent: Intent | None
    outcome: Outcome | None
    settlement: Settlement | None
    written_us: int  # when the last one of its own writer was stored

    @property
    def status(self) -> str | None:
        """What came of it in the end; None where that is not on record."""
        if self.settlement is not None:
            return self.settlement.status
        if self.outcome is not None:
            return None if self.outcome.status == PENDING else self.outcome.status
        return "refused" if self.intent is not None and self.intent.is_refused else None


@dataclass(slots=True)
class GivenBack:
    """What a look at tasks came to."""

    calls: int = 0  # given back
    seen: set[TaskId] = field(default_factory=set)
    holding: set[TaskId] = field(default_factory=set)  # of them: where calls that may live hold something still


@dataclass(frozen=True, slots=True)
class GiveBack:
    """`logs` are those in which calls of open tasks may lie: the deployed one, and the one before it."""

    holds: Holds
    wal: Wal
    clock: Clock
    logs: Callable[[], Sequence[str]]

    def run(self, task_ids: Iterable[TaskId], watch: Stopwatch) -> GivenBack:
        """As far as time suffices. Raises `UpstreamError`."""
        done = GivenBack()
        for task_id in sorted(task_ids):
            if watch.left_s() < LEAST_LEFT_S:
                break
            held = self.holds.held(task_id)
            given = sum(self._look(task_id, command_id, hold) for command_id, hold in held.items())
            done.calls += given
            done.seen.add(task_id)
            if given < len(held):
                done.holding.add(task_id)
        return done

    def _look(self, task_id: TaskId, command_id: CommandId, hold: Hold) -> bool:
        found = self._command(command_id)
        now_us = self.clock.now_us()
        if found is None:
            return False  # the bucket did not answer for one of its records
        log, command = found
        if command.intent is None and command.outcome is None:
            is_dead = now_us - uuid7_time_ms(command_id) * 1000 > UNSEEN_AFTER_US
            return is_dead and self.holds.give_back(task_id, command_id, hold, used=Budgets(), answer=None)
        if command.status is None or now_us - command.written_us < DEAD_AFTER_US:
            return False
        if command.status not in _HAD_EFFECT:
            spent = Budgets(statements=hold.taken.statements, lookups=hold.taken.lookups)
            return self.holds.give_back(task_id, command_id, hold, used=spent, answer=None)
        call = self._call(log, command)
        if call is None:
            return False
        return self.holds.give_back(
            task_id, command_id, hold, used=_used(hold, call), answer=_answer(log, command.status, call)
        )

    def _command(self, id_: CommandId) -> tuple[str, Command] | None:
        """A command, with the log that it lies in; in none of them, it has no records. None where it is not known."""
        logs = self.logs()
        for log in logs:
            command = self._read(log, id_)
            if command is None or command.intent is not None or command.outcome is not None:
                return None if command is None else (log, command)
        return logs[0], Command(id_, None, None, None, 0)

    def _read(self, log: str, id_: CommandId) -> Command | None:
        keys = {type_: record_key(log, type_, id_) for type_ in _TYPES}
        first = self.wal.first_versions(list(keys.values()))
        versions = {type_: first[key] for type_, key in keys.items() if key in first}
        stored = {type_: version for type_, version in versions.items() if version is not None}
        data = self.wal.read_versions(list(stored.values()))
        if len(versions) < len(_TYPES) or len(data) < len(stored):
            return None
        return _parse(log, id_, {type_: (version, data[version.key]) for type_, version in stored.items()})

    def _call(self, log: str, first: Command) -> list[Command] | None:
        """Every command of a call, in their order. None where one could not be read: it may have used something."""
        if first.intent is None or first.intent.count == 1:
            return [first]
        # Drawn in one millisecond, so their ids begin alike; each shard is asked for that beginning.
        beginning = hour_of(uuid7_time_ms(first.id) * 1000) + first.id[:13]
        ids = {
            CommandId(version.key.split("/")[-2])
            for shard in SHARDS
            for version in self.wal.versions_under(prefix_of(log, shard) + beginning)
            if version.key.endswith("/1-intent.json")
        }
        read = [first if id_ == first.id else self._read(log, id_) for id_ in sorted(ids)]
        known = [one for one in read if one is not None]
        if len(known) < len(read):
            return None
        mine = [one for one in known if one.intent is not None and one.intent.unit == first.id]
        return sorted(mine, key=_index)


def _index(command: Command) -> int:
    return 0 if command.intent is None else command.intent.index


def _parse(log: str, id_: CommandId, stored: dict[RecordType, tuple[WalVersion, bytes]]) -> Command:
    """A record that is none (bytes that somebody put there) closes nothing."""
    command = Command(id_, None, None, None, 0)
    for type_, (_, data) in stored.items():
        try:
            match type_:
                case RecordType.INTENT:
                    command = replace(command, intent=read_intent(data, log, id_))
                case RecordType.OUTCOME:
                    command = replace(command, outcome=read_outcome(data, log, id_))
                case RecordType.SETTLED:
                    command = replace(command, settlement=read_settlement(data, log, id_))
        except IntegrityError:
            continue
    # What the reaper wrote says nothing of whether the writer lives.
    is_own = command.outcome is not None and command.outcome.status != ABANDONED
    last = RecordType.OUTCOME if is_own else RecordType.INTENT
    return replace(command, written_us=stored[last][0].last_modified_us) if last in stored else command


def _used(hold: Hold, call: Sequence[Command]) -> Budgets:
    """What surely or possibly was delivered and written: a budget errs on the safe side."""
    outcomes = [one.outcome for one in call if one.outcome is not None]
    return replace(
        hold.taken,
        rows=min(hold.taken.rows, sum(one.rows for one in outcomes)),
        bytes=min(hold.taken.bytes, sum(one.bytes for one in outcomes)),
    )


def _answer(log: str, status: str, call: Sequence[Command]) -> dict[str, object]:
    """What a later call with the same key is told: all but rows, and the digest key, which died with the call."""
    if status == "ok":
        return {"status": status, "writes": False}
    return {
        "status": status,
        "writes": True,
        "settled": status == "committed",
        "statements": [
            {
                "command_id": one.id,
                "row_count": one.outcome.rows,
                "affected": one.outcome.affected,
                "receipt": {
                    "intent_sha256": one.intent.sha256,
                    "outcome_sha256": one.outcome.sha256,
                    "settled_sha256": None if one.settlement is None else one.settlement.sha256,
                    "log": log,
                },
            }
            for one in call
            if one.intent is not None and one.outcome is not None
        ],
    }
