"""The rules of CREATE and ALTER FUNCTION and PROCEDURE: who they run as, in what language, and what their body says."""

from __future__ import annotations

from postern.guard.findings import offset_of, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.run_once.findings import Findings
from postern.run_once.functions import objection_to_function_name
from postern.run_once.options import objection_to_option, options_of
from postern.run_once.plpgsql import check_plpgsql
from postern.run_once.settings import check_set_of_function
from postern.run_once.stand_ins import holds_any
from postern.run_once.texts import check_inner, check_text

_PLAIN = frozenset({"as", "cost", "language", "parallel", "rows", "strict", "volatility"})
_FALSE_ONLY = {
    "security": "SECURITY DEFINER: lends the owner's rights to whoever calls it; leave it out",
    "leakproof": "LEAKPROOF: lets it see rows before a view hides them; leave it out",
}
_LANGUAGES = frozenset({"sql", "plpgsql"})
_CALLERS = "the function runs with the rights of whoever calls it, and what it says is part of what is approved"


def check_create(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE FUNCTION or PROCEDURE."""
    findings.note(_CALLERS)
    if (objection := objection_to_function_name(strings(body["funcname"]))) is not None:
        return objection
    given = options_of(body.get("options", []))
    language = given.get("language", {}).get("arg", {}).get("String", {}).get("sval", "sql")
    if language not in _LANGUAGES:
        return Objection("guard.run_once", "LANGUAGE: expected sql or plpgsql; write the function in one of them")
    return _check_options(findings, body.get("options", [])) or _check_body(findings, body, given, language)


def check_alter(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """ALTER FUNCTION, PROCEDURE or ROUTINE."""
    return _check_options(findings, body.get("actions", []))


def _check_options(findings: Findings, nodes: list[Node]) -> Objection | None:
    names = [node["DefElem"]["defname"] for node in nodes if node["DefElem"]["defname"] != "set"]
    if len(set(names)) != len(names):
        return Objection("guard.run_once", "function: expected each option once; leave the others out")
    for node in nodes:
        option = node["DefElem"]
        name = option["defname"]
        value = option.get("arg", {})
        if name in _FALSE_ONLY:
            if value.get("Boolean", {}).get("boolval", False) or "Boolean" not in value:
                return Objection("guard.run_once", _FALSE_ONLY[name], offset_of(option))
        elif name == "set" and "VariableSetStmt" in value:
            if (objection := check_set_of_function(value["VariableSetStmt"])) is not None:
                return objection
            findings.options.add(id(value["VariableSetStmt"]))
        elif name not in _PLAIN:
            return objection_to_option("function", option)
        findings.options.add(id(option))
    return None


def _check_body(findings: Findings, body: Node, given: dict[str, Node], language: str) -> Objection | None:
    if "sql_body" in body:
        return _check_standard_body(findings, body["sql_body"])
    texts = strings(given.get("as", {}).get("arg", {}).get("List", {}).get("items", []))
    if len(texts) != 1:
        return Objection("guard.run_once", "AS: expected one text, the function's body; libraries are closed")
    if findings.depth > 0 and holds_any(texts[0]):
        return Objection("guard.run_once", "function body: expected a text that is known before it is made")
    if language == "sql":
        return check_text(findings, texts[0], "function body")
    parameters = [node["FunctionParameter"].get("name", "") for node in body.get("parameters", [])]
    return check_plpgsql(findings, texts[0], parameters)


def _check_standard_body(findings: Findings, sql_body: Node) -> Objection | None:
    """RETURN …, or BEGIN ATOMIC … END, which the grammar gives as a list in a list."""
    pending = [sql_body]
    while pending:
        ((node, body),) = pending.pop().items()
        if node == "List":
            pending += [item for item in body.get("items", []) if item]
        elif (objection := check_inner(findings, node, body, "function body")) is not None:
            return objection
    return None
