"""Statements that an agent would try against its own world, were there no guard.

The tasks are those of `test_wall.py`: `customers` masked and filtered to one region, `orders` masked.
"""

from __future__ import annotations

# Every road to what the task was not granted. `{role}` and `{other}` are this task's and another's.
REFUSED = {
    # base tables, by every road
    "table": "SELECT * FROM public.customers",
    "one column": "SELECT id FROM public.customers",
    "no column": "SELECT count(*) FROM public.customers",
    "whole row": "SELECT c FROM public.customers c",
    "only": "SELECT * FROM ONLY public.customers",
    "system column": "SELECT ctid FROM public.customers",
    "ungranted table": "SELECT * FROM public.salaries",
    "child of a table": "SELECT * FROM public.child",
    "view of the application": "SELECT * FROM public.plain_view",
    "materialized view": "SELECT * FROM public.stored_view",
    "sequence": "SELECT nextval('public.counter')",
    "sequence state": "SELECT * FROM public.counter",
    "after search_path": "SET search_path = public; SELECT * FROM customers",
    "in a subquery": "SELECT (SELECT max(secret) FROM public.customers)",
    "lateral": "SELECT s.* FROM customers c, LATERAL (SELECT secret FROM public.customers p WHERE p.id = c.id) s",
    "join": "SELECT p.secret FROM customers c JOIN public.customers p USING (id)",
    "exists": "SELECT EXISTS (SELECT FROM public.customers WHERE secret LIKE 'raw%')",
    "copy": "COPY public.customers TO STDOUT",
    "copy of a query": "COPY (SELECT * FROM public.customers) TO STDOUT",
    "explain": "EXPLAIN SELECT * FROM public.customers",
    "prepared": "PREPARE p AS SELECT * FROM public.customers; EXECUTE p",
    "cursor": "BEGIN; DECLARE c CURSOR FOR SELECT * FROM public.customers; FETCH c",
    "do": "DO $$ BEGIN PERFORM secret FROM public.customers; END $$",
    "query_to_xml": "SELECT query_to_xml('SELECT * FROM public.customers', true, true, '')",
    "ts_stat": "SELECT * FROM ts_stat('SELECT to_tsvector(secret) FROM public.customers')",
    "tablesample": "SELECT * FROM public.customers TABLESAMPLE SYSTEM (100)",
    "update returning": "UPDATE public.customers SET id = id RETURNING secret",
    "insert returning": "INSERT INTO public.customers (id, region) VALUES (9, 'EU') RETURNING *",
    "delete returning": "DELETE FROM public.customers RETURNING *",
    "merge": "MERGE INTO public.customers USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "statistics": "SELECT * FROM pg_statistic",
    "extended statistics": "SELECT * FROM pg_statistic_ext_data",
    "lock": "BEGIN; LOCK TABLE public.customers IN ACCESS SHARE MODE",
    # columns the view does not have
    "hidden column": "SELECT secret FROM customers",
    "hidden column of the row": "SELECT (c).secret FROM customers c",
    "hidden column as a function": "SELECT secret(c) FROM customers c",
    "row type of the table": "SELECT (row(1)::public.customers).secret FROM public.customers",
    "ctid": "SELECT ctid FROM customers",
    "tableoid": "SELECT tableoid FROM customers",
    "xmin": "SELECT xmin FROM customers",
    # ours, and other tasks'
    "keys": "SELECT * FROM postern.task_key",
    "what was taken": "SELECT * FROM postern.taken",
    "another task's view": "SELECT * FROM {other}.customers",
    "another task's role": "SET ROLE {other}",
    "the token of a value": "SELECT postern.lookup_token('{role}', 'text', 'alice@example.com')",
    "owner role": "SET ROLE postern_owner",
    "lookup role": "SET ROLE postern_lookup",
    "provision role": "SET ROLE postern_provision",
    "iam role": "SET ROLE rds_iam",
    "set_config": "SELECT set_config('role', 'postern_owner', false)",
    "session authorization": "SET SESSION AUTHORIZATION postern_owner",
    "another task's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> current_user",
    # writing through the views
    "insert": "INSERT INTO customers (id) VALUES (9)",
    "update": "UPDATE customers SET id = id",
    "delete": "DELETE FROM customers",
    "merge into the view": "MERGE INTO customers USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "for update": "SELECT * FROM customers FOR UPDATE",
    "for key share": "SELECT * FROM customers FOR KEY SHARE",
    "lock the view": "BEGIN; LOCK TABLE customers IN ROW SHARE MODE",
    "copy from": "COPY customers FROM STDIN",
    # changing the views
    "no barrier": "ALTER VIEW customers RESET (security_barrier)",
    "replace": "CREATE OR REPLACE VIEW customers AS SELECT 1 AS id",
    "drop": "DROP VIEW customers",
    "owner": "ALTER VIEW customers OWNER TO {role}",
    "rule": "CREATE RULE r AS ON UPDATE TO customers DO INSTEAD NOTHING",
    "trigger": "CREATE TRIGGER t INSTEAD OF UPDATE ON customers EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "drop schema": "DROP SCHEMA {role} CASCADE",
    # making anything
    "create table": "CREATE TABLE t (i int)",
    "create in public": "CREATE TABLE public.t (i int)",
    "create temp": "CREATE TEMP TABLE t (i int)",
    "create in pg_temp": "CREATE FUNCTION pg_temp.f(text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$",
    "select into": "SELECT * INTO TEMP t FROM customers",
    "create schema": "CREATE SCHEMA mine",
    "create function": "CREATE FUNCTION f(text) RETURNS boolean LANGUAGE sql COST 0.1 AS $$ SELECT true $$",
    "create operator": "CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
    "create type": "CREATE TYPE t AS (i int)",
    "create role": "CREATE ROLE another",
    "create database": "CREATE DATABASE another",
    "create extension": "CREATE EXTENSION vector",
    "create publication": "CREATE PUBLICATION p",
    "create server": "CREATE FOREIGN DATA WRAPPER w",
    "create statistics": "CREATE STATISTICS s ON id, email FROM customers",
    # taking or giving rights
    "create role attribute": "ALTER ROLE {role} CREATEROLE",
    "connection limit": "ALTER ROLE {role} CONNECTION LIMIT -1",
    "grant role": "GRANT {role} TO {other}",
    "grant iam role": "GRANT rds_iam TO {other}",
    "reassign": "REASSIGN OWNED BY {role} TO {other}",
    "alter system": "ALTER SYSTEM SET work_mem = '1GB'",
    "superuser setting": "SET log_statement = 'none'",
    # the server's files and programs
    "program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "server file": "COPY (SELECT 1) TO '/tmp/postern-test'",
    "read file": "SELECT pg_read_file('PG_VERSION')",
    "list folder": "SELECT pg_ls_dir('.')",
    "import": "SELECT lo_import('/etc/hostname')",
    "load": "LOAD '/tmp/x'",
    "roles' passwords": "SELECT rolpassword FROM pg_authid",
}

