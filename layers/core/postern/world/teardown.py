"""What ends a task's world, in order, each step safe to repeat, and the query that proves it.

1. `claim`: takes the row of the task's key and holds it for a transaction. It waits for a build of the same task that
   is under way, or another teardown, and makes a later build fail. No agent can touch what it waits for. Every step
   that changes something begins with it.
2. `close_login`: nobody new gets in. Committed at once.
3. `terminate_sql`, until it finds no session.
4. `drop_schema`: what was granted outside of the schema, views and schema. Access has ended here.
5. `terminate_sql` once more: a login that was under way during step 2 shows itself only now.
6. `drop_role`: whatever the role came to own or was granted, the role, and the key with the claim. It is last, so
   a teardown that dies anywhere before is found unfinished by the next.
7. `proof_sql`.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.types import TaskId
from postern.world.names import OWNER_ROLE, POSTERN_SCHEMA, do_block, quote_ident, quote_literal, role_name, schema_name

_TERMINATE_WAIT_MS = 400  # for each session that is waited for
_WAITED_FOR = 5  # at a time: the statement has a time limit

# Sequences and functions of the application, and schemas to find them in: DROP OWNED, by another role than the one
# that granted them, would leave them, and with them the role. What has no list of rights is left out first: spelling
# out the three thousand functions of the server's own took longer than all the rest of a teardown.
_TAKE_BACK = """DECLARE
    held text;
BEGIN
    FOR held IN
        WITH given (what, acl) AS (
            SELECT 'USAGE ON SEQUENCE ' || oid::regclass, relacl FROM pg_class
                WHERE relkind = 'S' AND relacl IS NOT NULL
            UNION ALL SELECT 'EXECUTE ON FUNCTION ' || oid::regprocedure, proacl FROM pg_proc
                WHERE prokind <> 'p' AND proacl IS NOT NULL
            UNION ALL SELECT 'USAGE ON SCHEMA ' || quote_ident(nspname), nspacl FROM pg_namespace
        )
        SELECT DISTINCT what FROM given CROSS JOIN aclexplode(acl) AS a
        WHERE a.grantee = (SELECT oid FROM pg_roles WHERE rolname = {role}) AND a.grantor = {owner}::regrole
    LOOP
        EXECUTE format('REVOKE %s FROM %I', held, {role});
    END LOOP;
END"""


@dataclass(frozen=True, slots=True)
class TeardownPlan:
    """One task's teardown; each tuple runs in a transaction of its own, behind the claim.

    `hold_key` gives a row, unless another teardown just took the key away. `find_role` gives the role's oid, or no row.
    """

    claim: str
    hold_key: str
    find_role: str
    close_login: str
    drop_schema: tuple[str, ...]
    drop_role: tuple[str, ...]
    drop_key: tuple[str, ...]  # instead of drop_role, where the role is gone


def plan_teardown(task_id: TaskId) -> TeardownPlan:
    """The teardown of a task, whatever is left of its world. Every statement is for `postern_provision`."""
    role, name = quote_ident(role_name(task_id)), quote_literal(role_name(task_id))
    as_owner = f"SET LOCAL ROLE {OWNER_ROLE}"
    drop_key = (as_owner, f"DELETE FROM {POSTERN_SCHEMA}.task_key WHERE role = {name}")
    return TeardownPlan(
        claim=f"INSERT INTO {POSTERN_SCHEMA}.task_key (role, k) VALUES ({name}, sha256('')) ON CONFLICT DO NOTHING",
        hold_key=f"SELECT role::text FROM {POSTERN_SCHEMA}.task_key WHERE role = {name} FOR UPDATE",
        find_role=f"SELECT oid::text FROM pg_roles WHERE rolname = {name}",
        close_login=f"ALTER ROLE {role} NOLOGIN",
        drop_schema=(
            as_owner,
            do_block(_TAKE_BACK.format(role=name, owner=quote_literal(OWNER_ROLE))),
            f"DROP SCHEMA IF EXISTS {quote_ident(schema_name(task_id))} CASCADE",
        ),
        drop_role=(
            # DROP OWNED asks for the role's own rights, which its maker may take but does not have.
            f"GRANT {role} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE",
            f"DROP OWNED BY {role} CASCADE",
            f"DROP ROLE {role}",
            *drop_key,
        ),
        drop_key=drop_key,
    )


def terminate_sql(role_oid: str) -> str:
    """Tells all of the role's sessions to end, waiting for none; one row each, its pid and when it began."""
    return (
        "SELECT pid::text, backend_start::text, pg_terminate_backend(pid)::text"
        f" FROM pg_stat_activity WHERE usesysid = {int(role_oid)}"
    )


def await_end_sql(role_oid: str) -> str:
    """Waits a moment for a few of the role's sessions to end, telling them once more."""
    return (
        f"SELECT pg_terminate_backend(pid, {_TERMINATE_WAIT_MS})::text FROM (SELECT pid FROM pg_stat_activity"
        f" WHERE usesysid = {int(role_oid)} LIMIT {_WAITED_FOR}) AS still_there"
    )


def proof_sql(task_id: TaskId, role_oid: str | None) -> str:
    """Counts what is left; run it as `postern_owner`, who can read the keys.

    Sessions are found by the role's oid, which outlives its name; by the name where the role was gone already.
    """
    role, schema = quote_literal(role_name(task_id)), quote_literal(schema_name(task_id))
    whose = f"usesysid = {int(role_oid)}" if role_oid is not None else f"usename = {role}"
    return (
        f"SELECT (SELECT count(*) FROM pg_stat_activity WHERE {whose})::text,"
        f" (SELECT count(*) FROM pg_namespace WHERE nspname = {schema})::text,"
        f" (SELECT count(*) FROM pg_roles WHERE rolname = {role})::text,"
        f" (SELECT count(*) FROM {POSTERN_SCHEMA}.task_key WHERE role = {role})::text"
    )
