"""Generated SQL over a world's views, drawn by Hypothesis, which makes a counterexample small again.

Types are right nearly always, so that most statements run: a refusal or a type error tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from hypothesis import strategies as st

from postern.types import View
from tests.noninterference.statement import Statement
from tests.noninterference.templates import (
    AGGREGATES,
    CASTS,
    EXPRESSIONS,
    HAVING,
    KINDS,
    LITERALS,
    PARAMETERS,
    WINDOW,
    WINDOWS,
)

FORMS = ("select", "select", "select", "grouped", "grouped", "set", "with", "star", "values", "explain")

T = TypeVar("T")
Templates = dict[str, tuple[str, ...]]

_HOLE = re.compile(r"\{(\w+)\}")
_KIND_OF_TYPE = (
    (re.compile(r"(small)?int(eger)?"), "int"),
    (re.compile(r"bigint|numeric(\(.*\))?"), "num"),
    (re.compile(r"real|double precision"), "float"),
    (re.compile(r"text|character.*|name|bpchar|varchar.*"), "text"),
    (re.compile(r"boolean"), "bool"),
    (re.compile(r"date"), "date"),
    (re.compile(r"timestamp(\(\d\))?( without time zone)?"), "ts"),
    (re.compile(r"timestamp(\(\d\))? with time zone"), "tstz"),
    (re.compile(r"interval"), "span"),
    (re.compile(r"jsonb"), "json"),
    (re.compile(r"text\[\]"), "texts"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a statement may name; `kind` is `other` where no template speaks of its type."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Relation:
    """What may stand in FROM."""

    name: str
    columns: tuple[Column, ...]
    is_open: bool = False  # nothing in it is masked, so its plans may be asked for


def relations_of(views: Sequence[View]) -> tuple[Relation, ...]:
    """The views of a world as the generator sees them."""
    return tuple(
        Relation(
            view.view,
            tuple(Column(column.name, _kind(column.type)) for column in view.columns),
            is_open=all(column.mask is None for column in view.columns),
        )
        for view in views
    )


def _kind(type_name: str) -> str:
    return next((kind for pattern, kind in _KIND_OF_TYPE if pattern.fullmatch(type_name)), "other")


def statements(
    relations: Sequence[Relation], extra: Templates | None = None, *, plans: bool = True
) -> st.SearchStrategy[Statement]:
    """Statements over the relations; `extra` adds templates of expressions, `plans` EXPLAIN over what is open."""
    templates = EXPRESSIONS | {kind: EXPRESSIONS[kind] + more for kind, more in (extra or {}).items()}
    return _statements(tuple(relations), templates, FORMS if plans else FORMS[:-1])


@st.composite
def predicates(draw: Any, relation: Relation, alias: str, count: int) -> Statement:
    """So many predicates over one relation, a line each."""
    writer = _Writer(draw, (relation,), EXPRESSIONS)
    return Statement(writer.predicates(relation, alias, count), tuple(writer.parameters))


@st.composite
def writes(draw: Any, relations: tuple[Relation, ...], target: str, writable: frozenset[str]) -> Statement:
    """A statement that writes to the target's writable columns, finds its rows by anything, and returns anything."""
    writer = _Writer(draw, relations, EXPRESSIONS)
    (relation,) = (one for one in relations if one.name == target)
    return Statement(writer.write(relation, writable), tuple(writer.parameters))


@st.composite
def _statements(draw: Any, relations: tuple[Relation, ...], templates: Templates, forms: tuple[str, ...]) -> Statement:
    writer = _Writer(draw, relations, templates)
    sql = writer.statement(forms)
    return Statement(sql, tuple(writer.parameters))


@lru_cache(maxsize=4096)
def _one_of(options: tuple[T, ...]) -> st.SearchStrategy[T]:
    return st.sampled_from(options)


