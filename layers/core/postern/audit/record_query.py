"""What is sought among the records of a log, and whether an entry is it."""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.facts import Entry, Facts, Names

SLACK_US = 3_600_000_000  # after its time a record is in the log, or it is late: see `services/log_entries.py`


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """A search, checked for shape. None asks for nothing; everything else must hold."""

    log: str
    task: str | None = None  # 32 hex digits
    principal: str | None = None  # `<issuer>|<sub>`, or a person by its issuer's name
    database: str | None = None
    table: str | None = None  # `schema.name`, or a name in any schema
    kind: str | None = None
    code: str | None = None
    from_us: int | None = None
    to_us: int | None = None  # the first moment that is too late
    is_descending: bool = True

    @property
    def earliest_us(self) -> int | None:
        """What is sought is of this time at the earliest. A task's id begins with its time (RFC 9562 section 5.7)."""
        opened_us = None if self.task is None else int(self.task[:12], 16) * 1000
        return max((one for one in (self.from_us, opened_us) if one is not None), default=None)

    @property
    def asks_of_intents(self) -> bool:
        """Whether it asks for what an outcome does not say itself."""
        return self.principal is not None or self.database is not None or self.table is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search goes on: in the tree of this size, at this entry, or downwards from before it."""

    size: int
    at: int


def matches(query: RecordQuery, entry: Entry) -> bool:
    """Whether this is sought, or nobody can say that it is not: an entry that is no record, names in a blob."""
    if not isinstance(entry, Facts):
        return True
    return (
        matches_itself(query, entry)
        and (query.principal is None or query.principal in entry.persons)
        and (query.database is None or query.database in entry.databases)
        and (query.table is None or entry.tables is None or _is_among(query.table, entry.tables))
    )


def matches_itself(query: RecordQuery, facts: Facts) -> bool:
    """The part of it that a record says itself, whatever its type."""
    time_us = facts.stored.time_us
    return (
        (query.task is None or query.task == facts.task)
        and (query.kind is None or query.kind == facts.stored.kind)
        and (query.code is None or facts.codes is None or query.code in facts.codes)
        and (query.from_us is None or query.from_us <= time_us)
        and (query.to_us is None or time_us < query.to_us)
    )


def _is_among(table: str, tables: Names) -> bool:
    return table in tables or any(one.rpartition(".")[2] == table for one in tables)
