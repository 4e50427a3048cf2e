"""Step 9: the records of one id belong together.

An act has an intent; if it was refused, that is all. Otherwise one outcome follows that names the
intent's bytes, and where that outcome is `pending` (a write, not committed yet) a settlement follows that
names the outcome's. A fact is one event alone. What is missing at the end is open, not wrong: the process
may have died there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from postern.audit.findings import Bounds, Finding, Step
from postern.audit.objects import Checked
from postern.audit.records import RecordType
from postern.audit.times import format_time

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Open:
    """A command whose end is not on record: `key` is of its last record."""

    key: str
    waits_for: RecordType
    since_us: int


def check_command(records: Sequence[Checked], bounds: Bounds) -> Open | Finding | None:
    """What is open or wrong with one id's records, given in key order; None where it is complete."""
    last: Checked | None = None
    awaited = _FIRST
    for one in records:
        if one.record.type not in awaited.types:
            return Finding(Step.COMMAND, one.key, "command", awaited.words, one.record.type.value)
        finding = None if last is None else _check_follows(last, one, bounds)
        if finding is not None:
            return finding
        last, awaited = one, _after(one)
    if last is None or not awaited.types:
        return None
    return Open(last.key, min(awaited.types), last.record.time_us)


@dataclass(frozen=True, slots=True)
class _Awaited:
    types: frozenset[RecordType]
    words: str


_FIRST = _Awaited(frozenset({RecordType.INTENT, RecordType.EVENT}), "an intent or an event first")
_AN_OUTCOME = _Awaited(frozenset({RecordType.OUTCOME}), "an outcome after the intent")
_A_SETTLEMENT = _Awaited(frozenset({RecordType.SETTLED}), "a settlement after the pending outcome")


def _after(one: Checked) -> _Awaited:
    """What may and must come after this record in its command."""
    record = one.record
    if record.type is RecordType.INTENT and not record.is_refused:
        return _AN_OUTCOME
    if record.type is RecordType.OUTCOME and record.status == PENDING:
        return _A_SETTLEMENT
    return _nothing("refused intent" if record.is_refused else f"{record.status or 'final'} {record.type.value}")


@lru_cache(maxsize=64)
def _nothing(after: str) -> _Awaited:
    return _Awaited(frozenset(), f"nothing after the {after}")


def _check_follows(earlier: Checked, later: Checked, bounds: Bounds) -> Finding | None:
    if later.record.names != earlier.record.sha256:
        what = f"{earlier.record.type.value} digest"
        return Finding(Step.COMMAND, later.key, what, earlier.record.sha256, f"{later.record.names}")
    if later.record.kind != earlier.record.kind:
        return Finding(Step.COMMAND, later.key, "kind", earlier.record.kind, later.record.kind)
    if later.record.source.deployment != earlier.record.source.deployment:
        expected, got = earlier.record.source.deployment, later.record.source.deployment
        return Finding(Step.COMMAND, later.key, "deployment", expected, got)
    if later.record.time_us < earlier.record.time_us - bounds.skew_us:
        expected = f"not before its {earlier.record.type.value}, {format_time(earlier.record.time_us)}"
        return Finding(Step.COMMAND, later.key, "time", expected, format_time(later.record.time_us))
    if later.last_modified_us < earlier.last_modified_us - bounds.skew_us:
        # The writers' clocks can lie; the bucket's own does not.
        expected = f"not before its {earlier.record.type.value}, {format_time(earlier.last_modified_us)}"
        return Finding(Step.COMMAND, later.key, "stored", expected, format_time(later.last_modified_us))
    return None
