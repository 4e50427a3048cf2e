"""The one function that gives the token of a value, and the role that may do nothing but call it.

`postern.lookup_token(role, kind, value)` reads `value` as a column of the given kind would hold it and returns what
the views of the task `role` show for it. It is made of the mask's own expression, so the two cannot differ. It runs
with `postern_owner`'s rights, since the keys are readable to nobody else, and is closed to PUBLIC and to every task.

Whoever may call it can test guesses against tokens: that is what a lookup is, and why it is asked of policy,
counted and recorded, and never done over a task's own session.
"""

from __future__ import annotations

from postern.masking.column_types import ColumnType
from postern.masking.expressions import mask_expression
from postern.types import Mask, MaskKind
from postern.world.lookup_call import LOOKUP_ROLE as LOOKUP_ROLE
from postern.world.lookup_call import LOOKUP_TOKEN_SQL as LOOKUP_TOKEN_SQL
from postern.world.names import OWNER_ROLE, POSTERN_SCHEMA, quote_literal
from postern.world.standing_role import make_standing_role

# Each execution environment that does lookups keeps one session.
CONNECTION_LIMIT = 100

# `ColumnType.base` and the type that a value of it is read as: an enum's token stands for its label.
TOKEN_KINDS = {
    **{kind: kind for kind in ("text", "varchar", "bpchar", "name", "uuid", "bool", "inet", "cidr", "bytea")},
    **{kind: kind for kind in ("int2", "int4", "int8", "numeric", "date", "timestamp", "timestamptz")},
    "enum": "text",
}

_SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "default_transaction_read_only": "on",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
    "idle_session_timeout": "60s",
}

# A date is read by the function's own settings, not by those of the session. Its errors leave out the value that the
# server would quote, in an answer as well as in the server's log.
_BODY = """
DECLARE
    task_key bytea;
BEGIN
    SELECT t.k INTO task_key FROM {schema}.task_key t WHERE t.role = lookup_token.role;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'lookup: expected a task that stands, got none';
    END IF;
    CASE kind
{branches}
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'lookup: expected a kind of column that tokens stand for, got another';
    END CASE;
EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = 'lookup: expected a value of the column''s kind, got another';
END
"""
_FUNCTION = """CREATE OR REPLACE FUNCTION {schema}.lookup_token(role name, kind text, value text) RETURNS text
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
SET search_path TO pg_catalog, pg_temp
SET datestyle TO 'ISO, MDY'
SET timezone TO 'UTC'
AS $postern${body}$postern$"""


def make_lookup_role() -> tuple[str, ...]:
    """The role, made where it is missing and brought to its state where it stands; as whoever runs the bootstrap."""
    return make_standing_role(LOOKUP_ROLE, connection_limit=CONNECTION_LIMIT, settings=_SETTINGS)


def make_lookup_function() -> tuple[str, ...]:
    """The function and the right to it; as `postern_owner`, who owns the schema."""
    signature = f"{POSTERN_SCHEMA}.lookup_token(name, text, text)"
    return (
        _FUNCTION.format(schema=POSTERN_SCHEMA, body=_body()),
        f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {POSTERN_SCHEMA} TO {LOOKUP_ROLE}",
        f"GRANT EXECUTE ON FUNCTION {signature} TO {LOOKUP_ROLE}",
    )


def lookup_stands_sql() -> str:
    """Whether the function of the database is this version's: another would give tokens that no view shows."""
    return (
        "SELECT (count(*) > 0)::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        f" WHERE n.nspname = {quote_literal(POSTERN_SCHEMA)} AND p.proname = 'lookup_token' AND p.prosecdef"
        f" AND p.prosrc = {quote_literal(_body())} AND p.proowner = {quote_literal(OWNER_ROLE)}::regrole"
    )


def _body() -> str:
    branches = "\n".join(
        f"    WHEN {quote_literal(kind)} THEN\n        RETURN {_token(kind, read_as)};"
        for kind, read_as in TOKEN_KINDS.items()
    )
    return _BODY.format(schema=POSTERN_SCHEMA, branches=branches)


def _token(kind: str, read_as: str) -> str:
    column_type = ColumnType(read_as, read_as, kind)
    return mask_expression(Mask(MaskKind.TOKEN), f"(value::{read_as})", column_type, "task_key").sql
