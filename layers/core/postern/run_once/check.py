"""The guard of run-once statements: texts in, all of them checked or one refused with a reason. Pure.

    1. there are 1 to 50 texts, of at most 100 kB each and 200 kB together
    2. each holds no NUL and nothing that does not show, and is exactly one statement of PostgreSQL's own grammar
    3. it is a kind of statement that may stand in a run
    4. every node, field and value of its tree is known; no schema of PostgreSQL's, Postern's or a task's is named,
       no closed function called, no right moved, no setting changed but those listed
    5. the bodies of functions that it makes say nothing that fails 3 and 4

What passes is put before people. The database is the wall: the run's role owns the application's objects and has no
other rights.
"""

from __future__ import annotations

from collections.abc import Sequence

from postern.guard.lists import LISTS
from postern.guard.source import Source, read
from postern.guard.verdict import Objection
from postern.guard.verdict import Refused as Unread
from postern.run_once.digest import digest_of, sha256_of
from postern.run_once.findings import Findings
from postern.run_once.kinds import objection_to_statement
from postern.run_once.rules import RULES
from postern.run_once.shapes import STATEMENTS
from postern.run_once.verdict import Accepted, Checked, Refused, Verdict
from postern.run_once.visible import objection_to_hidden
from postern.run_once.walk import walk
from postern.run_once.words import kind_of, runs_in_transaction
from postern.server_majors import SUPPORTED_MAJORS

MAX_STATEMENTS = 50
MAX_STATEMENT_BYTES = 100_000
MAX_TOTAL_BYTES = 200_000
_SHOWN_CALLS = 10

# They change no row by themselves; a function that they call may.
_READING = frozenset({"SelectStmt", "VariableSetStmt", "LockStmt", "ConstraintsSetStmt"})
# The guard's reasons speak of a single statement's request.
_REASONS = {
    "guard.statements": "statement: expected exactly one in each text; send each as one of the list",
    "guard.length": "statement: too many words and signs; divide it into several",
}


def check_statements(texts: Sequence[str], *, server_major: int) -> Verdict:
    """Decides a list of statements. Never raises for anything that a caller can send."""
    if (refused := _check_list(texts)) is not None:
        return refused
    lists = LISTS.get(server_major)
    if lists is None:
        majors = ", ".join(map(str, SUPPORTED_MAJORS))
        return Refused("guard.server", f"server: expected PostgreSQL {majors}", None, None)
    checked = []
    for index, sql in enumerate(texts):
        source = _read(sql, index)
        if isinstance(source, Refused):
            return source
        findings = Findings(lists, RULES)
        objection = _walk(source, findings)
        if objection is not None:
            return Refused(objection.code, objection.reason, index, source.position(objection.offset))
        checked.append(_checked(source, findings))
    return Accepted(tuple(checked), digest_of(texts))


def _check_list(texts: Sequence[str]) -> Refused | None:
    if not 1 <= len(texts) <= MAX_STATEMENTS:
        reason = f"statements: expected 1 to {MAX_STATEMENTS}, got {len(texts)}; open several tasks"
        return Refused("guard.statements", reason, None, None)
    total = 0
    for index, sql in enumerate(texts):
        size = len(sql.encode("utf-8", "surrogatepass"))
        total += size
        if size > MAX_STATEMENT_BYTES:
            reason = f"statement: expected at most {MAX_STATEMENT_BYTES} bytes, got {size}; divide it into several"
            return Refused("guard.length", reason, index, None)
    if total > MAX_TOTAL_BYTES:
        reason = f"statements: expected at most {MAX_TOTAL_BYTES} bytes together, got {total}; open several tasks"
        return Refused("guard.length", reason, None, None)
    return None


def _read(sql: str, index: int) -> Source | Refused:
    source = read(sql)
    if isinstance(source, Unread):
        return Refused(source.code, _REASONS.get(source.code, source.reason), index, source.position)
    if (hidden := objection_to_hidden(sql)) is not None:
        objection, place = hidden
        return Refused(objection.code, objection.reason, index, place)
    return source


def _walk(source: Source, findings: Findings) -> Objection | None:
    if source.node not in STATEMENTS:
        return objection_to_statement(source.node, 0)
    return walk(source.node, source.body, findings)


def _checked(source: Source, findings: Findings) -> Checked:
    if not all(name.isascii() for name in findings.tables | findings.calls):
        findings.note("its names hold letters outside of ASCII, some of which look like others")
    if findings.calls:
        called = ", ".join(sorted(findings.calls)[:_SHOWN_CALLS])
        findings.note(f"calls functions of the application, whose effects are theirs: {called}")
    return Checked(
        sql=source.sql,
        sha256=sha256_of(source.sql),
        fingerprint=source.fingerprint,
        kind=kind_of(source.node, source.body),
        in_transaction=runs_in_transaction(source.node, source.body),
        writes=findings.writes or source.node not in _READING,
        tables=tuple(sorted(findings.tables)),
        effects=tuple(findings.effects),
    )
