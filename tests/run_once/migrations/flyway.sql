-- name: schema
CREATE SCHEMA IF NOT EXISTS billing
-- name: search path
SET LOCAL search_path TO billing, public
-- name: table in a schema
CREATE TABLE billing.invoice (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 1 CACHE 20) PRIMARY KEY,
    number text NOT NULL,
    customer_id bigint NOT NULL,
    issued_on date NOT NULL DEFAULT current_date,
    amount numeric(14,2) NOT NULL CONSTRAINT positive CHECK (amount > 0),
    vat numeric(14,2) GENERATED ALWAYS AS (amount * 0.2) STORED,
    lines jsonb NOT NULL DEFAULT '[]',
    paid_at timestamptz,
    CONSTRAINT invoice_number_key UNIQUE (number) WITH (fillfactor = 90)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_enabled = true)
-- name: sequence
CREATE SEQUENCE billing.invoice_no AS bigint START WITH 1 INCREMENT BY 1 NO CYCLE OWNED BY billing.invoice.number
-- name: default by the sequence
ALTER TABLE billing.invoice ALTER COLUMN number SET DEFAULT 'INV-' || lpad(nextval('billing.invoice_no')::text, 8, '0')
-- name: sequence changed
ALTER SEQUENCE billing.invoice_no INCREMENT BY 10 RESTART WITH 500
-- name: repeatable view
CREATE OR REPLACE VIEW billing.open_invoices WITH (security_invoker = true) AS
SELECT i.id, i.number, i.amount, age(now(), i.issued_on::timestamptz) AS open_for
FROM billing.invoice i WHERE i.paid_at IS NULL
-- name: view with check option
CREATE VIEW billing.large AS SELECT * FROM billing.invoice WHERE amount > 1000 WITH LOCAL CHECK OPTION
-- name: materialized view
CREATE MATERIALIZED VIEW billing.monthly AS
SELECT date_trunc('month', issued_on)::date AS month, count(*) AS invoices, sum(amount) AS amount
FROM billing.invoice GROUP BY 1 WITH NO DATA
-- name: its unique index
CREATE UNIQUE INDEX monthly_month ON billing.monthly (month)
-- name: refresh
REFRESH MATERIALIZED VIEW billing.monthly
-- name: refresh concurrently
REFRESH MATERIALIZED VIEW CONCURRENTLY billing.monthly
-- name: view option
ALTER VIEW billing.large SET (security_barrier = true)
-- name: domain
CREATE DOMAIN billing.iban AS text CHECK (VALUE ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$')
-- name: domain constraint
ALTER DOMAIN billing.iban ADD CONSTRAINT not_blank CHECK (VALUE <> '') NOT VALID
-- name: domain constraint validated
ALTER DOMAIN billing.iban VALIDATE CONSTRAINT not_blank
-- name: composite type
CREATE TYPE billing.money_amount AS (amount numeric(14,2), currency char(3))
-- name: attribute
ALTER TYPE billing.money_amount ADD ATTRIBUTE rate numeric CASCADE
-- name: range type
CREATE TYPE billing.score_range AS RANGE (subtype = float8, subtype_diff = float8mi)
-- name: range type without functions
CREATE TYPE billing.price_range AS RANGE (subtype = numeric)
-- name: sql function
CREATE FUNCTION billing.with_vat(amount numeric, rate numeric DEFAULT 0.2) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$ SELECT round(amount * (1 + rate), 2) $$
-- name: sql function of the standard
CREATE FUNCTION billing.total_of(customer bigint) RETURNS numeric LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT coalesce(sum(amount), 0) FROM billing.invoice WHERE customer_id = customer;
END
-- name: sql function that returns
CREATE FUNCTION billing.double(n int) RETURNS int RETURN n * 2
-- name: set-returning function
CREATE FUNCTION billing.late(days int) RETURNS TABLE (id bigint, number text) LANGUAGE sql STABLE
SET search_path = billing, pg_temp
AS $$ SELECT id, number FROM invoice WHERE paid_at IS NULL AND issued_on < current_date - $1 $$
-- name: procedure
CREATE PROCEDURE billing.archive(before date) LANGUAGE plpgsql AS $$
DECLARE
  moved bigint := 0;
BEGIN
  LOOP
    DELETE FROM billing.invoice WHERE id IN (SELECT id FROM billing.invoice WHERE issued_on < before LIMIT 500);
    GET DIAGNOSTICS moved = ROW_COUNT;
    EXIT WHEN moved = 0;
    COMMIT;
  END LOOP;
EXCEPTION WHEN unique_violation THEN
  RAISE NOTICE 'stopped after % rows', moved;
END $$
-- name: index on a function of the application
CREATE INDEX invoice_with_vat ON billing.invoice (billing.with_vat(amount))
-- name: rows that use the function
INSERT INTO billing.invoice (customer_id, amount) SELECT g, billing.with_vat(g * 10) FROM generate_series(1, 5) AS g
-- name: upsert
INSERT INTO billing.invoice (number, customer_id, amount) VALUES ('A-1', 1, 5)
ON CONFLICT (number) DO UPDATE SET amount = excluded.amount, paid_at = NULL WHERE invoice.amount <> excluded.amount
-- name: merge
MERGE INTO billing.invoice AS i USING (VALUES ('A-1', 2::bigint, 7.5)) AS n (number, customer_id, amount) ON i.number = n.number
WHEN MATCHED AND n.amount > 0 THEN UPDATE SET amount = n.amount
WHEN NOT MATCHED THEN INSERT (number, customer_id, amount) VALUES (n.number, n.customer_id, n.amount)
-- name: table as a query
CREATE TABLE billing.snapshot AS SELECT id, amount FROM billing.invoice WITH DATA
-- name: temporary table
CREATE TEMPORARY TABLE batch (id bigint) ON COMMIT DROP
-- name: move to another schema
ALTER TABLE billing.snapshot SET SCHEMA public
-- name: function to another schema
ALTER FUNCTION billing.double(int) SET SCHEMA public
-- name: statistics
CREATE STATISTICS billing.invoice_stats (dependencies, ndistinct) ON customer_id, issued_on FROM billing.invoice
-- name: column statistics
ALTER TABLE billing.invoice ALTER COLUMN customer_id SET STATISTICS 500
-- name: analyze
ANALYZE billing.invoice (customer_id, issued_on)
-- name: vacuum
VACUUM (ANALYZE, VERBOSE) billing.invoice
-- name: rename schema
ALTER SCHEMA billing RENAME TO finance
-- name: rename function
ALTER FUNCTION finance.total_of(bigint) RENAME TO sum_of
-- name: function attribute
ALTER FUNCTION finance.sum_of(bigint) VOLATILE COST 50
-- name: drop function
DROP FUNCTION finance.sum_of(bigint)
-- name: drop procedure
DROP PROCEDURE IF EXISTS finance.archive
-- name: drop view
DROP VIEW finance.large, finance.open_invoices
-- name: drop materialized view
DROP MATERIALIZED VIEW finance.monthly
-- name: drop schema
DROP SCHEMA finance CASCADE
-- name: anonymous block
-- refused: guard.kind
DO $$ BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN null; END $$
-- name: grant
-- refused: guard.kind
GRANT SELECT ON ALL TABLES IN SCHEMA billing TO reader
-- name: owner
-- refused: guard.kind
ALTER TABLE billing.invoice OWNER TO billing_owner
