"""The second walk, of statements that write or look up: what every value is made of, and where names stand.

It needs a tree that the first walk has no objection to. Predicates do not hand a column's value on: a comparison,
a test for NULL, a count and the like end its way. Nothing here widens what a statement may do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from postern.guard.findings import Findings, strings
from postern.guard.lineage import COMPUTED, Column, Frame, Row, Source, Value, row_of, union
from postern.guard.lookups import Lookups
from postern.guard.nodes import children_of
from postern.guard.relations import resolve
from postern.guard.scope import Relation
from postern.guard.source import Node, objection_to_depth
from postern.guard.verdict import Objection
from postern.guard.write_back import marker_in, objection_to_written

_MAX_QUERIES_DEEP = 40  # each takes some ten Python frames
_MAX_STEPS = 60_000  # a statement of as many words as may be has fewer, unless it is recursion in recursion
_STEPS_OF_A_QUERY = 20
_PASSES = 10  # over the queries of a WITH RECURSIVE, until what they are made of no longer changes


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Where a node's value does not hand on what its parts hold: by node, the fields; all of them where it says None.
_ENDS: Mapping[str, frozenset[str] | None] = {
    "NullTest": None,
    "BooleanTest": None,
    "BoolExpr": None,
    "GroupingFunc": None,
    "JsonIsPredicate": None,
    "CaseWhen": frozenset({"expr"}),
    "CaseExpr": frozenset({"arg"}),
    "FuncCall": frozenset({"agg_filter", "agg_order", "over"}),
    "JsonAggConstructor": frozenset({"agg_filter", "agg_order", "over"}),
    "SubLink": frozenset({"testexpr"}),
}
_COMPARING_KINDS = _words(
    "AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_IN AEXPR_LIKE AEXPR_ILIKE AEXPR_SIMILAR "
    "AEXPR_BETWEEN AEXPR_NOT_BETWEEN AEXPR_BETWEEN_SYM AEXPR_NOT_BETWEEN_SYM"
)
_COMPARING = _words("= <> != < > <= >= ~ ~* !~ !~* ~~ !~~ ~~* !~~* @> <@ && ? ?| ?& @@ ^@")
_COUNTING = _words("count num_nulls num_nonnulls row_number rank dense_rank ntile percent_rank cume_dist")
_TARGETS = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt"})


@dataclass(frozen=True, slots=True)
class _Place:
    """What an expression sees: sources, and the WITH queries that a subquery in it may read."""

    frame: Frame
    queries: Mapping[str, Row]


@dataclass(slots=True)
class Tracer:
    """Walks one statement. `objection` is the first thing found wrong; after it the walk only winds down."""

    findings: Findings
    lookups: Lookups
    objection: Objection | None = None
    steps: int = 0
    depth: int = 0
    settling: int = field(default=0)  # while a recursive WITH is gone over, nothing is held against the statement

    def query(self, name: str, body: Node, queries: Mapping[str, Row], outer: Frame | None = None) -> Row:
        """The columns that a statement gives."""
        if self.depth >= _MAX_QUERIES_DEEP or self.steps > _MAX_STEPS:
            self.objection = self.objection or objection_to_depth()
            return Row(())
        self.depth += 1
        self.steps += _STEPS_OF_A_QUERY
        try:
            if "withClause" in body:
                queries = self._with(body["withClause"], queries, outer)
            return self._write(name, body, queries, outer) if name in _TARGETS else self._read(body, queries, outer)
        finally:
            self.depth -= 1

    def _with(self, clause: Node, around: Mapping[str, Row], outer: Frame | None) -> Mapping[str, Row]:
        queries = dict(around)
        named = [node["CommonTableExpr"] for node in clause["ctes"]]
        if clause.get("recursive"):
            self._settle(named, queries, outer)
        for one in named:
            queries[one["ctename"]] = self._named_query(one, queries, outer)
        return queries

    def _settle(self, named: Sequence[Node], queries: dict[str, Row], outer: Frame | None) -> None:
        """Goes over queries that read each other until what they are made of stays the same."""
        self.settling += 1
        for one in named:
            queries[one["ctename"]] = self._named_query(
                {**one, "ctequery": _first_branch(one["ctequery"])}, queries, outer
            )
        for _pass in range(_PASSES):
            before = dict(queries)
            for one in named:
                queries[one["ctename"]] = self._named_query(one, queries, outer)
            if before == queries:
                break
        else:
            whole = union(queries[one["ctename"]].value for one in named).changed()
            queries.update((one["ctename"], Row((Column(None, whole),), is_ordered=False)) for one in named)
        self.settling -= 1

    def _named_query(self, one: Node, queries: Mapping[str, Row], outer: Frame | None) -> Row:
        ((name, body),) = one["ctequery"].items()
        row = self.query(name, body, queries, outer).named(strings(one.get("aliascolnames", [])))
        added = [one.get("search_clause", {}).get("search_seq_column")]
        added += [one.get("cycle_clause", {}).get(key) for key in ("cycle_mark_column", "cycle_path_column")]
        return Row((*row.columns, *(Column(name, row.value) for name in added if name)), row.is_ordered)

    def _read(self, body: Node, queries: Mapping[str, Row], outer: Frame | None) -> Row:
        if body.get("op", "SETOP_NONE") == "SETOP_NONE":
            return self._select(body, queries, outer)
        row: Row | None = None
        pending = [body["rarg"], body["larg"]]
        while pending:  # a chain of a thousand UNIONs is as many levels deep
            part = pending.pop()
            if part.get("op", "SETOP_NONE") != "SETOP_NONE" and "withClause" not in part and "sortClause" not in part:
                pending += [part["rarg"], part["larg"]]
                continue
            columns = self.query("SelectStmt", part, queries, outer)
            row = columns if row is None else row.or_(columns)
        joined = row or Row(())
        place = _Place(Frame([Source(None, joined)], outer), queries)
        self._look(((f, n, b) for f, n, b in children_of("SelectStmt", body) if f not in _OWN), place)
        return joined

    def _select(self, body: Node, queries: Mapping[str, Row], outer: Frame | None) -> Row:
        sources: list[Source] = []
        place = _Place(Frame(sources, outer), queries)  # what stands in FROM sees what stands before it
        for item in body.get("fromClause", []):
            self._from(item, sources, place)
        self._look(((f, n, b) for f, n, b in children_of("SelectStmt", body) if f not in _OWN), place)
        if "valuesLists" in body:
            rows = [self._values(node["List"]["items"], place) for node in body["valuesLists"]]
            first, *rest = rows
            for row in rest:
                first = first.or_(row)
            return first
        return self._targets(body.get("targetList", []), place)

    def _values(self, items: Sequence[Node], place: _Place) -> Row:
        return Row(tuple(Column(f"column{n}", self._value(item, place)) for n, item in enumerate(items, 1)))

    def _targets(self, targets: Sequence[Node], place: _Place) -> Row:
        columns: list[Column] = []
        is_ordered = True
        for target in (node["ResTarget"] for node in targets):
            row = self._target(target, place)
            columns += row.columns
            is_ordered = is_ordered and row.is_ordered
        return Row(tuple(columns), is_ordered)

    def _target(self, target: Node, place: _Place) -> Row:
        """One entry of a list of targets: a column, or as many as a star stands for."""
        name, body = _as_column(*_only(target["val"]), place.frame)
        if name == "ColumnRef" and "A_Star" in body["fields"][-1]:
            self.steps += 1
            return _starred(strings(body["fields"]), place.frame)
        value = self._value(target["val"], place)
        if name == "A_Indirection" and "A_Star" in body["indirection"][-1]:
            return Row((Column(None, value),), is_ordered=False)  # `(f(x)).*`: the columns of some composite value
        return Row((Column(target.get("name") or _name_of(name, body), value),))

    def _write(self, name: str, body: Node, queries: Mapping[str, Row], outer: Frame | None) -> Row:
        relation = resolve(self.findings.scope, body["relation"])
        row = row_of(relation) if relation else Row(())
        sources = [_source(body["relation"], row, relation)]
        place = _Place(Frame(sources, outer), queries)
        for item in (*body.get("fromClause", []), *body.get("usingClause", [])):
            self._from(item, sources, place)
        if "selectStmt" in body:
            self._check(self.query("SelectStmt", body["selectStmt"]["SelectStmt"], queries, outer).value)
        if name == "UpdateStmt":
            for node in body["targetList"]:
                self._check(self._value(node["ResTarget"]["val"], place))
        self._look(((f, n, b) for f, n, b in children_of(name, body) if f not in _OWN), place)
        clause = body.get("returningClause", {})
        renamed = [node["ReturningOption"].get("value") for node in clause.get("options", [])]
        old_and_new = [Source(alias, row) for alias in (*renamed, "old", "new")]
        seen = Frame(place.frame.sources, Frame(old_and_new, outer))
        return self._targets(clause.get("exprs", []), _Place(seen, queries))

    def _check(self, value: Value) -> None:
        if not self.settling and self.objection is None:
            self.objection = objection_to_written(value, self.findings.scope)

    def _from(self, item: Node, sources: list[Source], place: _Place) -> None:
        """Adds what stands in FROM to `sources`, which `place` sees, from left to right."""
        pending: list[tuple[str, Node, int]] = [(name, body, -1) for name, body in item.items()]
        while pending:
            name, body, begun = pending.pop()
            if name == "JoinExpr" and begun < 0:
                pending.append((name, body, len(sources)))
                pending += [(n, b, -1) for side in ("rarg", "larg") for n, b in body[side].items()]
            elif name == "JoinExpr":
                self._look(((f, n, b) for f, n, b in children_of(name, body) if f == "quals"), place)
                sources[begun:] = _joined(body, sources[begun:])
            elif name == "RangeTableSample":
                pending += [(n, b, -1) for n, b in body["relation"].items()]
            else:
                sources.append(self._entry(name, body, place))

    def _entry(self, name: str, body: Node, place: _Place) -> Source:
        if name == "RangeVar":
            is_query = "schemaname" not in body and body["relname"] in place.queries
            relation = None if is_query else resolve(self.findings.scope, body)
            return _source(body, self._relation(body, place.queries), relation)
        if name == "RangeSubselect":
            seen = place.frame if body.get("lateral") else place.frame.outer
            ((kind, query),) = body["subquery"].items()
            return _source(body, self.query(kind, query, place.queries, seen))
        value = self._value({name: body}, place).changed()
        names = [node["ColumnDef"]["colname"] for node in body.get("coldeflist", [])]
        names += strings(body.get("alias", {}).get("colnames", []))
        row = Row((*(Column(column, value) for column in names), Column(None, value)), is_ordered=False)
        return Source(body.get("alias", {}).get("aliasname"), row)

    def _relation(self, body: Node, queries: Mapping[str, Row]) -> Row:
        if "schemaname" not in body and body["relname"] in queries:
            return queries[body["relname"]]
        relation = resolve(self.findings.scope, body)
        return row_of(relation) if relation else Row(())

    def _look(self, children: Iterator[tuple[str, str, Node]], place: _Place) -> None:
        """Goes over expressions whose value is not handed on."""
        for _field, name, body in children:
            self._follow(name, body, place, is_handed_on=False)

    def _value(self, node: Node, place: _Place) -> Value:
        name, body = _as_column(*_only(node), place.frame)
        if name == "ColumnRef":
            self.steps += 1
            return _resolved(body, place.frame)
        return self._follow(name, body, place, is_handed_on=True)

    def _follow(self, name: str, body: Node, place: _Place, *, is_handed_on: bool) -> Value:
        """Goes over one expression with a stack of its own, and tells what its value is made of."""
        found: list[Value] = []
        pending = [(name, body, is_handed_on)]
        while pending:
            name, body, counts = pending.pop()
            self.steps += 1
            if name == "SelectStmt":
                row = self.query(name, body, place.queries, place.frame)
                found += [row.value] if counts else []
                continue
            if name == "A_Expr":
                self._look_up(body, place)
            name, body = _as_column(name, body, place.frame)
            if counts:
                found += self._own_value(name, body, place.frame)
            pending += _parts(name, body, counts=counts)
        return union(found).changed() if found else COMPUTED

    def _own_value(self, name: str, body: Node, frame: Frame) -> list[Value]:
        """What a leaf of an expression brings into its value."""
        if name == "ColumnRef":
            return [_resolved(body, frame)]
        if name == "A_Const" and "sval" in body:
            what = marker_in(body["sval"].get("sval", ""), self.findings.scope)
            return [Value(marker=what)] if what else []
        return []

    def _look_up(self, body: Node, place: _Place) -> None:
        if self.settling:
            return
        for parameter in self.lookups.operands(body):
            column = body["lexpr"] if "ColumnRef" in body["lexpr"] else body["rexpr"]
            objection = self.lookups.place(parameter, _resolved(column["ColumnRef"], place.frame))
            self.objection = self.objection or objection


# Fields of statements that are gone over by name, not with the rest.
_OWN = _words("withClause larg rarg fromClause usingClause targetList valuesLists selectStmt relation returningClause")


def _first_branch(query: Node) -> Node:
    """Where a recursive query begins: the first of what it unites."""
    ((name, body),) = query.items()
    while body.get("op", "SETOP_NONE") != "SETOP_NONE":
        body = body["larg"]
    return {name: body}


def _parts(name: str, body: Node, *, counts: bool) -> Iterator[tuple[str, Node, bool]]:
    """What a node holds, and whether the value of each goes into its own."""
    ends = _ENDS.get(name, frozenset())
    if (
        ends is None
        or (name == "A_Expr" and _is_comparison(body))
        or (name == "FuncCall" and strings(body["funcname"])[-1] in _COUNTING)
        or (name == "SubLink" and body["subLinkType"] not in {"EXPR_SUBLINK", "ARRAY_SUBLINK"})
        or (name == "JsonFuncExpr" and body.get("op") == "JSON_EXISTS_OP")
    ):
        counts, ends = False, frozenset()
    for field_name, child, inner in children_of(name, body):
        is_ordered_set = field_name == "agg_order" and "agg_within_group" in body  # what mode() and its kin are of
        yield child, inner, counts and (field_name not in ends or is_ordered_set)


def _is_comparison(body: Node) -> bool:
    return body["kind"] in _COMPARING_KINDS or (body["kind"] == "AEXPR_OP" and strings(body["name"])[-1] in _COMPARING)


def _as_column(name: str, body: Node, frame: Frame) -> tuple[str, Node]:
    """`(orders).total` as `orders.total`: one column and not the whole row, unless `orders` is a column itself."""
    if name == "A_Indirection" and len(body["indirection"]) == 1 and "ColumnRef" in body["arg"]:
        fields = [*body["arg"]["ColumnRef"]["fields"], *body["indirection"]]
        is_relation = not frame.may_be_column(strings(fields[:1])[0]) if len(fields) == 2 else False
        if is_relation and "A_Indices" not in fields[-1]:
            return "ColumnRef", {"fields": fields}
    return name, body


def _only(node: Node) -> tuple[str, Node]:
    """A node's name and body; an empty one is a NULL of the grammar."""
    ((name, body),) = node.items() or (("A_Const", {}),)
    return name, body


