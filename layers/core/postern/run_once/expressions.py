"""The rules for what stands inside of statements: relations, calls, casts, parameters."""

from __future__ import annotations

from postern.guard.findings import offset_of, quoted, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import NOTHING, Names
from postern.run_once.findings import Findings
from postern.run_once.names import objection_to_relation, objection_to_role, objection_to_schema, objection_to_text
from postern.run_once.options import OPERATOR_CLASS, check_options
from postern.run_once.word_lists import words

_NAMES_OF_OBJECTS = words(
    "regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regtype"
)
_SAMPLES = frozenset({"bernoulli", "system"})


def check_read(findings: Findings, body: Node, names: Names) -> Objection | None:
    """A relation that is read: a visible WITH query, or one of the application's own."""
    if "schemaname" not in body and "catalogname" not in body and body["relname"] in names:
        return None
    return check_target(findings, body, NOTHING)


def check_target(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A relation that is written, made or changed: no WITH query ever stands for it."""
    parts = [body[key] for key in ("catalogname", "schemaname", "relname") if key in body]
    findings.tables.add(quoted(parts))
    return objection_to_relation(parts, offset_of(body))


def check_column(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A column's name: `schema.table.column` names a schema, which no relation of the statement could have."""
    parts = strings(body["fields"])
    return objection_to_schema(parts[0], offset_of(body)) if len(body["fields"]) > 2 and len(parts) > 1 else None


def check_cast(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A cast: a constant that becomes the name of an object must name one of the application's own."""
    constant = body["arg"].get("A_Const", {}).get("sval", {}).get("sval")
    type_name = strings(body["typeName"]["names"])[-1]
    if constant is None or type_name not in _NAMES_OF_OBJECTS:
        return None
    if type_name == "regnamespace":
        return objection_to_schema(constant.strip('" '), offset_of(body))
    if type_name in {"regtype", "regconfig", "regcollation", "regdictionary"} and not constant.startswith("pg_"):
        return objection_to_text(constant.removeprefix("pg_catalog."), offset_of(body))
    return objection_to_text(constant, offset_of(body))


def check_sample(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """TABLESAMPLE by one of PostgreSQL's own two methods."""
    method = strings(body["method"])
    if len(method) == 1 and method[0] in _SAMPLES:
        return None
    reason = f"TABLESAMPLE method {quoted(method)}: expected BERNOULLI or SYSTEM"
    return Objection("guard.function", reason, offset_of(body))


def check_parameter(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A parameter: a function's body has them, a statement of a run has none."""
    if findings.depth > 0:
        return None
    return Objection("guard.node", "parameter: a run sends none; write the value itself", offset_of(body))


def check_option(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """An option that no rule of its statement has checked."""
    if id(body) in findings.options:
        return None
    reason = f"option {str(body.get('defname', ''))[:63]}: the guard does not know it here; leave it out"
    return Objection("guard.node", reason, offset_of(body))


def check_index_column(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A column or expression of an index, with the options of its operator class."""
    return check_options(findings, body.get("opclassopts", []), OPERATOR_CLASS, "operator class")


def check_role(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A role, which only row security policies name."""
    return objection_to_role(body.get("rolename", ""), offset_of(body))
