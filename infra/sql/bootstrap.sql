-- Prepares a PostgreSQL database (16 or later) for Postern. May be run again at any time.
-- Run it connected to that database, as a superuser or as the master user of Amazon RDS; read it first.
--
-- It takes TEMP on the database and CREATE on the schema public from PUBLIC: a role of your application that needs
-- either gets it by name before, for example: GRANT TEMP ON DATABASE shop TO shop_app;
--
-- Each catalogued table then needs two grants, which `postern db bootstrap` prints for your catalog:
--     GRANT USAGE ON SCHEMA public TO postern_owner;
--     GRANT SELECT ON TABLE public.orders TO postern_owner;

BEGIN;

DO $postern$
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
$postern$;

DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        RAISE EXCEPTION 'postern: expected the role rds_iam, got none: is this Amazon RDS?';
    END IF;
END
$postern$;

DO $postern$
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
$postern$;

ALTER ROLE postern_owner NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD NULL;

ALTER ROLE postern_provision LOGIN NOINHERIT NOCREATEDB CREATEROLE PASSWORD NULL;

GRANT rds_iam TO postern_provision WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;

GRANT postern_owner TO postern_provision WITH ADMIN FALSE, INHERIT FALSE, SET TRUE;

GRANT pg_signal_backend TO postern_provision WITH ADMIN FALSE, INHERIT TRUE, SET FALSE;

DO $postern$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO postern_provision', current_database());
END
$postern$;

DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'postern') THEN
        CREATE SCHEMA postern AUTHORIZATION postern_owner;
    END IF;
END
$postern$;

SET LOCAL ROLE postern_owner;

CREATE TABLE IF NOT EXISTS postern.task_key (
    role name PRIMARY KEY,
    k bytea NOT NULL CHECK (octet_length(k) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS postern.taken (
    privilege text PRIMARY KEY CHECK (privilege IN ('temp', 'create on public'))
);

REVOKE ALL ON SCHEMA postern FROM PUBLIC;

REVOKE ALL ON ALL TABLES IN SCHEMA postern FROM PUBLIC;

INSERT INTO postern.taken (privilege)
SELECT 'temp' WHERE has_database_privilege('public', current_database(), 'TEMP')
UNION ALL
SELECT 'create on public' FROM pg_namespace WHERE nspname = 'public' AND has_schema_privilege('public', oid, 'CREATE')
ON CONFLICT DO NOTHING;

RESET ROLE;

DO $postern$
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
$postern$;

DO $postern$
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
$postern$;

COMMIT;
