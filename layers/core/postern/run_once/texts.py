"""SQL inside of SQL: the statements of a function's body, or of text that a function puts together."""

from __future__ import annotations

from postern.guard.signs import objection_to_signs
from postern.guard.source import MAX_TOKENS, Node, count_tokens, objection_to_depth, parse
from postern.guard.verdict import Objection, Refused
from postern.run_once.findings import Findings
from postern.run_once.kinds import objection_to_statement
from postern.run_once.shapes import STATEMENTS
from postern.run_once.walk import walk

_MOST_DEPTH = 4  # bodies inside of bodies


def check_text(findings: Findings, text: str, of: str) -> Objection | None:
    """Every statement of a text, as strictly as those of a run; parameters are allowed."""
    if findings.depth >= _MOST_DEPTH:
        return Objection("guard.depth", f"{of}: expected at most {_MOST_DEPTH} bodies inside each other; divide it")
    if "\0" in text:
        return Objection("guard.nul", f"{of}: expected text without NUL; remove it")
    if (objection := objection_to_signs(text.encode("utf-8"), of)) is not None:
        return objection
    if len(text) > MAX_TOKENS and count_tokens(text) > MAX_TOKENS:
        return Objection("guard.length", f"{of}: expected at most {MAX_TOKENS} words and signs; divide it")
    parsed = parse(text.encode("utf-8"))
    if parsed is None:
        return objection_to_depth()
    if isinstance(parsed, Refused):
        return Objection(parsed.code, f"{of}: {parsed.reason}")
    for statement in parsed["stmts"]:
        ((node, body),) = statement["stmt"].items()
        if (objection := check_inner(findings, node, body, of)) is not None:
            return objection
    return None


def check_inner(findings: Findings, node: str, body: Node, of: str) -> Objection | None:
    """One statement inside of another."""
    if node not in STATEMENTS and node != "ReturnStmt":
        return objection_to_statement(node)
    inner = findings.inner()
    objection = walk(node, body, inner)
    findings.tables |= inner.tables
    # Its places are those of the inner text, which the caller does not see.
    return None if objection is None else Objection(objection.code, f"{of}: {objection.reason}")
