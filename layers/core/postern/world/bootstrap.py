"""What prepares a database for Postern, and its exact reverse, as SQL that a DBA reviews and runs.

Run it connected to the database itself, as a superuser or, on Amazon RDS, as the master user. PostgreSQL 16 or
later: before that, CREATEROLE is close to superuser. Every statement may be run again, at any time.

    postern_owner      owns what is built; cannot log in; reads the catalogued tables and may not own them; writes them
                       unless the database is prepared for reading only
    postern_provision  builds and drops; logs in by IAM token; has no right of its own to any table of the application
    postern_lookup     gives the token of a value; logs in by IAM token; may call the one function that does, no more
    postern_reap       asks what became of transactions; logs in by IAM token; reads statistics, no more
    postern            the schema of the token keys, which only postern_owner can use

Two grants that every role has by default are taken from PUBLIC, because they would let a task's role create
objects: TEMP on the database, CREATE on the schema `public`. Roles of the application that need either get it by name
*before* this runs. What was taken is remembered in `postern.taken`, and given back by the reverse.

Not closed here, because an application may lean on it: functions with SECURITY DEFINER that PUBLIC may execute, grants
on tables to PUBLIC (a world is refused while there are any), large objects, CONNECT to the cluster's other databases.
"""

from __future__ import annotations

from collections.abc import Iterable

from postern.world.functions import FunctionKey
from postern.world.live import TableKey
from postern.world.lookup import make_lookup_function, make_lookup_role
from postern.world.names import OWNER_ROLE, do_block, quote_ident, quote_literal, quote_qualified
from postern.world.reap_role import make_reap_role
from postern.world.removal import LET_GO, plan_remove
from postern.world.run_role import grant_owner_role
from postern.world.statement_log import allow_statement_log, forbid_statement_log

_CHECK = """DO $postern$
BEGIN
    IF current_setting('server_version_num')::int < 160000 THEN
        RAISE EXCEPTION 'postern: expected PostgreSQL 16 or later, got %', current_setting('server_version');
    END IF;
    IF EXISTS (SELECT FROM pg_roles
               WHERE rolname IN ('postern_owner', 'postern_provision', 'postern_lookup', 'postern_reap')
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
    *make_lookup_function(),
    # Who runs this may list the worlds that stand, so that `db doctor` can; the keys themselves stay unreadable.
    "GRANT USAGE ON SCHEMA postern TO SESSION_USER",
    "GRANT SELECT (role, created_at) ON postern.task_key TO SESSION_USER",
    "RESET ROLE",
)

# Bounds that only a superuser can hand out. Where there is none (Amazon RDS) the parameter group sets them for all.
_SUPERUSERS = """DO $postern$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        GRANT SET ON PARAMETER temp_file_limit TO postern_provision;
        -- A value that is looked up is a parameter, and has no business in the server's log.
        ALTER ROLE postern_lookup SET log_parameter_max_length TO 0;
        ALTER ROLE postern_lookup SET log_parameter_max_length_on_error TO 0;
    END IF;
END
$postern$"""

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

# Found live, since a table's sequences are what its defaults say: the owner of a view cannot pass on a right to a
# sequence that it does not hold with the option to pass it on.
_SEQUENCES = """DO $postern$
DECLARE
    wanted text;
BEGIN
    FOR wanted IN
        SELECT DISTINCT s.oid::regclass::text
        FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
        JOIN pg_attribute t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = t.attnum
        JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass
            AND (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                 OR p.classid = 'pg_type'::regclass AND p.objid = t.atttypid)
        JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
        WHERE a.grantee = 'postern_owner'::regrole AND a.privilege_type = 'INSERT'
        ORDER BY 1
    LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE %s TO postern_owner WITH GRANT OPTION', wanted);
    END LOOP;
END
$postern$"""

# Every function of the name, whatever its arguments: an agent calls it by name.
_FUNCTION = """DECLARE
    wanted text;
    is_there boolean := false;
BEGIN
    FOR wanted IN
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = {schema} AND p.proname = {name} AND p.prokind <> 'p' ORDER BY 1
    LOOP
        is_there := true;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO postern_owner WITH GRANT OPTION', wanted);
    END LOOP;
    IF NOT is_there THEN
        RAISE EXCEPTION 'postern: expected the function %, got none', {name};
    END IF;
