"""GROUP BY a primary key: `SELECT c.id, c.name, count(*) … GROUP BY c.id`.

PostgreSQL lets a query name every column of a table whose primary key it groups by, for the key decides them. A view
has no key, so the task's database would refuse it. The columns that are named are added to the GROUP BY: rows of one
key have the same values there, so the groups are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from postern.guard.findings import Findings, Mapped, strings
from postern.guard.relations import resolve
from postern.guard.scope import Relation
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


def group_by_keys(findings: Findings, statement: Node) -> list[Mapped]:
    """What has to be added to the GROUP BY of each query in a statement that the first walk has no objection to."""
    if not any(relation.key for relation in findings.scope.relations):
        return []
    return [mapped for query in _grouped(statement) if (mapped := _added(findings, query)) is not None]


def _grouped(statement: Node) -> Iterator[Node]:
    """Each query of a statement with a GROUP BY, and no grouping sets in it."""
    for part in messages_in(statement):
        items = part.get("groupClause")
        if items and "fromClause" in part and not any("GroupingSet" in item for item in items):
            yield part


def _added(findings: Findings, query: Node) -> Mapped | None:
    called = _by_name(_relations(findings, query["fromClause"]))
    grouped = [(item, column) for item in query["groupClause"] if (column := _column(item, query)) is not None]
    present = {names for _item, names in grouped}
    columns: list[tuple[str, ...]] = []
    place: Node | None = None
    for name, relation in called.items():
        if not relation.key or not all(_is_in(present, name, column) for column in relation.key):
            continue
        named = [names for names in _named(query, name, relation) if not _is_in(present, name, names[-1])]
        if named and all(names[-1] not in relation.ungroupable for names in named):
            columns += named
            place = next(item for item, names in grouped if _is_in({names}, name, relation.key[0]))
    if place is None:
        return None
    return Mapped("GroupBy", {"query": query, "place": place, "columns": columns}, "")


def _by_name(relations: Iterable[tuple[str, Relation]]) -> dict[str, Relation]:
    """Each table by its name, but for two of one name: which of them a column is of is not followed here."""
    listed = list(relations)
    counts = Counter(name for name, _relation in listed)
    return {name: relation for name, relation in listed if counts[name] == 1}


def _relations(findings: Findings, items: list[Node]) -> Iterator[tuple[str, Relation]]:
    """The tables of a FROM by the name that its columns are called by."""
    pending = list(items)
    while pending:
        item = pending.pop()
        if "JoinExpr" in item:
            # An alias on a join hides the names inside of it.
            pending += [] if "alias" in item["JoinExpr"] else [item["JoinExpr"]["larg"], item["JoinExpr"]["rarg"]]
        elif "RangeVar" in item:
            body = item["RangeVar"]
            relation = resolve(findings.scope, body)
            is_table = "schemaname" in body or id(body) not in findings.with_queries
            renamed = "colnames" in body.get("alias", {})
            if relation is not None and is_table and not renamed:
                yield body.get("alias", {}).get("aliasname", body["relname"]), relation


def _column(item: Node, query: Node) -> tuple[str, ...] | None:
    """The column that an item of a GROUP BY names, with its qualifier; by its place in the targets too."""
    if "A_Const" in item and "ival" in item["A_Const"]:
        place = item["A_Const"]["ival"].get("ival", 0) - 1
        targets = query.get("targetList", [])
        item = targets[place]["ResTarget"]["val"] if 0 <= place < len(targets) else {}
    if "ColumnRef" not in item or "A_Star" in item["ColumnRef"]["fields"][-1]:
        return None
    return tuple(strings(item["ColumnRef"]["fields"]))


def _is_in(present: set[tuple[str, ...]], name: str, column: str) -> bool:
    return any(names[-1] == column and (len(names) == 1 or names[-2] == name) for names in present)


def _named(query: Node, name: str, relation: Relation) -> list[tuple[str, ...]]:
    """What is named outside of aggregates: the relation's columns, in its order, and its whole row."""
    found: set[tuple[str, ...]] = set()
    pending: list[tuple[object, bool]] = [(query[field], False) for field in _GROUPED_FIELDS if field in query]
    while pending:
        part, is_nested = pending.pop()
        if isinstance(part, list):
            pending += ((one, is_nested) for one in part)
        elif isinstance(part, dict):
            if "ColumnRef" in part:
                fields = part["ColumnRef"]["fields"]
                # Inside a subquery, what has no qualifier is for the most part the subquery's own.
                found |= _columns_of(fields, name, relation) if len(fields) > 1 or not is_nested else set()
            elif not _is_aggregate(part):
                pending += ((one, is_nested or "SelectStmt" in part) for one in part.values())
    return [names for names in [*((name, column) for column in relation.by_column), (name,)] if names in found]


def _columns_of(fields: list[Node], name: str, relation: Relation) -> set[tuple[str, ...]]:
    names = strings(fields)
    if "A_Star" in fields[-1]:
        is_ours = not names or names[-1] == name
        return {(name, column) for column in relation.by_column} if is_ours else set()
    if names == [name] and name not in relation.by_column:
        return {(name,)}
    return {(name, names[-1])} if names[-1] in relation.by_column and names[-2:-1] in ([], [name]) else set()


def _is_aggregate(part: Node) -> bool:
    if "JsonArrayAgg" in part or "JsonObjectAgg" in part:
        return True
    call = part.get("FuncCall")
    return call is not None and "over" not in call and strings(call["funcname"])[-1] in _AGGREGATES
