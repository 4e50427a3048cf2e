"""The part of a task's grant that the guard decides by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from postern.types import Action, Grant, GrantedColumn, MaskKind, View


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as the agent names it, and the view that stands for it in the task's own schema."""

    schema: str
    name: str
    view: str
    columns: tuple[GrantedColumn, ...]
    actions: frozenset[Action]
    filtered: bool = False  # by a row filter: there are rows that the task does not see
    key: tuple[str, ...] = ()  # of the table under it, where the view shows what tells its values apart
    ungroupable: frozenset[str] = frozenset()  # columns of types without equality
    is_table: bool = True  # and no view, nor a table of parts: its plan names it and nothing beneath
    has_heirs: bool = False  # rows of other tables may be in it, which ONLY would leave out
    by_column: Mapping[str, GrantedColumn] = field(init=False, compare=False, repr=False)
    masked: frozenset[str] = field(init=False, compare=False, repr=False)  # names of columns under a mask

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        set_once(self, "by_column", {column.name: column for column in self.columns})
        set_once(self, "masked", frozenset(column.name for column in self.columns if column.mask is not None))

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything a statement may name. What is not in it is refused, whether it exists or not.

    `functions` are the catalog's own, as `schema.name`; a bare name means `schema_default`'s.
    """

    schema_default: str
    relations: tuple[Relation, ...]
    functions: frozenset[str]
    server_major: int  # chooses the lists of functions and types; one that has no lists refuses everything
    lookups: frozenset[str] = frozenset()  # classes whose tokens may be compared with a value
    task_schema: str | None = None  # the task's own, where the views stand; None where it is not known
    own_types: frozenset[tuple[str, str]] = frozenset()  # schema and name of the enums that its columns have
    database: str | None = None  # the server's name of the database, which may stand before a schema; None: nothing may
    by_view: Mapping[str, Relation] = field(init=False, compare=False, repr=False)
    by_name: Mapping[tuple[str, str], Relation] = field(init=False, compare=False, repr=False)
    columns: frozenset[str] = field(init=False, compare=False, repr=False)
    own_functions: frozenset[tuple[str, str]] = field(init=False, compare=False, repr=False)
    masks: bool = field(init=False, compare=False, repr=False)  # any column of any relation

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        set_once(self, "by_view", {relation.view: relation for relation in self.relations})
        set_once(self, "by_name", {(relation.schema, relation.name): relation for relation in self.relations})
        set_once(self, "masks", any(relation.masked for relation in self.relations))
        set_once(self, "columns", frozenset(name for relation in self.relations for name in relation.by_column))
        set_once(self, "own_functions", frozenset(self._split(function) for function in self.functions))

    def _split(self, function: str) -> tuple[str, str]:
        schema, dot, name = function.partition(".")
        return (schema, name) if dot else (self.schema_default, function)


def scope_of(
    grant: Grant,
    server_major: int,
    task_schema: str | None = None,
    views: Iterable[View] = (),
    database: str | None = None,
) -> Scope:
    """The scope of a grant: its tables with their actions and columns, its lookups, the catalog's own functions.

    `task_schema` lets `public.orders` be read beside a WITH query named `orders`; without it that is refused. `views`
    are the grant's as they stand: they know keys and types, without which the statements that need them are refused.
    `database` is what the server calls it.
    """
    built = {(view.schema, view.name): view for view in views}
    relations = tuple(
        Relation(
            schema=table.schema,
            name=table.name,
            view=table.view,
            columns=table.columns,
            actions=frozenset(table.actions),
            filtered=table.row_filter is not None,
            key=_telling_key(built.get((table.schema, table.name))),
            ungroupable=_ungroupable(built.get((table.schema, table.name))),
            is_table=(table.schema, table.name) not in built or built[table.schema, table.name].relkind == "r",
            has_heirs=(table.schema, table.name) not in built or built[table.schema, table.name].has_heirs,
        )
        for table in grant.tables
    )
    return Scope(
        grant.schema_default,
        relations,
        frozenset(grant.functions),
        server_major,
        frozenset(grant.lookups),
        task_schema,
        frozenset(_own_types(built.values())),
        database,
    )


def _telling_key(view: View | None) -> tuple[str, ...]:
    """A view's key, unless a mask makes two of its values one."""
    if view is None or not view.key:
        return ()
    masks = {column.name: column.mask for column in view.columns}
    return view.key if all(masks[name] in (None, MaskKind.TOKEN) for name in view.key) else ()


def _ungroupable(view: View | None) -> frozenset[str]:
    columns = () if view is None else view.columns
    return frozenset(column.name for column in columns if column.type.removesuffix("[]") in _WITHOUT_EQUALITY)


# Types that PostgreSQL cannot group by: they have no equality, or none that it sorts or hashes by.
_WITHOUT_EQUALITY = frozenset({"json", "jsonpath", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle"})


def _own_types(views: Iterable[View]) -> Iterator[tuple[str, str]]:
    for column in (column for view in views for column in view.columns if column.own_type):
        if (match := _QUALIFIED.fullmatch(str(column.own_type))) is not None:
            schema, name = (_unquoted(part) for part in match.groups())
            if schema == "public":  # which every role may use, unless an operator took that away
                yield schema, name


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


# A qualified name as `format_type` prints it.
_QUALIFIED = re.compile(r'("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)')
