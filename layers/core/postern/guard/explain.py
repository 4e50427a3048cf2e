"""EXPLAIN of a SELECT: without options of the agent's, and only over tables of which the task sees everything.

A plan is chosen by statistics of the raw values, so where a mask or a row filter hides some it could tell of them.
Elsewhere it is the agent's own SQL and names, once `plan_text` has put the agent's names for the tables' own.
"""

from __future__ import annotations

from postern.guard.findings import Findings, Mapped, offset_of, quoted
from postern.guard.scope import Relation
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names

COSTS_OFF: Node = {"DefElem": {"defname": "costs", "arg": {"String": {"sval": "off"}}, "defaction": "DEFELEM_UNSPEC"}}


def check_explain(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The statement itself: no options but the one that it runs with, and a SELECT."""
    options = [node["DefElem"] for node in body.get("options", [])]
    for option in options:
        if not _is_costs_off(option):
            word = option["defname"].upper()
            reason = f"EXPLAIN {word}: expected EXPLAIN without options; it runs as EXPLAIN (COSTS OFF)"
            return Objection("guard.kind", reason, offset_of(option))
    if "SelectStmt" not in body["query"]:
        return Objection("guard.kind", "EXPLAIN: expected a SELECT; only its plan can be shown")
    if [{**option, "location": 0} for option in options] != [{**COSTS_OFF["DefElem"], "location": 0}]:
        findings.mapped.append(Mapped("ExplainStmt", body, ""))
    return None


def _is_costs_off(option: Node) -> bool:
    """COSTS with FALSE, OFF or 0, as PostgreSQL reads a boolean."""
    value = option.get("arg", {})
    return option["defname"] == "costs" and (
        value == {"Integer": {}} or value.get("String", {}).get("sval", "").lower() in {"false", "off"}
    )


def _hidden(relation: Relation) -> str | None:
    if relation.masked:
        return "masks columns"
    if relation.filtered:
        return "filters rows"
    # A plan is of what is beneath, with its names and conditions.
    return None if relation.is_table and not relation.has_heirs else "is a view or has parts"


def objection_to_plan(findings: Findings) -> Objection | None:
    """The refusal of a plan that could tell of what is hidden; asked when the whole statement has been walked."""
    if findings.writes:
        return Objection("guard.kind", "EXPLAIN: expected a SELECT that writes nothing; only its plan can be shown")
    for relation in findings.scope.relations:
        hides = _hidden(relation)
        if hides and relation.qualified in findings.relations:
            reason = f"EXPLAIN: {quoted([relation.schema, relation.name])} {hides} for this task, and a plan tells of"
            return Objection("guard.kind", f"{reason} what is beneath; run the query with a small LIMIT instead")
    return None