class _Writer:
    """Writes one statement. A scope is the columns in sight, each written as it can be referred to, with its kind."""

    def __init__(self, draw: Callable[[Any], Any], relations: tuple[Relation, ...], templates: Templates) -> None:
        self._draw = draw
        self._relations = relations
        self._templates = templates
        self._aliases = 0
        self.parameters: list[str | None] = []

    def statement(self, forms: tuple[str, ...]) -> str:
        match self._pick(forms):
            case "select":
                return self._select(self._some_kinds())
            case "grouped":
                return self._grouped()
            case "set":
                return self._set_operation()
            case "with":
                return self._with()
            case "star":
                return self._star()
            case "explain":
                self._relations = tuple(one for one in self._relations if one.is_open) or self._relations
                return f"EXPLAIN {self._select(self._some_kinds())}"
        kind = self._pick(KINDS)
        return f"VALUES ({self._expression(kind, (), 2)}), ({self._expression(kind, (), 2)})"

    def write(self, target: Relation, writable: frozenset[str]) -> str:
        scope = self._scope_of(target, "w")
        # Values over masked columns would be refused, for a mask would take the place of what it hides.
        sources = tuple((written, kind) for written, kind in scope if written.removeprefix("w.") in writable)
        column = self._pick(tuple(one for one in target.columns if one.name in writable and one.kind in KINDS))
        match self._pick(("update", "delete", "insert", "insert from")):
            case "update":
                sql = f"UPDATE {target.name} AS w SET {column.name} = {self._expression(column.kind, sources, 1)}"
                sql += f" WHERE {self._expression('bool', scope, 2)}"
            case "delete":
                sql = f"DELETE FROM {target.name} AS w WHERE {self._expression('bool', scope, 2)}"
            case "insert":
                names, values = ["id"], [self._pick(("1", "7", "900", "NULL"))]
                if column.name != "id":
                    names, values = [*names, column.name], [*values, self._leaf(column.kind, ())]
                sql = f"INSERT INTO {target.name} AS w ({', '.join(names)}) VALUES ({', '.join(values)})"
                sql += self._pick(("", " ON CONFLICT DO NOTHING"))
            case _:
                source, seen = self._from()
                where = self._expression("bool", seen, 2)
                sql = f"INSERT INTO {target.name} AS w (id) SELECT 1000 + count(*) FROM {source} WHERE {where}"
        returned = self._pick(("w.*", "w.id", self._expression("any", scope, 1)))
        return f"{sql} RETURNING {returned}"

    def predicates(self, relation: Relation, alias: str, count: int) -> str:
        return "\n".join(self._expression("bool", self._scope_of(relation, alias), 3) for _ in range(count))

    def _select(self, kinds: Sequence[str], *, ends: bool = True) -> str:
        source, scope = self._from()
        items = [self._item(kind, scope) for kind in kinds]
        distinct = self._pick(("", "", "", "DISTINCT "))
        sql = f"SELECT {distinct}{', '.join(f'{item} AS c{n}' for n, item in enumerate(items))} FROM {source}"
        if self._chance(3):
            sql += f" WHERE {self._expression('bool', scope, 3)}"
        if ends:
            order = self._pick((None, str(1 + len(items) // 2), *(() if distinct else ("any",))))
            if order == "any":
                order = self._expression("any", scope, 2) + self._pick(("", " DESC", " NULLS FIRST"))
            sql += f" ORDER BY {order}" if order else ""
            sql += self._limit()
        return sql

    def _item(self, kind: str, scope: Scope) -> str:
        if kind in WINDOWS and self._chance(8):
            return self._fill(self._pick(WINDOWS[kind]), scope, 1)
        return self._expression(kind, scope, 3)

    def _grouped(self) -> str:
        source, scope = self._from()
        keys = [self._expression(kind, scope, 2) for kind in self._some_kinds()[:2]]
        aggregates = [self._aggregate(scope) for _ in range(self._pick((1, 2, 3)))]
        sql = f"SELECT {', '.join([*keys, *aggregates])} FROM {source}"
        if self._chance(3):
            sql += f" WHERE {self._expression('bool', scope, 2)}"
        grouping = self._pick(("{0}", "{0}", "ROLLUP ({0})", "GROUPING SETS (({0}), ())"))
        sql += f" GROUP BY {grouping.format(', '.join(str(n + 1) for n in range(len(keys))))}"
        if self._chance(3):
            sql += f" HAVING {self._fill(self._pick(HAVING), scope, 1)}"
        if self._chance(2):
            sql += f" ORDER BY {self._pick(('1', '2', 'count(*), 1'))}"
        return sql + self._limit()

    def _set_operation(self) -> str:
        kinds = self._some_kinds()
        operator = self._pick(("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"))
        sql = f"({self._select(kinds, ends=False)}) {operator} ({self._select(kinds, ends=False)})"
        return sql + self._pick(("", " ORDER BY 1", " ORDER BY 1 DESC")) + self._limit()

    def _with(self) -> str:
        kinds = self._some_kinds()
        hint = self._pick(("", "MATERIALIZED ", "NOT MATERIALIZED "))
        inner = self._select(kinds)
        made = Relation("made", tuple(Column(f"c{n}", kind) for n, kind in enumerate(kinds)))
        self._relations = (made, *self._relations)
        return f"WITH made AS {hint}({inner}) {self._select(self._some_kinds())}"

    def _star(self) -> str:
        relation = self._pick(self._relations)
        item = self._pick(("t.*", "t", "to_jsonb(t)", "t::text", "row_to_json(t)", "count(t)", "max(t::text)"))
        sql = f"SELECT {item} FROM {relation.name} AS t"
        if self._chance(2):
            scope = self._scope_of(relation, "t")
            sql += f" WHERE {self._expression('bool', scope, 2)}"
        return sql + self._limit()

    def _from(self, outer: Scope = ()) -> tuple[str, Scope]:
        relation = self._pick(self._relations)
        alias = self._alias()
        source, scope = f"{relation.name} AS {alias}", self._scope_of(relation, alias)
        match self._pick(("one", "one", "join", "comma", "lateral")):
            case "join":
                joined, more = self._joined()
                verb = self._pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
                both = scope + more
                # A full join takes only conditions that it can merge or hash.
                left, right = self._equal_columns(scope, more) if verb == "FULL JOIN" else (None, None)
                on = f"{left} = {right}" if left else self._expression("bool", both, 1)
                source, scope = f"{source} {verb} {joined} ON {on}", both
            case "comma":
                joined, more = self._joined()
                left, right = self._equal_columns(scope, more)
                source, scope = f"{source} JOIN {joined} ON {left} = {right}", scope + more
            case "lateral":
                inner, columns = self._lateral(scope)
                source, scope = f"{source}, LATERAL {inner}", scope + columns
        return source, outer + scope

    def _joined(self) -> tuple[str, Scope]:
        relation = self._pick(self._relations)
        alias = self._alias()
        return f"{relation.name} AS {alias}", self._scope_of(relation, alias)

    def _equal_columns(self, left: Scope, right: Scope) -> tuple[str, str]:
        kinds = {kind for _, kind in left} & {kind for _, kind in right} & {"int", "text", "date", "ts"}
        kind = self._pick(tuple(sorted(kinds))) if kinds else "text"
        return self._leaf(kind, left), self._leaf(kind, right)

    def _lateral(self, scope: Scope) -> tuple[str, Scope]:
        alias = self._alias()
        if self._chance(2):
            end = f"abs({self._expression('int', scope, 1)}) % 4"
            return f"generate_series(1, {end}) AS {alias} (n)", ((f"{alias}.n", "int"),)
        kind = self._pick(("int", "text"))
        relation = self._pick(self._relations)
        inner = self._alias()
        seen = scope + self._scope_of(relation, inner)
        where = self._expression("bool", seen, 2)
        value = self._expression(kind, seen, 2)
        return f"(SELECT {value} AS v FROM {relation.name} AS {inner} WHERE {where} ORDER BY 1 LIMIT 2) AS {alias}", (
            (f"{alias}.v", kind),
        )

    def _aggregate(self, scope: Scope) -> str:
        kind = self._pick(tuple(AGGREGATES))
        return self._fill(self._pick(AGGREGATES[kind]), scope, 2)

    def _expression(self, kind: str, scope: Scope, depth: int) -> str:
        """An expression of a kind; deeper ones are rarer, so that most statements stay readable."""
        if kind == "any":
            kind = self._pick(KINDS)
        if depth <= 0 or self._chance(3):
            return self._leaf(kind, scope)
        return f"({self._fill(self._pick(self._templates[kind]), scope, depth - 1)})"

    def _fill(self, template: str, scope: Scope, depth: int) -> str:
        before, _, subquery = template.partition("SELECT ")
        if subquery:
            return self._fill(before, scope, depth) + "SELECT " + self._fill_subquery(subquery, scope, depth)

        def put(hole: re.Match[str]) -> str:
            match hole.group(1):
                case "col":
                    return self._column(scope)
                case "window":
                    return self._fill(self._pick(WINDOW), scope, depth)
                case kind:
                    return self._expression(kind, scope, depth)

        return _HOLE.sub(put, template)

    def _fill_subquery(self, template: str, outer: Scope, depth: int) -> str:
        """Seldom correlated: an aggregate over columns of the outer query alone would belong to that query."""
        relation = self._pick(self._relations)
        alias = self._alias()
        inner = self._scope_of(relation, alias)
        filled = template.replace("{from}", f"{relation.name} AS {alias}")
        return self._fill(filled, inner + outer if self._chance(4) else inner, depth)

    def _leaf(self, kind: str, scope: Scope) -> str:
        fitting = tuple(written for written, of in scope if of == kind)
        if fitting and not self._chance(4):
            return self._pick(fitting)
        if kind in CASTS and self._chance(4):
            self.parameters.append(self._pick(PARAMETERS[kind]))
            return f"${len(self.parameters)}::{CASTS[kind]}"
        return self._pick(LITERALS[kind])

    def _column(self, scope: Scope) -> str:
        return self._pick(tuple(written for written, _ in scope)) if scope else "NULL"

    def _scope_of(self, relation: Relation, alias: str) -> Scope:
        return tuple((f"{alias}.{column.name}", column.kind) for column in relation.columns)

    def _some_kinds(self) -> tuple[str, ...]:
        return tuple(self._pick(KINDS) for _ in range(self._pick((1, 1, 2, 3))))

    def _limit(self) -> str:
        return self._pick(("", "", "", " LIMIT 5", " LIMIT 3 OFFSET 2", " OFFSET 7", " LIMIT 0"))

    def _alias(self) -> str:
        self._aliases += 1
        return f"t{self._aliases}"

    def _pick(self, options: tuple[T, ...]) -> T:
        chosen: T = self._draw(_one_of(options))
        return chosen

    def _chance(self, one_in: int) -> bool:
        """True once in so many times; False is what a counterexample shrinks to."""
        return bool(self._draw(_one_of(tuple(n == one_in - 1 for n in range(one_in)))))


Scope = tuple[tuple[str, str], ...]