def _resolved(body: Node, frame: Frame) -> Value:
    names = strings(body["fields"])
    if "A_Star" in body["fields"][-1]:
        return _starred(names, frame).value
    return frame.column(names[0]) if len(names) == 1 else frame.column_of(names[:-1], names[-1])


def _starred(qualifiers: Sequence[str], frame: Frame) -> Row:
    if not qualifiers:
        return Row(frame.star(), is_ordered=all(source.row.is_ordered for source in frame.sources))
    source = frame.source(qualifiers)
    if source is not None:
        return source.row
    # `column.*` takes a composite value apart.
    value = frame.column(qualifiers[-1]) if len(qualifiers) == 1 else frame.anything()
    return Row((Column(None, value),), is_ordered=False)


def _source(body: Node, row: Row, relation: Relation | None = None) -> Source:
    """A relation or subquery in FROM under its alias."""
    alias = body.get("alias")
    if alias is None:
        return Source(body.get("relname"), row, relation.schema if relation else None)
    return Source(alias["aliasname"], row.named(strings(alias.get("colnames", []))))


def _joined(body: Node, sides: Sequence[Source]) -> list[Source]:
    """What a join leaves to be named: its sides, or only its alias, which hides them.

    A join by USING puts columns in an order of its own, so that `*` no longer counts those of the sides.
    """
    is_ordered = not (body.get("usingClause") or body.get("isNatural"))
    row = Row(tuple(column for source in sides for column in source.row.columns), is_ordered)
    if "alias" in body:
        return [Source(body["alias"]["aliasname"], row.named(strings(body["alias"].get("colnames", []))))]
    if is_ordered:
        return list(sides)
    # The merged columns under their alias: all of the join's, since a name that is none of them is an error.
    merged = [Source(body["join_using_alias"]["aliasname"], row)] if "join_using_alias" in body else []
    return [*sides, *merged, Source(None, Row((), is_ordered=False))]


def _name_of(name: str, body: Node) -> str | None:
    """What PostgreSQL calls a column without an AS; None where the guard does not follow."""
    names = strings(body.get("fields", [])) if name == "ColumnRef" else []
    return names[-1] if names else None
