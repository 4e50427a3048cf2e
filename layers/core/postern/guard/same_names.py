"""Two tables of one name in one FROM: `FROM public.orders, sales.orders`.

PostgreSQL tells them apart by their schemas, which the task's views do not have. So the second is read under its
view's own name, and `sales.orders.id` becomes `"sales.orders".id`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.relations import resolve
from postern.guard.source import Node, messages_in
from postern.guard.verdict import Objection

Key = tuple[str, str]  # schema and name


def tell_apart(findings: Findings, statement: Node) -> Objection | None:
    """Changes how names are mapped where one FROM has two tables of the same name, or objects where it cannot."""
    bare = [[node["RangeVar"] for node in _relations(items) if _is_bare(node)] for items in _froms(statement)]
    apart: set[Key] = set()
    for sources in bare:
        by_name = defaultdict(set)
        for body in sources:
            if (relation := resolve(findings.scope, body)) is not None:
                by_name[body["relname"]].add((relation.schema, relation.name))
        apart.update(*(keys for keys in by_name.values() if len(keys) > 1))
    if (objection := _objection_to_binding(findings, statement, apart)) is not None:
        return objection
    if not apart:
        return None
    named: dict[str, list[Node]] = defaultdict(list)
    for body in (body for sources in bare for body in sources):
        named[body["relname"]].append(body)
    for _schema, name in sorted(apart):
        # Elsewhere in the statement `orders.id` could come to mean another of the tables.
        if len(named[name]) > len({schema for schema, other in apart if other == name}):
            reason = f"relation {quoted([name])}: two tables of this name are read together; give each an alias"
            return Objection("guard.relation", reason, offset_of(named[name][-1]))
    findings.mapped = [_apart(findings, mapped, apart) for mapped in findings.mapped]
    return None


def _objection_to_binding(findings: Findings, statement: Node, apart: set[Key]) -> Objection | None:
    """`sales.orders.id` loses its schema, so nothing else in the statement may be called `orders`.

    PostgreSQL finds its table by schema and name; what runs would find whatever is called so nearest.
    """
    qualified = [mapped.body for mapped in findings.mapped if mapped.node == "ColumnRef"]
    if not qualified:
        return None
    called = _called(findings, statement)
    for body in qualified:
        schema, table = (field["String"]["sval"] for field in body["fields"][:2])
        others = called[table] - {(schema, table)}
        if others and not ((schema, table) in apart and others <= apart):
            reason = f"column {quoted(strings(body['fields']))}: something else here is called {quoted([table])} too"
            return Objection("guard.relation", f"{reason}; give the table an alias and use that", offset_of(body))
    return None


def _called(findings: Findings, statement: Node) -> dict[str, set[Key | None]]:
    """What each name in the statement's FROMs, aliases and targets means: a table, or None for anything else."""
    called: dict[str, set[Key | None]] = defaultdict(set)
    for part in messages_in(statement):
        for key in ("alias", "join_using_alias"):
            if "aliasname" in part.get(key, {}):
                called[part[key]["aliasname"]].add(None)
        if "relname" in part and "alias" not in part:
            is_query = id(part) in findings.with_queries
            relation = None if is_query else resolve(findings.scope, part)
            called[part["relname"]].add((relation.schema, relation.name) if relation else None)
    return called


def _apart(findings: Findings, mapped: Mapped, apart: set[tuple[str, str]]) -> Mapped:
    if mapped.node == "RangeVar" and (mapped.body["schemaname"], mapped.body["relname"]) in apart:
        return replace(mapped, keeps_name=False)
    if mapped.node == "ColumnRef":
        schema, table = (field["String"]["sval"] for field in mapped.body["fields"][:2])
        if (schema, table) in apart:
            return replace(mapped, name=findings.scope.by_name[schema, table].view)
    return mapped


def _froms(statement: Node) -> Iterator[list[Node]]:
    """What stands in each FROM and USING of a statement, with the target of its UPDATE or DELETE."""
    for part in messages_in(statement):
        items = [*part.get("fromClause", ()), *part.get("usingClause", ())]
        if items:
            yield [{"RangeVar": part["relation"]}, *items] if "relation" in part else items


def _relations(items: list[Node]) -> Iterator[Node]:
    pending = list(reversed(items))
    while pending:
        item = pending.pop()
        if "JoinExpr" in item:
            pending += [item["JoinExpr"]["rarg"], item["JoinExpr"]["larg"]]
        elif "RangeVar" in item:
            yield item


def _is_bare(item: Node) -> bool:
    return "RangeVar" in item and "alias" not in item["RangeVar"]
