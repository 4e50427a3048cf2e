"""The guard: one statement's text and a task's scope in, a decision with a reason out. Pure.

    1. the text is bounded, holds no NUL, and is exactly one statement of PostgreSQL's own grammar
    2. it is a SELECT, INSERT, UPDATE or DELETE
    3. every node, field and value of its tree is known; relations, functions, types and operators are in scope
    4. schema qualifiers are mapped to the task's views; what will run then passes 1 to 3 again

The database is the wall and the guard stands before it: each holds without the other.
"""

from __future__ import annotations

from postern.guard.findings import Findings
from postern.guard.kinds import KINDS
from postern.guard.rewrite import rewrite
from postern.guard.scope import Scope
from postern.guard.source import Source, read
from postern.guard.verdict import Allowed, Edit, Objection, Refused, Verdict
from postern.guard.walk import walk


def check(sql: str, scope: Scope) -> Verdict:
    """Decides one statement. Never raises for anything that a caller can send."""
    source = read(sql)
    if isinstance(source, Refused):
        return source
    findings = _walk(source, scope)
    if isinstance(findings, Objection):
        return _refuse(source, findings)
    if not findings.mapped:
        return _allow(source, findings, sql)
    rewritten = rewrite(source, findings.mapped)
    if isinstance(rewritten, Objection):
        return _refuse(source, rewritten)
    if (objection := _objection_to_changed(rewritten.source, scope, findings)) is not None:
        return _refuse(source, objection)
    return _allow(source, findings, rewritten.source.sql, rewritten.edits)


def _walk(source: Source, scope: Scope) -> Findings | Objection:
    findings = Findings(scope)
    return walk(source.node, source.body, findings) or findings


def _objection_to_changed(changed: Source, scope: Scope, asked: Findings) -> Objection | None:
    """What will run is checked like what was asked, and must come to the same relations with nothing left to map."""
    found = _walk(changed, scope)
    if isinstance(found, Objection):
        return Objection(found.code, found.reason)
    if found.mapped or found.relations != asked.relations or found.writes != asked.writes:
        return Objection("guard.node", "statement: its schema qualifiers cannot be mapped; leave them out")
    return None


def _allow(source: Source, findings: Findings, sql: str, edits: tuple[Edit, ...] = ()) -> Allowed:
    return Allowed(
        sql=sql,
        rewritten=bool(edits),
        kind=KINDS[source.node],
        writes=findings.writes,
        relations=tuple(sorted(findings.relations)),
        fingerprint=source.fingerprint,
        parameters=findings.parameters,
        edits=edits,
    )


def _refuse(source: Source, objection: Objection) -> Refused:
    return Refused(objection.code, objection.reason, source.position(objection.offset), source.fingerprint)
