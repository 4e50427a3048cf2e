"""What prepares a database for Postern, and its exact reverse, as SQL that a DBA reviews and runs.

Run it connected to the database itself, as a superuser or, on Amazon RDS, as the master user. PostgreSQL 16 or
later: before that, CREATEROLE is close to superuser. Every statement may be run again, at any time.

    postern_owner      owns what is built; cannot log in; reads the catalogued tables and may not own them
    postern_provision  builds and drops; logs in by IAM token; has no right to any table of the application
    postern            the schema of the token keys, which only postern_owner can use

Two grants that every role has by default are taken from PUBLIC, because they would let a task's role create
objects: TEMP on the database, CREATE on the schema `public`. Roles of the application that need either get it by name
*before* this runs. What was taken is remembered in `postern.taken`, and given back by the reverse.

Not closed here, because an application may lean on it: functions with SECURITY DEFINER that PUBLIC may execute, grants
on tables to PUBLIC (a world is refused while there are any), large objects, CONNECT to the cluster's other databases.
"""

from __future__ import annotations

from collections.abc import Iterable

from postern.world.live import TableKey
from postern.world.names import quote_ident, quote_qualified

_CHECK = """DO $postern$
BEGIN
    IF current_setting('server_version_num')::int < 160000 THEN
        RAISE EXCEPTION 'postern: expected PostgreSQL 16 or later, got %', current_setting('server_version');
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname IN ('postern_owner', 'postern_provision')
               AND (rolsuper OR rolbypassrls OR rolreplication)) THEN
        RAISE EXCEPTION 'postern: expected plain roles, got one that is superuser, replicates or bypasses row security';
    END IF;
    IF EXISTS (SELECT FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
               WHERE n.nspname = 'postern' AND o.rolname <> 'postern_owner') THEN
        RAISE EXCEPTION 'postern: expected the schema postern to be absent or ours, got one of another owner';
    END IF;
END
$postern$"""

_IAM_ROLE_OF_RDS = """DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        RAISE EXCEPTION 'postern: expected the role rds_iam, got none: is this Amazon RDS?';
    END IF;
END
$postern$"""

_IAM_ROLE_OF_OURS = """DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        CREATE ROLE rds_iam NOLOGIN;
    END IF;
END
$postern$"""

_ROLES = """DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_owner') THEN
        CREATE ROLE postern_owner;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_provision') THEN
        CREATE ROLE postern_provision;
    END IF;
    -- A master user that is no superuser made the roles, but may not act as them yet.
    IF NOT pg_has_role('postern_owner', 'SET') THEN
        GRANT postern_owner TO CURRENT_USER WITH INHERIT FALSE, SET TRUE;
    END IF;
END
$postern$"""

_RIGHTS = (
    "ALTER ROLE postern_owner NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD NULL",
    "ALTER ROLE postern_provision LOGIN NOINHERIT NOCREATEDB CREATEROLE PASSWORD NULL",
    "GRANT rds_iam TO postern_provision WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    "GRANT postern_owner TO postern_provision WITH ADMIN FALSE, INHERIT FALSE, SET TRUE",
    "GRANT pg_signal_backend TO postern_provision WITH ADMIN FALSE, INHERIT TRUE, SET FALSE",
    """DO $postern$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO postern_provision', current_database());
END
$postern$""",
)

_SCHEMA = (
    """DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'postern') THEN
        CREATE SCHEMA postern AUTHORIZATION postern_owner;
    END IF;
END
$postern$""",
    "SET LOCAL ROLE postern_owner",
    """CREATE TABLE IF NOT EXISTS postern.task_key (
    role name PRIMARY KEY,
    k bytea NOT NULL CHECK (octet_length(k) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
)""",
    """CREATE TABLE IF NOT EXISTS postern.taken (
    privilege text PRIMARY KEY CHECK (privilege IN ('temp', 'create on public'))
)""",
    "REVOKE ALL ON SCHEMA postern FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA postern FROM PUBLIC",
    """INSERT INTO postern.taken (privilege)
SELECT 'temp' WHERE has_database_privilege('public', current_database(), 'TEMP')
UNION ALL
SELECT 'create on public' FROM pg_namespace WHERE nspname = 'public' AND has_schema_privilege('public', oid, 'CREATE')
ON CONFLICT DO NOTHING""",
    "RESET ROLE",
)

# A REVOKE by somebody who may not is only a warning, so what it should have done is looked at.
_PUBLIC = """DO $postern$
DECLARE
    still text;
BEGIN
    EXECUTE format('REVOKE TEMP ON DATABASE %I FROM PUBLIC', current_database());
    IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public') THEN
        REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    END IF;
    SELECT string_agg(what, ', ') INTO still FROM (
        SELECT 'TEMP on the database' AS what WHERE has_database_privilege('public', current_database(), 'TEMP')
        UNION ALL
        SELECT 'CREATE on the database' WHERE has_database_privilege('public', current_database(), 'CREATE')
        UNION ALL
        SELECT format('CREATE on schema %I', nspname) FROM pg_namespace
        WHERE has_schema_privilege('public', oid, 'CREATE')
    ) AS open;
    IF still IS NOT NULL THEN
        RAISE EXCEPTION 'postern: expected PUBLIC to be unable to create objects, it still has %', still;
    END IF;
END
$postern$"""

