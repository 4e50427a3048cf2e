"""The role of a task whose statements run once, and what the role that owns an application's tables must not be.

The role has nothing of its own: no schema, no view, no right. It may log in, once at a time, and become `owner_role`
by SET ROLE, which its session does before anything else: what the statements make is `owner_role`'s from its first
moment, so nothing of it goes with the task's role. It inherits nothing, so a session that has not become `owner_role`,
or that a function put back, can do nothing at all.

postern_provision must have ADMIN on `owner_role`, without INHERIT and SET. With it, it can give that role to others,
itself among them: whoever takes over that function could run a migration in a database whose catalog names an
`owner_role`, and only there.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.types import TaskId
from postern.world.names import IAM_ROLE, PROVISION_ROLE, do_block, quote_ident, quote_literal, role_name
from postern.world.statement_log import log_statements_of

CONNECTION_LIMIT = 1  # one run, which has one session

# Before its session says otherwise; see `edges/run_session.py`.
_SETTINGS = {"statement_timeout": "30s", "lock_timeout": "5s", "idle_session_timeout": "60s"}

# Of PostgreSQL's own roles those whose members see more of the server, and can read or change no table by it.
_HARMLESS = ("pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables", "pg_database_owner")


@dataclass(frozen=True, slots=True)
class RunRolePlan:
    """The statements that make the role, in one transaction, after `plan.insert_key_sql`; as `postern_provision`."""

    task_id: TaskId
    make_role: tuple[str, ...]
    admit: tuple[str, ...]  # last, for they lock the roles that they grant until COMMIT


def plan_run_role(task_id: TaskId, owner_role: str) -> RunRolePlan:
    """The role of a task that runs as `owner_role`."""
    role = role_name(task_id)
    name = quote_ident(role)
    return RunRolePlan(
        task_id,
        make_role=(
            f"CREATE ROLE {name} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            f" CONNECTION LIMIT {CONNECTION_LIMIT}",
            f"ALTER ROLE {name} SET search_path TO pg_catalog, pg_temp",
            *(f"ALTER ROLE {name} SET {setting} TO {quote_literal(value)}" for setting, value in _SETTINGS.items()),
            log_statements_of(role),
        ),
        admit=(
            f"GRANT {quote_ident(owner_role)} TO {name} WITH ADMIN FALSE, INHERIT FALSE, SET TRUE",
            f"GRANT {quote_ident(IAM_ROLE)} TO {name} WITH ADMIN FALSE, INHERIT FALSE, SET FALSE",
        ),
    )


def owner_weaknesses_sql(owner_role: str) -> str:
    """A row for each reason why statements must not run as this role, in words; none where they may.

    It reaches whatever the roles that it is in reach: superusers and those past row security, PostgreSQL's own roles
    that read or write everything, Amazon's, and ours.
    """
    harmless = ", ".join(quote_literal(name) for name in _HARMLESS)
    iam = quote_literal(IAM_ROLE)
    return f"""WITH RECURSIVE reached (oid) AS (
    SELECT oid FROM pg_roles WHERE rolname = {quote_literal(owner_role)}
    UNION
    SELECT a.roleid FROM pg_auth_members a JOIN reached r ON a.member = r.oid
    WHERE a.inherit_option OR a.set_option OR a.admin_option
)
SELECT 'does not exist' AS reason WHERE NOT EXISTS (SELECT FROM reached)
UNION ALL
SELECT CASE WHEN r.rolname = {quote_literal(owner_role)} THEN 'is' ELSE format('reaches %I, which is', r.rolname) END
    || concat_ws(' and', CASE WHEN r.rolsuper THEN ' superuser' END,
        CASE WHEN r.rolbypassrls THEN ' past row security' END, CASE WHEN r.rolcreaterole THEN ' CREATEROLE' END,
        CASE WHEN r.rolreplication THEN ' REPLICATION' END)
FROM pg_roles r WHERE r.oid IN (SELECT oid FROM reached)
    AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication)
UNION ALL
SELECT format('is in %I', r.rolname) FROM pg_roles r
WHERE r.oid IN (SELECT oid FROM reached) AND r.rolname <> {quote_literal(owner_role)}
    AND (r.rolname ~ '^(pg|rds|postern)_' OR r.rolname ~ '^task_[0-9a-f]{{32}}$' OR r.rolname = 'rdsadmin')
    AND r.rolname NOT IN ({harmless}, {iam})
ORDER BY 1"""


def grant_owner_role(owner_role: str) -> tuple[str, ...]:
    """What a database needs before statements may run as `owner_role`; as whoever runs the bootstrap."""
    name = quote_literal(owner_role)
    check = f"""DECLARE
    reason text;
BEGIN
    SELECT string_agg(w.reason, ', ') INTO reason FROM ({owner_weaknesses_sql(owner_role)}) AS w;
    IF reason IS NOT NULL THEN
        RAISE EXCEPTION 'postern: expected % to be a plain owner of the tables, it %', {name}, reason;
    END IF;
END"""
    return (
        do_block(check),
        f"GRANT {quote_ident(owner_role)} TO {PROVISION_ROLE} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    )


def revoke_owner_role(owner_role: str) -> str:
    """The reverse of `grant_owner_role`, where both roles are there still."""
    name = quote_literal(owner_role)
    return do_block(f"""BEGIN
    IF EXISTS (SELECT FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
               WHERE g.rolname = {name} AND m.rolname = {quote_literal(PROVISION_ROLE)}) THEN
        EXECUTE format('REVOKE %I FROM {PROVISION_ROLE}', {name});
    END IF;
END""")
