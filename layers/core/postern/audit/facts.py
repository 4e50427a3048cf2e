"""What a record says of itself, for who looks for it: its sender, and the task, databases, tables and codes it names.

An outcome and a settlement name none but their task; the rest is their intent's, which has the same id: `joined` puts
it there, and until then they are nobody's and of no database. Nothing that they say in its place is believed.

A member may be a blob in a record's stead (`asides`): then it cannot be told what it names, and None says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from postern.audit.canonical import malformed, parse_canonical
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord, parse_members
from postern.errors import IntegrityError

Names = frozenset[str]
NONE: Names = frozenset()
_FOLLOWS = (RecordType.OUTCOME, RecordType.SETTLED)


@dataclass(frozen=True, slots=True)
class Sender:
    """A principal as a record names it: all four together are one caller, and no three of them are."""

    issuer: str
    issuer_url: str
    subject: str
    on_behalf_of: str | None

    @property
    def id(self) -> str:
        return f"{self.issuer}|{self.subject}"


@dataclass(frozen=True, slots=True)
class Facts:
    """A record in its place in the log, and what can be asked of it."""

    index: int
    key: str
    data: bytes
    stored: StoredRecord
    task: str | None
    sender: Sender | None  # who owns the record
    persons: Names  # whom it names: as sender, on whose behalf, as requester, or whose access it is about
    databases: Names
    tables: Names | None  # `schema.name`
    codes: Names | None

    @property
    def follows(self) -> bool:
        """Whether its sender and databases are those of its intent."""
        return self.stored.type in _FOLLOWS


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that is no record of this log: nobody can say what it is about."""

    index: int
    data: bytes
    reason: str


Entry = Facts | Unreadable


def read_facts(index: int, data: bytes, log: str, deployment: str) -> Entry:
    """What stands at this place of the log. Its bytes are canonical, its envelope is sound, and it is of this log."""
    try:
        members = parse_canonical(data)
        stored = parse_members(members, data)
        if (stored.source.log, stored.source.deployment) != (log, deployment):
            raise malformed("log and deployment", f"{log} of {deployment}", "another's")
        return _facts(index, record_key(log, stored.type, stored.id), data, stored, members)
    except IntegrityError as error:
        return Unreadable(index, data, error.detail)


def joined(facts: Facts, intent: Facts) -> Facts:
    """An outcome or settlement with what its intent says of it.

    It stays as it is where that is no intent of its command, or not the one that it names by digest.
    """
    is_its_intent = intent.stored.type is RecordType.INTENT and intent.stored.id == facts.stored.id
    if facts.stored.type is RecordType.OUTCOME and facts.stored.names != intent.stored.sha256:
        is_its_intent = False
    if not is_its_intent:
        return facts
    return replace(
        facts, sender=intent.sender, persons=intent.persons, databases=intent.databases, tables=intent.tables
    )


def _facts(index: int, key: str, data: bytes, stored: StoredRecord, members: Mapping[str, object]) -> Facts:
    decision = _object(members.get("decision"))
    facts = Facts(
        index=index,
        key=key,
        data=data,
        stored=stored,
        task=_task(members),
        sender=None,
        persons=NONE,
        databases=NONE,
        tables=NONE,
        codes=_codes(members, decision),
    )
    if facts.follows:
        return facts
    sender = _sender(members.get("principal"))
    return replace(
        facts,
        sender=sender,
        persons=frozenset(_persons(sender, members)),
        databases=frozenset(_databases(members)),
        tables=_tables(members, decision),
    )


def _task(members: Mapping[str, object]) -> str | None:
    kind, name = _revoked(members)
    return _text(_object(members.get("task")).get("id")) or (name if kind == "task" else None)


def _sender(value: object) -> Sender | None:
    named = _object(value)
    issuer, url, subject = (_text(named.get(name)) for name in ("issuer", "issuer_url", "subject"))
    if issuer is None or url is None or subject is None or "on_behalf_of" not in named:
        return None
    person = named["on_behalf_of"]
    return Sender(issuer, url, subject, person) if person is None or isinstance(person, str) else None


def _persons(sender: Sender | None, members: Mapping[str, object]) -> Iterator[str]:
    if sender is not None:
        yield sender.id
    kind, name = _revoked(members)
    asker, requester = _object(members.get("principal")), _object(members.get("requester"))
    named = (asker.get("on_behalf_of"), requester.get("id"), requester.get("on_behalf_of"))
    yield from (person for person in (*named, name if kind == "principal" else None) if isinstance(person, str))


def _databases(members: Mapping[str, object]) -> Iterator[str]:
    """Every database that the record names, wherever a record may name one."""
    kind, name = _revoked(members)
    named = (
        members.get("database"),
        _object(members.get("target")).get("database"),
        _object(members.get("request")).get("database"),
        name if kind in ("database", "hold") else None,
    )
    yield from (one for one in named if isinstance(one, str))


def _revoked(members: Mapping[str, object]) -> tuple[str | None, str | None]:
    of = _object(_object(members.get("revocation")).get("of"))
    return _text(of.get("kind")), _text(of.get("name"))


def _tables(members: Mapping[str, object], decision: Mapping[str, object]) -> Names | None:
    scope, relations = members.get("scope", []), decision.get("relations", [])
    if not isinstance(scope, list) or not isinstance(relations, list):
        return None
    granted = (_object(one).get("table") for one in scope)
    return frozenset(name for name in (*granted, *relations) if isinstance(name, str))


def _codes(members: Mapping[str, object], decision: Mapping[str, object]) -> Names | None:
    refusals = decision.get("refusals", [])
    if not isinstance(refusals, list):
        return None
    named = (decision.get("code"), members.get("error"), *(_object(one).get("code") for one in refusals))
    return frozenset(code for code in named if isinstance(code, str))


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
