"""Names: which schemas, relations, types and roles a run-once statement may not name, however it spells them.

An unqualified name means PostgreSQL's own catalog first, so what begins with `pg_` is closed without a schema too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from postern.guard.findings import quoted
from postern.guard.verdict import Objection
from postern.run_once.word_lists import words
from postern.world.names import IAM_ROLE, POSTERN_SCHEMA

_OWN_SCHEMA = "pg_catalog"
_TASK = re.compile(r"task_[0-9a-f]{32}")
# Schemas of extensions that run statements later, or reach other servers, files and services.
_OUTSIDE_SCHEMAS = words("""
    apg_plan_mgmt aws_bedrock aws_commons aws_comprehend aws_lambda aws_ml aws_s3 aws_sagemaker cron dblink dbms_job
    dbms_scheduler dms net pgagent pglogical rds_tools utl_file utl_http
    """)
# pg_catalog's are open to types, but these are row types of catalogs, or types of C functions.
_OPEN_PG_TYPES = frozenset({"pg_lsn", "pg_snapshot"})
_CLOSED_TYPES = words("""
    aclitem cstring event_trigger fdw_handler index_am_handler internal language_handler table_am_handler tsm_handler
    """)
_CLOSED_ROLE = re.compile(rf"postern(_.*)?|task_[0-9a-f]{{32}}|pg_.*|rds_?.*|{IAM_ROLE}")
_PART_OF_TEXT = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def reason_to_close(schema: str) -> str | None:
    """Why nothing in a schema may be named; None where it is the application's own. Another case is no other name."""
    schema = schema.lower()
    if schema == "information_schema" or schema.startswith("pg_"):
        return "it belongs to PostgreSQL"
    if schema == POSTERN_SCHEMA:
        return "it belongs to Postern"
    if _TASK.fullmatch(schema):
        return "it belongs to a task"
    if schema in _OUTSIDE_SCHEMAS:
        return "what it holds reaches outside the database, or runs later"
    return None


def objection_to_schema(schema: str, offset: int | None) -> Objection | None:
    """A schema's name, on its own or before another name."""
    because = reason_to_close(schema)
    if because is None:
        return None
    reason = f"schema {quoted([schema])}: closed to run-once statements, because {because}; name the application's own"
    return Objection("guard.relation", reason, offset)


def objection_to_relation(parts: Sequence[str], offset: int | None) -> Objection | None:
    """A relation's name, of one or two parts; a database's name before them is refused."""
    if len(parts) > 2:
        reason = f"relation {quoted(list(parts))}: expected at most schema and name; leave the database out"
        return Objection("guard.relation", reason, offset)
    if len(parts) == 2 and (objection := objection_to_schema(parts[0], offset)) is not None:
        return objection
    if parts[-1].startswith("pg_"):
        reason = f"relation {quoted(list(parts))}: names that begin with pg_ are PostgreSQL's own; use another"
        return Objection("guard.relation", reason, offset)
    return None


def objection_to_dotted(of: str, parts: Sequence[str], offset: int | None) -> Objection | None:
    """A name of something that is no relation: `of` is one of the nouns of `shapes.Dotted`."""
    if len(parts) > 2:
        reason = f"{of} {quoted(list(parts))}: expected at most schema and name; leave the rest out"
        return Objection("guard.relation", reason, offset)
    is_own = len(parts) == 1 or parts[0] == _OWN_SCHEMA
    if of == "type" and is_own:
        return _objection_to_own_type(parts, offset)
    if is_own and of in {"operator", "collation", "operator class", "trigger function"}:
        return None
    return objection_to_schema(parts[0], offset) if len(parts) == 2 else None


def objection_to_role(name: str, offset: int | None) -> Objection | None:
    """A role's name in a row security policy."""
    if _CLOSED_ROLE.fullmatch(name) is None:
        return None
    reason = (
        f"role {quoted([name])}: closed to run-once statements, which change no rights of Postern's or the server's"
    )
    return Objection("guard.run_once", reason, offset)


def objection_to_text(text: str, offset: int | None) -> Objection | None:
    """The text of a name, as `regclass` and `nextval` read it."""
    parts = [(inner or "").replace('""', '"') or plain.strip().lower() for inner, plain in _PART_OF_TEXT.findall(text)]
    return objection_to_relation(parts, offset) if parts else None


def _objection_to_own_type(parts: Sequence[str], offset: int | None) -> Objection | None:
    element = parts[-1].removeprefix("_")  # `_int4` is how pg_type names the array of int4
    is_catalog = element.startswith("pg_") and element not in _OPEN_PG_TYPES
    if not is_catalog and element not in _CLOSED_TYPES:
        return None
    reason = f"type {quoted(list(parts))}: one of the server's own inner types; use a type for data"
    return Objection("guard.type", reason, offset)
