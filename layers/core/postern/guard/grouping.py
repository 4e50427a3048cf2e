"""GROUP BY a primary key: `SELECT c.id, c.name, count(*) … GROUP BY c.id`.

PostgreSQL lets a query name every column of a table whose primary key it groups by, for the key decides them. A view
has no key, so the task's database would refuse it. The columns that are named are added to the GROUP BY: rows of one
key have the same values there, so the groups are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from postern.guard.findings import Findings, Mapped, strings
from postern.guard.relations import resolve
from postern.guard.source import Node, messages_in

# PostgreSQL's own aggregates: a column in one is not grouped by. One in another is added, which changes nothing.
_NAMES = """
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every json_agg
    json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
    jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
    jsonb_object_agg_unique_strict max min mode percentile_cont percentile_disc range_agg range_intersect_agg
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop
    stddev_samp string_agg sum var_pop var_samp variance
"""
_AGGREGATES = frozenset(_NAMES.split())
_GROUPED_FIELDS = ("targetList", "havingClause", "sortClause", "distinctClause", "windowClause")
_MAX_SETS_DEEP = 12  # of grouping sets in grouping sets that are followed


Column = tuple[str, str]  # what its table is called in the FROM, and what it is called itself


@dataclass(frozen=True, slots=True)
class _Table:
    """A table in a FROM, and what it and its columns are called there."""

    name: str
    columns: tuple[str, ...]
    key: frozenset[str]
    ungroupable: frozenset[str]

    def columns_of(self, names: Iterable[str]) -> Iterator[Column]:
        return ((self.name, name) for name in names)


def group_by_keys(findings: Findings, statement: Node) -> list[Mapped]:
    """What has to be added to the GROUP BY of each query in a statement that the first walk has no objection to."""
    if not any(relation.key for relation in findings.scope.relations):
        return []
    return [mapped for query in _grouped(statement) if (mapped := _added(findings, query)) is not None]


def _grouped(statement: Node) -> Iterator[Node]:
    for part in messages_in(statement):
        if part.get("groupClause") and "fromClause" in part:
            yield part


def _added(findings: Findings, query: Node) -> Mapped | None:
    tables = _apart(_tables(findings, query["fromClause"]))
    grouped = _Grouped.by(query, tables)
    keyed = [table for table in tables if table.key and grouped.decided.issuperset(table.columns_of(table.key))]
    named = _Named.of(_references(findings, query)) if keyed else _Named()
    columns = [
        names for table in keyed for names in _wanted(named, table) if len(names) == 1 or names not in grouped.columns
    ]
    return Mapped("GroupBy", {"query": query, "columns": columns}, "") if columns else None


def _apart(tables: Iterable[_Table]) -> list[_Table]:
    """The tables but for two of one name: which of them a column is of is not followed here."""
    listed = list(tables)
    counts = Counter(table.name for table in listed)
    return [table for table in listed if counts[table.name] == 1]


def _tables(findings: Findings, items: list[Node]) -> Iterator[_Table]:
    pending = list(items)
    while pending:
        item = pending.pop()
        if "JoinExpr" in item:
            # An alias on a join hides the names inside of it.
            pending += [] if "alias" in item["JoinExpr"] else [item["JoinExpr"]["larg"], item["JoinExpr"]["rarg"]]
        elif "RangeTableSample" in item:
            pending.append(item["RangeTableSample"]["relation"])
        elif "RangeVar" in item and (table := _table(findings, item["RangeVar"])) is not None:
            yield table


def _table(findings: Findings, body: Node) -> _Table | None:
    relation = resolve(findings.scope, body)
    if relation is None or ("schemaname" not in body and id(body) in findings.with_queries):
        return None
    alias = body.get("alias", {})
    renamed = strings(alias.get("colnames", []))
    if len(renamed) > len(relation.by_column):
        return None
    called = dict(zip(relation.by_column, [*renamed, *list(relation.by_column)[len(renamed) :]], strict=True))
    return _Table(
        alias.get("aliasname", body["relname"]),
        tuple(called.values()),
        frozenset(called.get(column, column) for column in relation.key),
        frozenset(called.get(column, column) for column in relation.ungroupable),
    )


def _leaves(items: Iterable[Node]) -> Iterator[Node]:
    """What a GROUP BY names, in rows and grouping sets too."""
    pending = list(items)
    while pending:
        item = pending.pop()
        parts = _parts_of_row(item) if "RowExpr" in item else item.get("GroupingSet", {}).get("content", [])
        pending += parts
        if not parts:
            yield item


def _parts_of_row(item: Node) -> list[Node]:
    """`(a, b)` groups by both; `ROW (a, b)` is one value."""
    row = item["RowExpr"]
    parts: list[Node] = row["args"] if row["row_format"] == "COERCE_IMPLICIT_CAST" else []
    return parts


@dataclass(frozen=True, slots=True)
class _Grouped:
    """What a GROUP BY names; of a column without a table, that of each table that has it."""

    columns: frozenset[Column]
    decided: frozenset[Column]  # in each grouping set: PostgreSQL knows a key by nothing less

    @staticmethod
    def by(query: Node, tables: Iterable[_Table]) -> _Grouped:
        by_name: dict[str, set[Column]] = defaultdict(set)
        for table in tables:
            for column in table.columns:
                by_name[column].add((table.name, column))
        targets = [node["ResTarget"] for node in query.get("targetList", [])]
        outputs = {target["name"]: target["val"] for target in reversed(targets) if "name" in target}
        for name in outputs.keys() & by_name.keys():
            del outputs[name]  # a column of that name comes first

        def means(leaf: Node) -> frozenset[Column]:
            names = _column(leaf, targets, outputs)
            if len(names) < 2:
                return frozenset(by_name.get("".join(names), ()))
            return frozenset([(names[-2], names[-1])])

        items = query["groupClause"]
        return _Grouped(frozenset().union(*map(means, _leaves(items))), _in_all(items, means))


def _in_all(items: Iterable[Node], means: Callable[[Node], frozenset[Column]], level: int = 0) -> frozenset[Column]:
    """The columns that every grouping set has."""
    if level > _MAX_SETS_DEEP:
        return frozenset()
    return frozenset().union(*(_in_item(item, means, level + 1) for item in items))


def _in_item(item: Node, means: Callable[[Node], frozenset[Column]], level: int) -> frozenset[Column]:
    if "RowExpr" in item:
        return _in_all(_parts_of_row(item), means, level)
    if "GroupingSet" not in item:
        return means(item)
    if item["GroupingSet"]["kind"] != "GROUPING_SET_SETS":
        return frozenset()  # ROLLUP and CUBE have an empty set
    first, *others = (_in_all([one], means, level) for one in item["GroupingSet"]["content"])
    return first.intersection(*others)


def _column(item: Node, targets: list[Node], outputs: Mapping[str, Node]) -> tuple[str, ...]:
    """The column that an item of a GROUP BY names, with its qualifier; by its place in the targets or its name too.

    Empty where it names none.
    Should PostgreSQL take the name for another thing, the target is not grouped by, and it refuses the statement.
    """
    if "A_Const" in item and "ival" in item["A_Const"]:
        place = item["A_Const"]["ival"].get("ival", 0) - 1
        item = targets[place]["val"] if 0 <= place < len(targets) else {}
    elif "ColumnRef" in item and len(item["ColumnRef"]["fields"]) == 1:
        item = outputs.get("".join(strings(item["ColumnRef"]["fields"])), item)
    if "ColumnRef" not in item or "A_Star" in item["ColumnRef"]["fields"][-1]:
        return ()
    return tuple(strings(item["ColumnRef"]["fields"]))


# The parts of a name, and the columns of the tables of the subqueries around it; None outside of any.
Reference = tuple[list[Node], frozenset[str] | None]


def _references(findings: Findings, query: Node) -> Iterator[Reference]:
    """What is named outside of aggregates."""
    pending: list[tuple[object, frozenset[str] | None]] = [(query.get(field), None) for field in _GROUPED_FIELDS]
    while pending:
        part, inner = pending.pop()
        if isinstance(part, list):
            pending += ((one, inner) for one in part)
        elif isinstance(part, dict):
            if "ColumnRef" in part:
                yield part["ColumnRef"]["fields"], inner
            elif inner is not None or not _is_aggregate(part):  # a subquery's aggregate is over groups of its own
                if "fromClause" in part:
                    own = (one.columns for one in _tables(findings, part["fromClause"]))
                    inner = (inner or frozenset()).union(*own)
                pending += ((one, inner) for one in part.values())


@dataclass(slots=True)
class _Named:
    """What a query names outside of aggregates. In a subquery it may be too much: that changes nothing."""

    columns: set[Column] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)  # columns or whole rows, without a table
    alone_inside: set[str] = field(default_factory=set)  # in a subquery that has no such column of its own
    stars: set[str] = field(default_factory=set)  # tables
    has_star: bool = False

    @staticmethod
    def of(references: Iterable[Reference]) -> _Named:
        named = _Named()
        for fields, inner in references:
            names = strings(fields)
            if "A_Star" in fields[-1]:
                named.stars.update(names[-1:])
                named.has_star |= not names and inner is None
            elif len(names) > 1:
                named.columns.add((names[-2], names[-1]))
            elif inner is None:
                named.alone.update(names)
            elif names[0] not in inner:
                named.alone_inside.update(names)
        return named


def _wanted(named: _Named, table: _Table) -> Iterator[tuple[str, ...]]:
    """The table's columns that are named, in its order, and its whole row."""
    every = named.has_star or table.name in named.stars
    for column in table.columns:
        is_alone = column in named.alone or column in named.alone_inside
        is_named = every or is_alone or (table.name, column) in named.columns
        if is_named and column not in table.ungroupable:
            yield table.name, column
    if table.name in named.alone and table.name not in table.columns:
        yield (table.name,)


def _is_aggregate(part: Node) -> bool:
    if part.keys() & {"JsonArrayAgg", "JsonObjectAgg", "GroupingFunc"}:  # GROUPING takes what is grouped by already
        return True
    call = part.get("FuncCall")
    return call is not None and "over" not in call and strings(call["funcname"])[-1] in _AGGREGATES
