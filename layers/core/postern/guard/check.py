"""The guard: one statement's text and a task's scope in, a decision with a reason out. Pure.

    1. the text is bounded, holds no NUL, and is exactly one statement of PostgreSQL's own grammar
    2. it is a SELECT, INSERT, UPDATE or DELETE, or the EXPLAIN of a SELECT that hides nothing
    3. every node, field and value of its tree is known; relations, functions, types and operators are in scope
    4. where it writes, no mask is written back; where it looks up, parameters stand in comparisons only
    5. schema qualifiers are mapped to the task's views; what will run then passes 1 to 3 again

The database is the wall and the guard stands before it: each holds without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from types import MappingProxyType

from postern.guard.explain import objection_to_plan
from postern.guard.findings import Findings
from postern.guard.grouping import group_by_keys
from postern.guard.kinds import KINDS
from postern.guard.lists import LISTS, Lists
from postern.guard.lookups import Lookups
from postern.guard.rewrite import rewrite
from postern.guard.same_names import tell_apart
from postern.guard.scope import Scope
from postern.guard.source import Source, read
from postern.guard.tracing import Tracer
from postern.guard.verdict import Allowed, Edit, LookupUse, Objection, Refused, Verdict
from postern.guard.walk import walk
from postern.server_majors import SUPPORTED_MAJORS

_NO_LOOKUPS: Mapping[int, str] = MappingProxyType({})


def check(sql: str, scope: Scope, lookups: Mapping[int, str] = _NO_LOOKUPS) -> Verdict:
    """Decides one statement. Never raises for anything that a caller can send.

    `lookups` gives the class of each parameter, by its number from 1, that is to be compared with a token column.
    """
    lists = LISTS.get(scope.server_major)
    source = read(sql)
    if isinstance(source, Refused):
        return source
    if lists is None:
        return _refuse(source, _objection_to_server())
    findings = _walk(source, scope, lists)
    if isinstance(findings, Objection):
        return _refuse(source, findings)
    uses = _trace(source, findings, lookups)
    if isinstance(uses, Objection):
        return _refuse(source, uses)
    if not findings.mapped:
        return _allow(source, findings, uses, sql)
    rewritten = rewrite(source, findings.mapped)
    if isinstance(rewritten, Objection):
        return _refuse(source, rewritten)
    if (objection := _objection_to_changed(rewritten.source, findings, lookups, uses)) is not None:
        return _refuse(source, objection)
    return _allow(source, findings, uses, rewritten.source.sql, rewritten.edits)


def _objection_to_server() -> Objection:
    majors = ", ".join(map(str, SUPPORTED_MAJORS))
    reason = f"server: expected a task made on PostgreSQL {majors}; open a new task"
    return Objection("guard.server", reason)


def _walk(source: Source, scope: Scope, lists: Lists) -> Findings | Objection:
    findings = Findings(scope, lists, source.body)
    objection = walk(source.node, source.body, findings)
    if objection is None and findings.mapped:
        objection = tell_apart(findings, source.body)
    if objection is None and b"group" in source.encoded.lower():
        findings.mapped += group_by_keys(findings, source.body)
    if objection is None and source.node == "ExplainStmt":
        objection = objection_to_plan(findings)
    return objection or findings


def _trace(source: Source, findings: Findings, classes: Mapping[int, str]) -> tuple[LookupUse, ...] | Objection:
    """The second walk, where there is something for it to find."""
    if not (findings.writes or classes):
        return ()
    lookups = Lookups(findings, classes)
    tracer = Tracer(findings, lookups)
    tracer.query(source.node, source.body, {})
    objection = tracer.objection or lookups.objection()
    return objection or tuple(sorted(lookups.uses, key=astuple))


def _objection_to_changed(
    changed: Source, asked: Findings, lookups: Mapping[int, str], uses: tuple[LookupUse, ...]
) -> Objection | None:
    """What will run is checked like what was asked, and must come to the same with nothing left to map."""
    found = _walk(changed, asked.scope, asked.lists)
    if isinstance(found, Objection):
        return Objection(found.code, found.reason)
    if (
        any(mapped.node != "GroupBy" for mapped in found.mapped)
        or found.relations != asked.relations
        or found.writes != asked.writes
    ):
        return Objection("guard.node", "statement: its schema qualifiers cannot be mapped; leave them out")
    found_uses = _trace(changed, found, lookups)
    if isinstance(found_uses, Objection):
        return Objection(found_uses.code, found_uses.reason)
    if found_uses != uses:
        return Objection("guard.lookup", "lookup: compared with another column once qualifiers are mapped; use aliases")
    return None


def _allow(
    source: Source, findings: Findings, uses: tuple[LookupUse, ...], sql: str, edits: tuple[Edit, ...] = ()
) -> Allowed:
    return Allowed(
        sql=sql,
        rewritten=bool(edits),
        kind=KINDS[source.node],
        writes=findings.writes,
        relations=tuple(sorted(findings.relations)),
        fingerprint=source.fingerprint,
        parameters=findings.parameters,
        edits=edits,
        lookups=uses,
    )


def _refuse(source: Source, objection: Objection) -> Refused:
    return Refused(objection.code, objection.reason, source.position(objection.offset), source.fingerprint)