# Errors that quote the value they failed on.
ERRORS = {
    "cast": "SELECT email::int FROM customers",
    "cast of a token": "SELECT full_name::int FROM customers",
    "cast of a date": "SELECT born::text::int FROM customers",
    "whole row": "SELECT c::text::int FROM customers c",
    "json": "SELECT to_json(c)::text::int FROM customers c",
    "xpath": "SELECT query_to_xml('SELECT * FROM customers', true, true, '')::text::int",
    "aggregate": "SELECT string_agg(email, ',')::int FROM customers",
    "division": "SELECT 1 / (length(email) - length(email)) FROM customers",
    "substring": "SELECT substring(email FROM 1 FOR -1) FROM customers",
    "regular expression": "SELECT 'x' ~ (email || '(') FROM customers",
    "in a predicate": "SELECT id FROM customers WHERE email::int > 0",
    "in order by": "SELECT id FROM customers ORDER BY email::int",
    "in a join": "SELECT 1 FROM customers a JOIN customers b ON a.email::int = b.id",
    "raise": "DO $$ DECLARE r record; BEGIN SELECT * INTO r FROM customers; RAISE EXCEPTION '%', r; END $$",
}

# Questions about raw values and hidden rows whose true answer is a row.
PREDICATES = {
    "equal": "email = 'alice@example.com'",
    "like": "email LIKE 'alice%'",
    "range": "email > 'alice' AND email < 'alicf'",
    "regular expression": "email ~ '^alice'",
    "in": "email IN (SELECT 'alice@example.com')",
    "date": "born = '1980-05-06'",
    "date range": "born > '1980-01-02' AND born < '1980-12-31'",
    "name": "full_name = 'Alice'",
    "hash": "md5(email) = md5('alice@example.com')",
    "length": "length(email) = 17",
    "row": "customers::text LIKE '%alice%'",
    "hidden row": "id = 2",
}

# Predicates that fail on the row which the filter hides.
LEAKY = {
    "division": "1 / (id - 2) > 5",
    "cast": "(CASE WHEN region = 'US' THEN region ELSE '1' END)::int > 5",
    "raise by regular expression": "'x' ~ (CASE WHEN region = 'US' THEN '(' ELSE 'y' END)",
    "array subscript": "(ARRAY[1])[1 / (id - 2)] = 7",
}

# What PostgreSQL lets every login role do. Only the guard closes these; docs and `db doctor` list them.
ONLY_THE_GUARD = {
    "a view's text, with the attribute in its filter": "SELECT pg_get_viewdef('customers'::regclass) LIKE '%''EU''%'",
    "another task's view text": "SELECT count(*) > 0 FROM pg_views WHERE schemaname = '{other}' AND definition <> ''",
    "names of ungranted tables": "SELECT count(*) = 1 FROM pg_class WHERE relname = 'salaries'",
    "names of hidden columns": "SELECT count(*) = 1 FROM pg_attribute WHERE attrelid = 'public.customers'::regclass"
    " AND attname = 'secret'",
    "number of rows": "SELECT reltuples = 3 FROM pg_class WHERE oid = 'public.customers'::regclass",
    "size": "SELECT pg_relation_size('public.customers') > 0",
    "rows a filter hides": "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM customers",
    "names of other tasks": "SELECT count(*) > 0 FROM pg_roles WHERE rolname = '{other}'",
    "a password of its own": "ALTER ROLE {role} PASSWORD 'x'",
    "settings of its own next session": "ALTER ROLE {role} SET work_mem = '1GB'",
    "a large object": "SELECT lo_from_bytea(0, 'x') > 0",
    "a code block": "DO $$ BEGIN PERFORM 1; END $$",
    "notifications": "NOTIFY c, 'x'",
    "listening": "LISTEN c",
    "advisory locks": "SELECT pg_advisory_lock(1)",
}
