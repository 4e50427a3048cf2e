"""Function calls in a run's own expressions: PostgreSQL's own by allow-list, the application's own by name.

The application's functions are part of the database that the run changes, so it may call them; what they do is
theirs, and the approver is told. PostgreSQL's own are judged by the guard's lists for the server's version, with a
few added that migrations need.
"""

from __future__ import annotations

import re

from postern.guard.findings import offset_of, quoted, strings
from postern.guard.lists import Lists
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.run_once.findings import Findings
from postern.run_once.names import objection_to_relation, objection_to_schema, objection_to_text
from postern.run_once.stand_ins import NAME
from postern.run_once.word_lists import words

_OWN_SCHEMA = "pg_catalog"
OF_SETTINGS = frozenset({"current_setting", "set_config"})
_SEQUENCES = frozenset({"nextval", "setval"})
# They take the text of a relation's name.
_OF_RELATIONS = _SEQUENCES | {"currval", "pg_get_serial_sequence", "to_regclass"}
# What the guard closes to queries and a migration needs: sequences, names of the application's own objects, and what
# defaults, policies and trigger conditions of ordinary applications ask. Nothing of what they give is delivered.
_MIGRATIONS = _OF_RELATIONS | words(
    """
    inet_client_addr inet_client_port lastval pg_current_xact_id pg_trigger_depth to_regtype
    txid_current
    """
)
# What audit and notifying functions of ordinary applications call, once the application runs them.
_IN_BODIES = words(
    """
    current_query pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_backend_pid pg_notify
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
    """
)
# `dynamic` reads what these give. An application's own of such a name could give any text, so none is made.
_READ = words("concat format quote_ident quote_literal quote_nullable")
TRIGGERS = frozenset(
    {"suppress_redundant_updates_trigger", "tsvector_update_trigger", "tsvector_update_trigger_column"}
)
# Functions of extensions that read files, run text, reach other servers, or run statements later. They live in any
# schema, so they are closed by name; `pg_` and `lo_` are PostgreSQL's own ways to name such functions.
_OUTSIDE = re.compile(
    r"(pg|lo|dblink|crosstab|postgres_fdw|file_fdw|log_fdw|aws|http|plv8|dbms|utl)"
    r"_.*|dblink|crosstab[0-9n]?|connectby|xpath_table|xslt_process|http|urlencode_http|get_raw_page|lo_manage"
    r"|query_export_to_s3|table_import_from_s3|create_foreign_table_for_log_file|list_postgres_log_files"
)
_SEQUENCE_NOTE = "moves a sequence, which no rollback takes back"
# An application's own settings have a prefix. These prefixes are read by the server, by extensions or by Postern.
_CLOSED_SETTING = re.compile(r"(postern|rds|rdsadmin|pg.*|plpgsql|auto_explain|session_.*|cron|aws.*|apg.*)\..*")
_OWN_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+")


def is_own_setting(name: str) -> bool:
    """Whether a setting is one that an application makes for itself, such as `app.tenant`."""
    return _OWN_SETTING.fullmatch(name) is not None and _CLOSED_SETTING.fullmatch(name.lower()) is None


def check_call(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A function call of the statement's tree."""
    parts = strings(body["funcname"])
    arguments = body.get("args", [])
    if parts[-1] in _OF_RELATIONS:
        # Their one text may have a name before it; a setting's may not, for there its order would not tell which it is.
        arguments = [argument.get("NamedArgExpr", {}).get("arg", argument) for argument in arguments]
    constants = [argument.get("A_Const", {}).get("sval", {}).get("sval") for argument in arguments]
    return check_name(findings, parts, constants, offset_of(body))


def check_name(
    findings: Findings, parts: list[str], constants: list[str | None], offset: int | None
) -> Objection | None:
    """A called function by its dotted name; `constants` are its arguments where they are text, else None."""
    if len(parts) > 2:
        return _objection(parts, "it has more parts than schema and name", offset)
    if any(NAME in part for part in parts):
        return _objection(parts, "which function it will be is not known before it is called", offset)
    schema, name = parts[:-1], parts[-1]
    if schema in ([], [_OWN_SCHEMA]):
        if name in OF_SETTINGS:
            return _check_setting(name, constants, offset)
        if name in findings.lists.functions:
            return None
        if name in _MIGRATIONS or (findings.depth > 0 and name in _IN_BODIES):
            return _check_migration(findings, name, constants, offset)
        if schema or name in findings.lists.closed_functions:
            return _objection(parts, _reason(findings.lists, name), offset)
    elif (objection := objection_to_schema(schema[0], offset)) is not None:
        return objection
    if _OUTSIDE.fullmatch(name):
        return _objection(parts, "functions of this name read files, run text or reach other servers", offset)
    findings.calls.add(quoted(parts))
    findings.writes = True
    return None


def objection_to_function_name(parts: list[str]) -> Objection | None:
    """The name that a function is given: none that would be read, or run, as one of PostgreSQL's own."""
    if (objection := objection_to_relation(parts, None)) is not None:
        return objection  # a name that begins with pg_ would read like one of PostgreSQL's own
    if parts[-1] not in _READ:
        return None
    return Objection("guard.run_once", f"function {quoted(parts)}: PostgreSQL has one of this name; use another")


def check_trigger_function(parts: list[str], offset: int | None) -> Objection | None:
    """The function that a trigger runs: the application's own, or one of three of PostgreSQL's."""
    name = parts[-1]
    if name in TRIGGERS and parts[:-1] in ([], [_OWN_SCHEMA]):
        return None
    if parts[:-1] == [_OWN_SCHEMA] or name.startswith("RI_FKey_") or _OUTSIDE.fullmatch(name):
        return _objection(parts, "it is the server's own, or an extension's that reaches further", offset)
    return None


def _check_setting(name: str, constants: list[str | None], offset: int | None) -> Objection | None:
    setting = constants[0] if constants else None
    if setting is not None and is_own_setting(setting):
        return None
    return _objection([name], "it is open to settings of the application's only, such as 'app.tenant'", offset)


def _check_migration(
    findings: Findings, name: str, constants: list[str | None], offset: int | None
) -> Objection | None:
    if name in _SEQUENCES:
        findings.note(_SEQUENCE_NOTE)
        findings.writes = True
    if name in _OF_RELATIONS and constants and constants[0] is not None:
        return objection_to_text(constants[0], offset)
    return None


def _reason(lists: Lists, name: str) -> str:
    return lists.closed_functions.get(name, "this server's version has none of this name")


def _objection(parts: list[str], because: str, offset: int | None) -> Objection:
    reason = f"function {quoted(parts)}: closed to run-once statements, because {because}; do without it"
    return Objection("guard.function", reason, offset)
