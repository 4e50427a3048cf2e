"""What ended tasks left behind, and what tasks' roles were given by others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, always, text
from postern.world.lookup import LOOKUP_ROLE
from postern.world.names import (
    POSTERN_SCHEMA,
    PROVISION_ROLE,
    REAP_ROLE,
    quote_ident,
    quote_literal,
    quote_qualified,
)

_TASK = "'^task_[0-9a-f]{32}$'"
_SERVANTS = ", ".join(quote_literal(name) for name in (PROVISION_ROLE, LOOKUP_ROLE, REAP_ROLE))
_LONGEST_TASK = "8 hours 30 minutes"  # the longest deadline and what the timer may need after it

# A role belongs to the cluster: with rights in another database it is that one's. One of run-once statements, which
# may become their owner_role, has no schema.
_ROLES_ALONE = f"""
SELECT r.rolname::text FROM pg_roles r
WHERE r.rolname ~ {_TASK} AND NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = r.rolname)
    AND NOT EXISTS (SELECT FROM pg_auth_members a WHERE a.member = r.oid AND a.set_option)
    AND NOT EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid
                    AND d.dbid NOT IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
ORDER BY 1
"""
_SCHEMAS_ALONE = f"""
SELECT n.nspname::text FROM pg_namespace n
WHERE n.nspname ~ {_TASK} AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = n.nspname)
ORDER BY 1
"""
_KEYS_ALONE = f"""
SELECT k.role::text FROM {POSTERN_SCHEMA}.task_key k
WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = k.role)
ORDER BY 1
"""
_OLD = f"""
SELECT k.role::text FROM {POSTERN_SCHEMA}.task_key k JOIN pg_roles r ON r.rolname = k.role
WHERE k.created_at < now() - interval '{_LONGEST_TASK}'
ORDER BY 1
"""
_UNMARKED = f"""
SELECT r.rolname::text FROM pg_roles r
WHERE r.rolname ~ {_TASK} AND NOT EXISTS (
    SELECT FROM pg_shdescription d
    WHERE d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass AND d.description ~ '^postern [0-9]+ '
)
ORDER BY 1
"""
_SESSIONS = f"""
SELECT a.pid::text, coalesce(r.rolname::text, '') FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.backend_type = 'client backend' AND a.usesysid IS NOT NULL
    AND (r.oid IS NULL OR (r.rolname ~ {_TASK} AND NOT r.rolcanlogin))
ORDER BY 2, 1
"""
# A world's own grants: its views, the catalog's functions, sequences of the tables that it may write.
_GIVEN = f"""
SELECT r.rolname::text, 'TABLE', n.nspname::text, c.relname::text
FROM pg_roles r JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid
    AND d.deptype = 'a' AND d.classid = 'pg_class'::regclass
JOIN pg_database b ON b.oid = d.dbid AND b.datname = current_database()
JOIN pg_class c ON c.oid = d.objid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (r.rolname ~ {_TASK} OR r.rolname IN ({_SERVANTS})) AND n.nspname <> r.rolname AND c.relkind <> 'S'
UNION
SELECT r.rolname::text, 'SCHEMA', n.nspname::text, NULL
FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a JOIN pg_roles r ON r.oid = a.grantee
WHERE (r.rolname ~ {_TASK} OR r.rolname IN ({_SERVANTS})) AND a.privilege_type = 'CREATE'
ORDER BY 1, 2, 3, 4
"""


def _read_roles(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        role = quote_ident(text(name))
        yield check.finding(
            f"role {role} without a schema", [f"DROP OWNED BY {role}", f"DROP ROLE {role}"], advice=_LOOK_TWICE
        )


def _read_schemas(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        schema = quote_ident(text(name))
        yield check.finding(f"schema {schema} without a role", [f"DROP SCHEMA {schema} CASCADE"], advice=_LOOK_TWICE)


def _read_keys(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        yield check.finding(
            f"key of {quote_ident(text(name))}, which does not exist",
            [f"DELETE FROM {POSTERN_SCHEMA}.task_key WHERE role = {quote_literal(text(name))}"],
            advice=_LOOK_TWICE,
        )


def _read_old(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        yield check.finding(
            f"world of {quote_ident(text(name))}",
            _drop(text(name)),
            advice="find out first why the provision function did not end it: it does so each minute, and records it",
        )


def _read_unmarked(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        yield check.finding(
            f"role {quote_ident(text(name))}",
            _drop(text(name)),
            advice="find out first whose it is: of a task that lives it is not to be dropped, and goes with the task",
        )


def _drop(name: str) -> list[str]:
    role, literal = quote_ident(name), quote_literal(name)
    return [
        f"ALTER ROLE {role} NOLOGIN",
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = {literal}",
        f"DROP SCHEMA IF EXISTS {role} CASCADE",
        f"DROP OWNED BY {role}",
        f"DROP ROLE {role}",
        f"DELETE FROM {POSTERN_SCHEMA}.task_key WHERE role = {literal}",
    ]


def _read_sessions(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for pid, role in rows:
        who = f"of {quote_ident(role)}, which may not log in" if role else "of a role that was dropped"
        yield check.finding(f"session {int(text(pid))} {who}", [f"SELECT pg_terminate_backend({int(text(pid))}, 5000)"])


def _read_given(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for role, kind, schema, table in rows:
        what = quote_ident(text(schema)) if table is None else quote_qualified(text(schema), table)
        yield check.finding(
            f"{text(kind).lower()} {what} for {quote_ident(text(role))}",
            [f"REVOKE ALL ON {kind} {what} FROM {quote_ident(text(role))}"],
            advice="who granted it takes it back, where that is not the owner",
        )


_LOOK_TWICE = "look again first: a world that is being taken down looks like this for a moment"

ROLES_ALONE = Check(
    "world.role",
    Severity.MEDIUM,
    "a task's role without its schema",
    "a teardown did not finish: a role that may log in is left",
    always(_ROLES_ALONE),
    _read_roles,
)
SCHEMAS_ALONE = Check(
    "world.schema",
    Severity.LOW,
    "a task's schema without its role",
    "a teardown did not finish; its views block the application's migrations",
    always(_SCHEMAS_ALONE),
    _read_schemas,
)
KEYS_ALONE = Check(
    "world.key",
    Severity.LOW,
    "a token key without its task's role",
    "a teardown did not finish; with the key, tokens that were delivered can be compared with guesses",
    always(_KEYS_ALONE),
    _read_keys,
)
OLD = Check(
    "world.old",
    Severity.HIGH,
    "a world that is older than any task may be",
    "nobody ends it: access goes on past its deadline",
    always(_OLD),
    _read_old,
)
UNMARKED = Check(
    "world.mark",
    Severity.LOW,
    "a task's role without the mark of the deployment that made it",
    "the sweep drops it only where it knows its task; restored backups and earlier versions leave such roles",
    always(_UNMARKED),
    _read_unmarked,
)
SESSIONS = Check(
    "world.session",
    Severity.MEDIUM,
    "a session of a role that was dropped, or of a task's role that may not log in any more",
    "it goes on with the rights that it had",
    always(_SESSIONS),
    _read_sessions,
)
GIVEN = Check(
    "world.grant",
    Severity.HIGH,
    "a task's role with rights outside of its own schema; postern_provision, postern_lookup or postern_reap with a"
    " right to a table",
    "somebody granted them by hand: they pass masks and row filters by",
    always(_GIVEN),
    _read_given,
)
