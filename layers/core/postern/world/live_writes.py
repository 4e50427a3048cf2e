"""What a write could set off, as the live database describes it: the answer to `live_writes_sql`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postern.types import Action
from postern.world.live import TableKey
from postern.world.routines import Routine, parse_routine


@dataclass(frozen=True, slots=True)
class LiveSequence:
    """A sequence that a default takes its value from, named as SQL can name it."""

    name: str
    is_grantable: bool  # by postern_owner


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column, as an INSERT or UPDATE meets it."""

    is_required: bool  # NOT NULL, and nothing fills it in when it is left out
    is_generated: bool  # GENERATED ALWAYS: never written
    is_fresh: bool  # what fills it in is a value that no row has had
    is_late: bool  # its default names a sequence only when it runs
    sequences: tuple[LiveSequence, ...]


@dataclass(frozen=True, slots=True)
class LiveTrigger:
    """A trigger or rule that fires in an ordinary session."""

    name: str
    is_rule: bool
    is_row: bool
    actions: frozenset[Action]
    columns: frozenset[str]  # of UPDATE OF; empty where any column fires it
    routines: tuple[Routine, ...]  # its function, and those of its condition


@dataclass(frozen=True, slots=True)
class LiveKey:
    """A foreign key that refers to a table and acts on another when its rows go or change.

    An action is `pg_constraint`'s: c CASCADE, n SET NULL, d SET DEFAULT, a and r none.
    """

    name: str
    referencing: int
    on_delete: str
    on_update: str
    columns: frozenset[str]  # of the referencing table
    unset_columns: frozenset[str]  # of these, what a DELETE sets to NULL or default
    referenced: frozenset[str]


@dataclass(frozen=True, slots=True)
class LiveConstraint:
    """What compares a row's columns with each other or with other rows, and fails where they do not fit."""

    name: str
    is_unique: bool
    is_primary: bool
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A function that is not PostgreSQL's own and runs as part of a write."""

    by: str  # `column x`, `constraint y`
    is_default: bool  # on INSERT only
    routine: Routine


@dataclass(frozen=True, slots=True)
class LiveRelation:
    """A table that a write may reach."""

    schema: str
    name: str
    relkind: str
    allowed: frozenset[Action]  # to postern_owner
    children: tuple[int, ...]  # partitions and heirs
    partition_key: frozenset[str]  # columns by which a partitioned table finds a row's partition
    columns: Mapping[str, LiveColumn]
    triggers: tuple[LiveTrigger, ...]
    keys: tuple[LiveKey, ...]
    constraints: tuple[LiveConstraint, ...]
    calls: tuple[LiveCall, ...]

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"


LiveWrites = Mapping[int, LiveRelation]  # by oid


def find_relation(live: LiveWrites, key: TableKey) -> tuple[int, LiveRelation] | None:
    """The relation of that schema and name."""
    return next(((oid, found) for oid, found in live.items() if (found.schema, found.name) == key), None)


def parse_live_writes(rows: Iterable[Sequence[str]]) -> dict[int, LiveRelation]:
    """The relations that `live_writes_sql` found."""
    return {int(oid): _relation(json.loads(facts)) for oid, facts in rows}


def _relation(facts: dict[str, Any]) -> LiveRelation:
    return LiveRelation(
        schema=facts["schema"],
        name=facts["name"],
        relkind=facts["relkind"],
        allowed=frozenset(map(Action, facts["allowed"])),
        children=tuple(facts["children"]),
        partition_key=frozenset(facts["partition_key"]),
        columns={name: _column(column) for name, column in facts["columns"].items()},
        triggers=tuple(_trigger(trigger) for trigger in [*facts["triggers"], *facts["rules"]]),
        keys=tuple(_key(key) for key in facts["keys"]),
        constraints=tuple(_constraint(one) for one in [*facts["constraints"], *facts["checks"]]),
        calls=tuple(
            LiveCall(call["by"], call["is_default"], parse_routine(call["routine"])) for call in facts["calls"]
        ),
    )


def _column(facts: dict[str, Any]) -> LiveColumn:
    return LiveColumn(
        is_required=facts["is_required"],
        is_generated=facts["is_generated"],
        is_fresh=bool(facts["is_fresh"]),  # NULL where there is no default
        is_late=bool(facts["is_late"]),
        sequences=tuple(LiveSequence(**sequence) for sequence in facts["sequences"]),
    )


def _trigger(facts: dict[str, Any]) -> LiveTrigger:
    return LiveTrigger(
        name=facts["name"],
        is_rule=facts["is_rule"],
        is_row=facts["is_row"],
        actions=frozenset(map(Action, facts["actions"])),
        columns=frozenset(facts["columns"]),
        routines=tuple(parse_routine(routine) for routine in facts["routines"]),
    )


def _key(facts: dict[str, Any]) -> LiveKey:
    return LiveKey(
        name=facts["name"],
        referencing=facts["referencing"],
        on_delete=facts["on_delete"],
        on_update=facts["on_update"],
        columns=frozenset(facts["columns"]),
        unset_columns=frozenset(facts["unset_columns"]),
        referenced=frozenset(facts["referenced"]),
    )


def _constraint(facts: dict[str, Any]) -> LiveConstraint:
    return LiveConstraint(facts["name"], facts["is_unique"], facts["is_primary"], frozenset(facts["columns"]))
