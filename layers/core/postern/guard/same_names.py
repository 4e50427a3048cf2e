"""Two tables of one name in one FROM, or in a query and one inside of it: `FROM public.orders, sales.orders`.

PostgreSQL tells them apart by their schemas, which the task's views do not have. So the second is read under its
view's own name, and `sales.orders.id` becomes `"sales.orders".id`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.namespaces import Key, places_of
from postern.guard.relations import resolve
from postern.guard.source import Node, messages_in
from postern.guard.verdict import Objection


def tell_apart(findings: Findings, statement: Node) -> Objection | None:
    """Changes how names are mapped where a place sees two tables of the same name, or objects where it cannot."""
    bare = [[node["RangeVar"] for node in _relations(items) if _is_bare(node)] for items in _froms(statement)]
    apart: set[Key] = set()
    for sources in bare:
        by_name = defaultdict(set)
        for body in sources:
            if (relation := resolve(findings.scope, body)) is not None:
                by_name[body["relname"]].add((relation.schema, relation.name))
        apart.update(*(keys for keys in by_name.values() if len(keys) > 1))
    named: dict[str, list[Node]] = defaultdict(list)
    for body in (body for sources in bare for body in sources):
        named[body["relname"]].append(body)
    nested = _rivals(findings, statement, apart)
    if isinstance(nested, Objection):
        return nested
    for _schema, name in sorted(apart):
        # Elsewhere in the statement `orders.id` could come to mean another of the tables.
        if len(named[name]) > len({schema for schema, other in apart if other == name}):
            reason = f"relation {quoted([name])}: two tables of this name are read together; give each an alias"
            return Objection("guard.relation", reason, offset_of(named[name][-1]))
    apart |= nested
    if not apart:
        return None
    if (objection := _objection_to_names(findings, statement, apart, nested)) is not None:
        return objection
    findings.mapped = [_apart(findings, mapped, apart) for mapped in findings.mapped]
    return None


def _rivals(findings: Findings, statement: Node, apart: set[Key]) -> set[Key] | Objection:
    """Tables that have to be told apart because of a column of one, which sees the other nearer.

    `sales.orders.id` loses its schema, so no WITH query, alias or function that it sees may be called `orders`.
    """
    qualified = [mapped.body for mapped in findings.mapped if mapped.node == "ColumnRef"]
    found: set[Key] = set()
    for body, level in places_of(findings, statement, qualified) if qualified else ():
        schema, name = (field["String"]["sval"] for field in body["fields"][:2])
        rivals = level.rivals((schema, name)) if level else set()
        if None in rivals:
            reason = f"column {quoted(strings(body['fields']))}: something else here is called {quoted([name])} too"
            return Objection("guard.relation", f"{reason}; give the table an alias and use that", offset_of(body))
        keys = {(schema, name), *(key for key in rivals if key is not None)}
        if rivals and not keys <= apart:
            found |= keys
    return found


def _objection_to_names(findings: Findings, statement: Node, apart: set[Key], nested: set[Key]) -> Objection | None:
    """Tables that are read under their views' names: nothing else may be called so, nor they by their own."""
    views = {findings.scope.by_name[key].view for key in apart} - {name for _schema, name in apart}
    names = {name for _schema, name in nested}
    for part in messages_in(statement):
        called = part.get("aliasname") or part.get("ctename") or part.get("relname")
        if called in views:
            reason = f"relation {quoted([called])}: a view of this task is called so; choose another alias"
            return Objection("guard.relation", reason, offset_of(part))
        fields = strings(part.get("fields", []))
        if len(fields) < 3 and fields[:1] and fields[0] in names:
            reason = f"column {quoted(fields)}: two tables of this name are read together; give each an alias"
            return Objection("guard.relation", reason, offset_of(part))
    return None


def _apart(findings: Findings, mapped: Mapped, apart: set[Key]) -> Mapped:
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
        elif "RangeTableSample" in item:
            pending.append(item["RangeTableSample"]["relation"])
        elif "RangeVar" in item:
            yield item


def _is_bare(item: Node) -> bool:
    return "RangeVar" in item and "alias" not in item["RangeVar"]
