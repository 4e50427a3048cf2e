"""What the records say of one statement, as far as a database's log can bear it out.

The records are taken at their word: whether they are the log's own, unchanged and complete is `audit verify`'s to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from postern.audit.canonical import malformed, parse_canonical
from postern.audit.records import RecordType
from postern.audit.run_bodies import RUN_KINDS
from postern.audit.times import parse_time
from postern.errors import IntegrityError
from postern.types import CommandId

COMMITTED = "committed"
PENDING = "pending"
# Outcomes of statements that the server had begun to run when they ended.
_RAN = frozenset({"ok", PENDING, "too_large", "over_budget", "rolled_back"})
_FAILED_THERE = "sql.failed"
_KINDS = RUN_KINDS | {"statement"}


@dataclass(frozen=True, slots=True)
class Stray:
    """An object at the place of an act's record, under a key that is no such record's."""

    key: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A record's bytes, as they were found."""

    key: str
    data: bytes


class Evidence(Protocol):
    """The records of a pulled log. Reading them changes nothing; raises what its store raises."""

    def hours(self) -> Sequence[str]:
        """The hours of which there are records, `YYYYMMDD/HH`, in order."""
        ...

    def commands(self, hour: str) -> Iterable[CommandId | Stray]:
        """The ids of the hour's acts on a database: those with an intent. All are UUIDv7 of that hour."""
        ...

    def read(self, command_id: CommandId, type_: RecordType) -> Stored | None:
        """The record; None where there is none. Of what is longer than a record may be, more than that is given."""
        ...


Normalise = Callable[[str], str | None]  # a text without literals and quoted names; None where it does not parse


@dataclass(frozen=True, slots=True)
class Text:
    """The statement that ran, as its record has it: the SHA-256 of its text, or of its normalised text.

    `sha256` is None where the record shows neither.
    """

    sha256: str | None
    is_normalised: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """The transaction that a pending outcome names."""

    pid: int
    xid: int  # 64 bits


@dataclass(frozen=True, slots=True)
class Recorded:
    """A statement on record. `status` is None while there is no outcome, `settled` while there is no settlement.

    Either is as if it were not there where it has not its form: `unreadable` has its key then.
    """

    id: CommandId
    time_us: int
    last_us: int  # the time of its latest record
    database: str  # the catalog's name
    role: str
    is_refused: bool
    text: Text
    status: str | None = None
    error: str | None = None
    mark: Mark | None = None
    settled: str | None = None
    unreadable: tuple[str, ...] = ()

    @property
    def must_have_run(self) -> bool:
        return self.status in _RAN or (self.status == "failed" and self.error == _FAILED_THERE)

    @property
    def must_not_have_run(self) -> bool:
        """It was refused, or never sent since another of its transaction failed."""
        return self.is_refused or (self.status == "not_run" and self.error is None)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An act whose intent has not its form: what was asked, and on which database, is not on record."""

    key: str


def read_recorded(evidence: Evidence, command_id: CommandId, normalise: Normalise) -> Recorded | Unreadable | None:
    """The statement of this id; None where the records have none, or an act of another kind."""
    stored = evidence.read(command_id, RecordType.INTENT)
    if stored is None:
        return None
    try:
        recorded = _read_intent(command_id, stored.data, normalise)
    except IntegrityError:
        return Unreadable(stored.key)
    if recorded is None:
        return None
    for type_, take in ((RecordType.OUTCOME, _with_outcome), (RecordType.SETTLED, _with_settlement)):
        later = evidence.read(command_id, type_)
        if later is None:
            continue
        try:
            recorded = take(recorded, parse_canonical(later.data))
        except IntegrityError:
            recorded = replace(recorded, unreadable=(*recorded.unreadable, later.key))
    return recorded


def _read_intent(command_id: CommandId, data: bytes, normalise: Normalise) -> Recorded | None:
    intent = parse_canonical(data)
    if intent.get("kind") not in _KINDS:
        return None
    target, time_us = _object(intent, "target"), parse_time(_word(intent, "time"))
    return Recorded(
        id=command_id,
        time_us=time_us,
        last_us=time_us,
        database=_word(target, "database"),
        role=_word(target, "role"),
        is_refused=_word(_object(intent, "decision"), "result") == "refuse",
        text=_text(_object(intent, "statement"), normalise),
    )


def _with_outcome(recorded: Recorded, outcome: Mapping[str, object]) -> Recorded:
    return replace(
        recorded,
        last_us=max(recorded.last_us, parse_time(_word(outcome, "time"))),
        status=_word(outcome, "status"),
        error=_word(outcome, "error") if "error" in outcome else None,
        mark=_mark(_object(outcome, "transaction")) if outcome.get("status") == PENDING else None,
    )


def _with_settlement(recorded: Recorded, settled: Mapping[str, object]) -> Recorded:
    return replace(
        recorded,
        last_us=max(recorded.last_us, parse_time(_word(settled, "time"))),
        settled=_word(settled, "status"),
    )


def _text(statement: Mapping[str, object], normalise: Normalise) -> Text:
    """Open, the texts are those that were sent; closed, they are without literals. `ran` is there where it differs.

    A closed text shows the quoted names that its task was granted, which the log's text alone does not tell from
    others: it is normalised once more, without them.
    """
    value = statement.get("ran", statement.get("text"))
    if "mode" in statement:
        again = normalise(value) if isinstance(value, str) else None
        return Text(None if again is None else hashlib.sha256(again.encode()).hexdigest(), is_normalised=True)
    if isinstance(value, str):
        return Text(hashlib.sha256(value.encode()).hexdigest())
    if isinstance(value, dict):
        return Text(_word(value, "sha256"))
    raise malformed("statement", "a text or the name of a blob", "something else")


def _mark(transaction: Mapping[str, object]) -> Mark:
    pid, xid = transaction.get("backend_pid"), _word(transaction, "xid")
    if isinstance(pid, bool) or not isinstance(pid, int) or not (xid.isascii() and xid.isdigit() and len(xid) <= 20):
        raise malformed("transaction", "a backend_pid and an xid", "others")
    return Mark(pid, int(xid))


def _word(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise malformed(name, "a string", "something else")
    return value


def _object(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = members.get(name)
    if not isinstance(value, dict):
        raise malformed(name, "an object", "something else")
    return value