END"""


def plan_bootstrap(
    tables: Iterable[TableKey],
    *,
    rds: bool,
    writes: bool = True,
    functions: Iterable[FunctionKey] = (),
    statement_log: bool = True,
    owner_role: str | None = None,
) -> tuple[str, ...]:
    """The statements that prepare the database for the catalog's tables, as one transaction without BEGIN and COMMIT.

    `rds` says who makes the role `rds_iam`: Amazon RDS (and its absence is an error), or these statements. Without
    `writes` no task can be granted a write, whatever policy says. `functions` are those that the catalog lists. With
    `statement_log` tasks' statements reach the server's log, where that can be had. `owner_role` is the catalog's, as
    which run-once statements run; without one there are none.
    """
    iam_role = _IAM_ROLE_OF_RDS if rds else _IAM_ROLE_OF_OURS
    logs = allow_statement_log() if statement_log else forbid_statement_log()
    made = (
        _CHECK,
        iam_role,
        _ROLES,
        *_RIGHTS,
        *make_lookup_role(),
        *make_reap_role(),
        _SUPERUSERS,
        logs,
        *_SCHEMA,
        _PUBLIC,
    )
    owner = () if owner_role is None else grant_owner_role(owner_role)
    return (*made, *_on_tables(tables, writes=writes), *_on_functions(functions), *owner, LET_GO)


def _on_tables(tables: Iterable[TableKey], *, writes: bool) -> list[str]:
    keys = sorted(set(tables))
    names = [quote_qualified(schema, name) for schema, name in keys]
    statements = [_usage(schema) for schema in sorted({schema for schema, _ in keys})]
    if writes:
        statements += [f"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE {name} TO {OWNER_ROLE}" for name in names]
        return [*statements, _SEQUENCES]
    for name in names:
        statements += [
            f"GRANT SELECT ON TABLE {name} TO {OWNER_ROLE}",
            f"REVOKE INSERT, UPDATE, DELETE ON TABLE {name} FROM {OWNER_ROLE}",
        ]
    return statements


def _on_functions(functions: Iterable[FunctionKey]) -> list[str]:
    keys = sorted(set(functions))
    blocks = (_FUNCTION.format(schema=quote_literal(schema), name=quote_literal(name)) for schema, name in keys)
    usage = (f"{_usage(schema)} WITH GRANT OPTION" for schema in sorted({schema for schema, _ in keys}))
    return [*usage, *map(do_block, blocks)]


def _usage(schema: str) -> str:
    return f"GRANT USAGE ON SCHEMA {quote_ident(schema)} TO {OWNER_ROLE}"


def bootstrap_script(
    tables: Iterable[TableKey],
    *,
    rds: bool,
    writes: bool = True,
    functions: Iterable[FunctionKey] = (),
    statement_log: bool = True,
    owner_role: str | None = None,
) -> str:
    """`plan_bootstrap` as a script that any client can run."""
    plan = plan_bootstrap(
        tables, rds=rds, writes=writes, functions=functions, statement_log=statement_log, owner_role=owner_role
    )
    return _script(_ABOUT_BOOTSTRAP, plan)


def remove_script(*, owner_role: str | None = None) -> str:
    """`plan_remove` as a script that any client can run."""
    return _script(_ABOUT_REMOVE, plan_remove(owner_role=owner_role))


def _script(about: str, statements: Iterable[str]) -> str:
    comment = "".join(f"-- {line}".rstrip() + "\n" for line in about.splitlines())
    return comment + "".join(f"\n{statement};\n" for statement in ("BEGIN", *statements, "COMMIT"))


_ABOUT_BOOTSTRAP = """Prepares a PostgreSQL database (16 or later) for Postern. May be run again at any time.
Run it connected to that database, as a superuser or as the master user of Amazon RDS; read it first.

It takes TEMP on the database and CREATE on the schema public from PUBLIC: a role of your application that needs
either gets it by name before, for example: GRANT TEMP ON DATABASE shop TO shop_app;

The texts of tasks' statements, with the literals in them, go to the server's log from then on, so that the records can
be held against it; bound parameters do not. Where records hold no raw text (statement text mode normalized or sealed),
that log still does: run `postern db bootstrap --no-statement-log` to leave it out.

Each catalogued table then needs two grants, which `postern db bootstrap` prints for your catalog:
    GRANT USAGE ON SCHEMA public TO postern_owner;
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.orders TO postern_owner;
A task can do no more than the catalog and the policies give it; with SELECT alone here, no task can write.

Where the catalog names an owner_role, run-once statements (migrations) may run as that role, each after people have
approved it. postern_provision then gets ADMIN on it: it can make roles its members, and could make itself one:
    GRANT shop_owner TO postern_provision WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;"""

_ABOUT_REMOVE = """Takes out of a PostgreSQL database what bootstrap.sql put into it; PUBLIC gets back what it lost.
Run it as the same user, connected to that database, when no task stands any more."""