# What a master user granted to itself in order to act as our roles.
_LET_GO = """DO $postern$
DECLARE
    taken text;
BEGIN
    FOR taken IN
        SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
        WHERE g.rolname IN ('postern_owner', 'postern_provision')
            AND m.member = CURRENT_USER::regrole AND m.grantor = CURRENT_USER::regrole
    LOOP
        EXECUTE format('REVOKE %I FROM CURRENT_USER GRANTED BY CURRENT_USER', taken);
    END LOOP;
END
$postern$"""

_NO_WORLDS = """DO $postern$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname ~ '^task_[0-9a-f]{32}$') THEN
        RAISE EXCEPTION 'postern: expected every task to have ended, got roles of tasks that still stand';
    END IF;
END
$postern$"""

_GIVE_BACK = """DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'postern') THEN
        RETURN;
    END IF;
    IF NOT pg_has_role('postern_owner', 'USAGE') THEN
        GRANT postern_owner TO CURRENT_USER WITH INHERIT TRUE;
    END IF;
    IF EXISTS (SELECT FROM postern.taken WHERE privilege = 'temp') THEN
        EXECUTE format('GRANT TEMP ON DATABASE %I TO PUBLIC', current_database());
    END IF;
    IF EXISTS (SELECT FROM postern.taken WHERE privilege = 'create on public') THEN
        GRANT CREATE ON SCHEMA public TO PUBLIC;
    END IF;
END
$postern$"""

# Not DROP OWNED BY postern_provision: that would take its right on the cluster's other databases as well.
_CLEAR = """DO $postern$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_provision') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM postern_provision', current_database());
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_owner') THEN
        IF NOT pg_has_role('postern_owner', 'USAGE') THEN
            GRANT postern_owner TO CURRENT_USER WITH INHERIT TRUE;
        END IF;
        DROP OWNED BY postern_owner CASCADE;
    END IF;
END
$postern$"""

# The roles belong to the whole cluster: another database of it may still need them.
_DROP_ROLES = """DO $postern$
BEGIN
    IF EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
               WHERE d.refclassid = 'pg_authid'::regclass AND (d.dbid <> 0 OR d.classid = 'pg_database'::regclass)
                   AND r.rolname IN ('postern_provision', 'postern_owner')) THEN
        RAISE NOTICE 'postern: another database of this cluster is still prepared, so the roles stay';
        RETURN;
    END IF;
    DROP ROLE IF EXISTS postern_provision;
    DROP ROLE IF EXISTS postern_owner;
END
$postern$"""


def plan_bootstrap(tables: Iterable[TableKey], *, rds: bool) -> tuple[str, ...]:
    """The statements that prepare the database for the catalog's tables, as one transaction without BEGIN and COMMIT.

    `rds` says who makes the role `rds_iam`: Amazon RDS (and its absence is an error), or these statements.
    """
    iam_role = _IAM_ROLE_OF_RDS if rds else _IAM_ROLE_OF_OURS
    return (_CHECK, iam_role, _ROLES, *_RIGHTS, *_SCHEMA, _PUBLIC, *_reading(tables), _LET_GO)


def plan_remove() -> tuple[str, ...]:
    """The reverse, as one transaction without BEGIN and COMMIT. Refused by the server while a task's role stands.

    Only `rds_iam` stays: other users may log in by it.
    """
    return (_NO_WORLDS, _GIVE_BACK, _CLEAR, _DROP_ROLES, _LET_GO)


def _reading(tables: Iterable[TableKey]) -> list[str]:
    keys = sorted(set(tables))
    schemas = sorted({schema for schema, _ in keys})
    return [
        *(f"GRANT USAGE ON SCHEMA {quote_ident(schema)} TO postern_owner" for schema in schemas),
        *(f"GRANT SELECT ON TABLE {quote_qualified(schema, name)} TO postern_owner" for schema, name in keys),
    ]


def bootstrap_script(tables: Iterable[TableKey], *, rds: bool) -> str:
    """`plan_bootstrap` as a script that any client can run."""
    return _script(_ABOUT_BOOTSTRAP, plan_bootstrap(tables, rds=rds))


def remove_script() -> str:
    """`plan_remove` as a script that any client can run."""
    return _script(_ABOUT_REMOVE, plan_remove())


def _script(about: str, statements: Iterable[str]) -> str:
    comment = "".join(f"-- {line}".rstrip() + "\n" for line in about.splitlines())
    return comment + "".join(f"\n{statement};\n" for statement in ("BEGIN", *statements, "COMMIT"))


_ABOUT_BOOTSTRAP = """Prepares a PostgreSQL database (16 or later) for Postern. May be run again at any time.
Run it connected to that database, as a superuser or as the master user of Amazon RDS; read it first.

It takes TEMP on the database and CREATE on the schema public from PUBLIC: a role of your application that needs
either gets it by name before, for example: GRANT TEMP ON DATABASE shop TO shop_app;

Each catalogued table then needs two grants, which `postern db bootstrap` prints for your catalog:
    GRANT USAGE ON SCHEMA public TO postern_owner;
    GRANT SELECT ON TABLE public.orders TO postern_owner;"""

_ABOUT_REMOVE = """Takes out of a PostgreSQL database what bootstrap.sql put into it; PUBLIC gets back what it lost.
Run it as the same user, connected to that database, when no task stands any more."""
