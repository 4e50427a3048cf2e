-- name: partitioned table
CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, tenant int NOT NULL, body jsonb, PRIMARY KEY (id, at, tenant)) PARTITION BY RANGE (at)
-- name: partition
CREATE TABLE event_2026_01 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')
-- name: default partition
CREATE TABLE event_rest PARTITION OF event DEFAULT
-- name: partition by two levels
CREATE TABLE event_2026_02 PARTITION OF event FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (tenant)
-- name: hash partition
CREATE TABLE event_2026_02_0 PARTITION OF event_2026_02 FOR VALUES WITH (MODULUS 2, REMAINDER 0)
-- name: list partitions
CREATE TABLE region (code text COLLATE "C" NOT NULL, name text) PARTITION BY LIST (code)
-- name: list partition
CREATE TABLE region_eu PARTITION OF region FOR VALUES IN ('de', 'fr', 'nl')
-- name: table like another
CREATE TABLE event_2026_03 (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
-- name: attach
ALTER TABLE event ATTACH PARTITION event_2026_03 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')
-- name: index on all of them
CREATE INDEX event_tenant ON event (tenant, at DESC)
-- name: index on the parent only
CREATE INDEX event_body ON ONLY event USING gin (body)
-- name: attach an index
CREATE INDEX event_2026_01_body ON event_2026_01 USING gin (body)
-- name: attached
ALTER INDEX event_body ATTACH PARTITION event_2026_01_body
-- name: function that makes partitions
CREATE FUNCTION make_partition(month date) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
  name text := 'event_' || to_char(month, 'YYYY_MM');
BEGIN
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF event FOR VALUES FROM (%L) TO (%L)',
                 name, month, month + interval '1 month');
END $body$
-- name: detach
ALTER TABLE event DETACH PARTITION event_2026_01
-- name: detach concurrently
ALTER TABLE region DETACH PARTITION region_eu CONCURRENTLY
-- name: inheritance
CREATE TABLE event_old () INHERITS (event_2026_01)
-- name: no inheritance
ALTER TABLE event_old NO INHERIT event_2026_01
-- name: storage
ALTER TABLE event_old ALTER COLUMN body SET STORAGE EXTERNAL
-- name: compression
ALTER TABLE event_old ALTER COLUMN body SET COMPRESSION pglz
-- name: replica identity
ALTER TABLE event_old REPLICA IDENTITY FULL
-- name: reindex
REINDEX TABLE event_2026_01
-- name: reindex concurrently
REINDEX INDEX CONCURRENTLY event_2026_01_body
-- name: cluster
CLUSTER event_2026_01 USING event_2026_01_pkey
-- name: options back
ALTER TABLE event_old RESET (fillfactor)
-- name: identity restart
ALTER TABLE event ALTER COLUMN id RESTART WITH 100
-- name: rows moved by a CTE
WITH moved AS (DELETE FROM event_2026_01 WHERE at < '2026-01-10' RETURNING at, tenant, body) INSERT INTO event (at, tenant, body) SELECT at, tenant, body FROM moved
-- name: reindex with options
REINDEX (VERBOSE, CONCURRENTLY) TABLE event_2026_03
-- name: a schema of its own
CREATE SCHEMA stock
-- name: reindex of a schema
REINDEX SCHEMA stock
-- name: reindex of a schema concurrently
REINDEX SCHEMA CONCURRENTLY stock
-- name: reindex of a partitioned table
REINDEX TABLE CONCURRENTLY event
-- name: vacuum with options
VACUUM (FULL, FREEZE, SKIP_LOCKED off) event_2026_01, region
-- name: vacuum in the old form
VACUUM FULL VERBOSE ANALYZE event_old
-- name: analyze with options
ANALYZE (VERBOSE) event_old
-- name: detached by hand
ALTER TABLE event DETACH PARTITION event_2026_03
-- name: index dropped concurrently
DROP INDEX CONCURRENTLY event_2026_01_body_none
-- not run: nothing of this name
-- name: detach finished
ALTER TABLE event DETACH PARTITION event_2026_03 FINALIZE
-- not run: nothing to finish
