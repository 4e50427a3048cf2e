-- Prepares a PostgreSQL database (16 or later) for Postern. May be run again at any time.
-- Run it connected to that database, as a superuser or as the master user of Amazon RDS; read it first.
--
-- It takes TEMP on the database and CREATE on the schema public from PUBLIC: a role of your application that needs
-- either gets it by name before, for example: GRANT TEMP ON DATABASE shop TO shop_app;
--
-- The texts of tasks' statements, with the literals in them, go to the server's log from then on, so that the records can
-- be held against it; bound parameters do not. Where records hold no raw text (statement text mode normalized or sealed),
-- that log still does: run `postern db bootstrap --no-statement-log` to leave it out.
--
-- Each catalogued table then needs two grants, which `postern db bootstrap` prints for your catalog:
--     GRANT USAGE ON SCHEMA public TO postern_owner;
--     GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.orders TO postern_owner;
-- A task can do no more than the catalog and the policies give it; with SELECT alone here, no task can write.
--
-- Where the catalog names an owner_role, run-once statements (migrations) may run as that role, each after people have
-- approved it. postern_provision then gets ADMIN on it: it can make roles its members, and could make itself one:
--     GRANT shop_owner TO postern_provision WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;

BEGIN;

DO $postern$
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
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_lookup') THEN
        CREATE ROLE postern_lookup;
    END IF;
END
$postern$;

ALTER ROLE postern_lookup LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT 100 PASSWORD NULL;

ALTER ROLE postern_lookup SET search_path TO pg_catalog, pg_temp;

ALTER ROLE postern_lookup SET default_transaction_read_only TO 'on';

ALTER ROLE postern_lookup SET statement_timeout TO '5s';

ALTER ROLE postern_lookup SET lock_timeout TO '2s';

ALTER ROLE postern_lookup SET idle_in_transaction_session_timeout TO '5s';

ALTER ROLE postern_lookup SET idle_session_timeout TO '60s';

GRANT rds_iam TO postern_lookup WITH ADMIN FALSE, INHERIT FALSE, SET FALSE;

DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_reap') THEN
        CREATE ROLE postern_reap;
    END IF;
END
$postern$;

ALTER ROLE postern_reap LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10 PASSWORD NULL;

ALTER ROLE postern_reap SET search_path TO pg_catalog, pg_temp;

ALTER ROLE postern_reap SET default_transaction_read_only TO 'on';

ALTER ROLE postern_reap SET statement_timeout TO '5s';

ALTER ROLE postern_reap SET lock_timeout TO '2s';

ALTER ROLE postern_reap SET idle_in_transaction_session_timeout TO '5s';

ALTER ROLE postern_reap SET idle_session_timeout TO '60s';

GRANT rds_iam TO postern_reap WITH ADMIN FALSE, INHERIT FALSE, SET FALSE;

DO $postern$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO postern_reap', current_database());
    -- Without it what is in progress, or was committed, is settled as unknown after an hour; `db doctor` says so.
    IF pg_has_role('pg_read_all_stats', 'MEMBER WITH ADMIN OPTION')
        OR (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        GRANT pg_read_all_stats TO postern_reap WITH ADMIN FALSE, INHERIT TRUE, SET FALSE;
    ELSE
        RAISE NOTICE 'postern: pg_read_all_stats was not granted to postern_reap: who runs this may not grant it';
    END IF;
END
$postern$;

DO $postern$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        GRANT SET ON PARAMETER temp_file_limit TO postern_provision;
        -- A value that is looked up is a parameter, and has no business in the server's log.
        ALTER ROLE postern_lookup SET log_parameter_max_length TO 0;
        ALTER ROLE postern_lookup SET log_parameter_max_length_on_error TO 0;
    END IF;
END
$postern$;

DO $postern$
BEGIN
    IF has_parameter_privilege('log_statement', 'SET WITH GRANT OPTION') AND has_parameter_privilege('log_parameter_max_length', 'SET WITH GRANT OPTION') THEN
        -- The texts of tasks' statements, literals and all, then stand in the server's log; bound parameters do not.
        GRANT SET ON PARAMETER log_statement, log_parameter_max_length TO postern_provision;
    ELSE
        RAISE NOTICE 'postern: tasks'' statements are not logged by role; `postern db doctor` says what else logs them';
    END IF;
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

CREATE OR REPLACE FUNCTION postern.lookup_token(role name, kind text, value text) RETURNS text
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
SET search_path TO pg_catalog, pg_temp
SET datestyle TO 'ISO, MDY'
SET timezone TO 'UTC'
AS $postern$
DECLARE
    task_key bytea;
BEGIN
    SELECT t.k INTO task_key FROM postern.task_key t WHERE t.role = lookup_token.role;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'lookup: expected a task that stands, got none';
    END IF;
    CASE kind
    WHEN 'text' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::text)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'varchar' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::varchar)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'bpchar' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::bpchar)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'name' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::name)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'uuid' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::uuid)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'bool' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::bool)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'inet' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::inet)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'cidr' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::cidr)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'bytea' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to(encode(CASE WHEN octet_length((value::bytea)) > 100000000 THEN sha256((value::bytea)) ELSE (value::bytea) END, 'hex'), 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'int2' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::int2)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'int4' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::int4)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'int8' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::int8)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'numeric' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to(trim_scale((value::numeric))::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'date' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to(trim_scale(extract(epoch FROM (value::date)))::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'timestamp' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to(trim_scale(extract(epoch FROM (value::timestamp)))::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'timestamptz' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to(trim_scale(extract(epoch FROM (value::timestamptz)))::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    WHEN 'enum' THEN
        RETURN (('tok_' || encode(substring(sha256(task_key || convert_to((value::text)::text, 'UTF8')), 1, 8), 'hex'))::text COLLATE pg_catalog."default");
    ELSE
        RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
            MESSAGE = 'lookup: expected a kind of column that tokens stand for, got another';
    END CASE;
EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = 'lookup: expected a value of the column''s kind, got another';
END
$postern$;

REVOKE ALL ON FUNCTION postern.lookup_token(name, text, text) FROM PUBLIC;

GRANT USAGE ON SCHEMA postern TO postern_lookup;

GRANT EXECUTE ON FUNCTION postern.lookup_token(name, text, text) TO postern_lookup;

GRANT USAGE ON SCHEMA postern TO SESSION_USER;

GRANT SELECT (role, created_at) ON postern.task_key TO SESSION_USER;

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
$postern$;

DO $postern$
DECLARE
    taken text;
BEGIN
    FOR taken IN
        SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
        WHERE g.rolname IN ('postern_owner', 'postern_provision', 'postern_lookup', 'postern_reap')
            AND m.member = CURRENT_USER::regrole AND m.grantor = CURRENT_USER::regrole
    LOOP
        EXECUTE format('REVOKE %I FROM CURRENT_USER GRANTED BY CURRENT_USER', taken);
    END LOOP;
END
$postern$;

COMMIT;
