-- name: prisma table
CREATE TABLE "User" ("id" TEXT NOT NULL, "email" TEXT NOT NULL, "role" TEXT DEFAULT E'USER', "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, CONSTRAINT "User_pkey" PRIMARY KEY ("id"))
-- name: prisma unique
CREATE UNIQUE INDEX "User_email_key" ON "User"("email")
-- name: prisma alter
ALTER TABLE "User" ADD COLUMN     "name" TEXT, ALTER COLUMN "role" SET NOT NULL
-- name: prisma enum
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN')
-- name: prisma cast of a column to an enum
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT, ALTER COLUMN "role" TYPE "Role" USING ("role"::text::"Role"), ALTER COLUMN "role" SET DEFAULT 'USER'
-- name: knex table
create table "public"."posts" ("id" serial primary key, "author" text, "title" varchar(255), "search" tsvector, "lang" text default 'simple', "lat" float8, "body" text)
-- name: knex index
create index "posts_title_index" on "posts" ("title")
-- name: knex alter
alter table "posts" add constraint "posts_author_foreign" foreign key ("author") references "User" ("id") on delete set null on update cascade
-- name: sequelize column
ALTER TABLE "public"."posts" ADD COLUMN "meta" JSON DEFAULT '{"a": 1}'
-- name: typeorm
ALTER TABLE "posts" ADD "rank" character varying(20) COLLATE "C"
-- name: liquibase
ALTER TABLE public.posts ADD CONSTRAINT uq_posts UNIQUE NULLS NOT DISTINCT (author, title)
-- name: sqitch verify
SELECT id, title FROM posts WHERE FALSE
-- name: sqitch verify by division
SELECT 1/count(*) FROM information_schema.tables
-- refused: guard.relation
-- name: goose style function
CREATE OR REPLACE FUNCTION slugify(value text) RETURNS text AS $$
  SELECT trim(both '-' from regexp_replace(lower(value), '[^a-z0-9]+', '-', 'gi'));
$$ LANGUAGE SQL STRICT IMMUTABLE
-- name: full text trigger of PostgreSQL's own
CREATE TRIGGER posts_search BEFORE INSERT OR UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(search, 'pg_catalog.english', title, body)
-- name: full text index
CREATE INDEX posts_fts ON posts USING gin (to_tsvector('english'::regconfig, coalesce(title, '') || ' ' || coalesce(body, '')))
-- name: generated full text
ALTER TABLE posts ADD COLUMN vector tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', coalesce(title, '')), 'A')) STORED
-- name: audit table
CREATE TABLE audit_log (id bigserial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(), actor text DEFAULT current_user, client inet DEFAULT inet_client_addr(), tx bigint DEFAULT txid_current(), tab text, row_data jsonb, query text)
-- name: audit function
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO audit_log (tab, row_data, query) VALUES (TG_TABLE_NAME, to_jsonb(OLD), current_query());
    RETURN OLD;
  ELSIF TG_OP IN ('INSERT', 'UPDATE') THEN
    INSERT INTO audit_log (tab, row_data) VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, to_jsonb(NEW));
  END IF;
  PERFORM pg_notify('changes', json_build_object('table', TG_TABLE_NAME, 'op', TG_OP)::text);
  PERFORM set_config('app.audited', 'yes', true);
  RETURN NEW;
EXCEPTION WHEN others THEN
  RAISE WARNING 'audit failed: % %', SQLSTATE, SQLERRM;
  RETURN NULL;
END;
$$
-- name: audit trigger
CREATE TRIGGER posts_audit AFTER INSERT OR UPDATE OR DELETE ON posts FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE PROCEDURE audit()
-- name: statement trigger with transition tables
CREATE TRIGGER posts_bulk AFTER UPDATE ON posts REFERENCING OLD TABLE AS was NEW TABLE AS becomes FOR EACH STATEMENT EXECUTE FUNCTION audit()
-- name: constraint trigger
CREATE CONSTRAINT TRIGGER posts_late AFTER INSERT ON posts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit()
-- name: row security on
ALTER TABLE posts ENABLE ROW LEVEL SECURITY
-- name: policy
CREATE POLICY tenant ON posts AS PERMISSIVE FOR ALL TO PUBLIC USING (author = current_setting('app.user', true)) WITH CHECK (author = current_user)
-- name: policy changed
ALTER POLICY tenant ON posts USING (author IS NULL OR author = current_user)
-- name: policy renamed
ALTER POLICY tenant ON posts RENAME TO owner_only
-- name: policy dropped
DROP POLICY owner_only ON posts
-- name: row security forced
ALTER TABLE posts FORCE ROW LEVEL SECURITY
-- name: row security off
ALTER TABLE posts DISABLE ROW LEVEL SECURITY
-- refused: guard.kind
-- name: function over many tables by name
CREATE FUNCTION count_rows(tab regclass) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s', tab::regclass) INTO n;
  RETURN n;
END $$
-- name: function with a statement in a variable
CREATE FUNCTION purge(tab text, days int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  statement text;
  gone int;
BEGIN
  statement := format('DELETE FROM %I WHERE at < now() - $1 * interval ''1 day''', tab);
  EXECUTE statement USING days;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$
-- name: function with cursors, loops and a record
CREATE FUNCTION walk_posts(lim int DEFAULT 10) RETURNS SETOF posts LANGUAGE plpgsql AS $$
DECLARE
  p posts%ROWTYPE;
  title_of posts.title%TYPE;
  c CURSOR (n int) FOR SELECT * FROM posts ORDER BY id LIMIT n;
  ids int[] := ARRAY[1, 2, 3];
  i int;
BEGIN
  <<outer_loop>>
  FOR p IN c(lim) LOOP
    CONTINUE outer_loop WHEN p.title IS NULL;
    title_of := upper(p.title);
    p.title := title_of;
    RETURN NEXT p;
  END LOOP;
  FOREACH i IN ARRAY ids LOOP
    CASE i WHEN 1 THEN RAISE DEBUG 'one'; ELSE NULL; END CASE;
  END LOOP;
  WHILE i > 0 LOOP i := i - 1; END LOOP;
  RETURN QUERY SELECT * FROM posts WHERE id = ANY (ids);
  RETURN;
END $$
-- name: function that makes a table
CREATE FUNCTION prepare_batch() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE IF NOT EXISTS batch_rows (id int) ON COMMIT DROP;
  INSERT INTO batch_rows SELECT id FROM posts WHERE body IS NOT NULL;
  ANALYZE batch_rows;
  UPDATE posts SET body = NULL FROM batch_rows b WHERE b.id = posts.id;
  DROP TABLE batch_rows;
END $$
-- name: memory for an index
SET LOCAL maintenance_work_mem = '256MB'
-- name: time zone
SET TIME ZONE 'UTC'
-- name: setting of the application
SET LOCAL app.migration = 'on'
-- name: search path
SET search_path = public
-- name: search path emptied as in a dump
SELECT pg_catalog.set_config('search_path', '', false)
-- refused: guard.function
-- name: dump: owner
ALTER TABLE public.posts OWNER TO postgres
-- refused: guard.kind
-- name: dump: copy
COPY public.posts (id, title) FROM stdin
-- refused: guard.kind
-- name: dump: sequence value
SELECT pg_catalog.setval('public.posts_id_seq', 42, true)
-- name: dump: comment on an extension
-- refused: guard.kind
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language'
-- name: dump: function bodies unchecked
SET check_function_bodies = false
-- name: select into
SELECT id, title INTO posts_copy FROM posts
-- name: delete with using
DELETE FROM posts USING "User" u WHERE u.id = posts.author AND u.name IS NULL
-- name: rows locked and changed
WITH picked AS (SELECT id FROM posts WHERE rank IS NULL ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 50) UPDATE posts SET rank = 'low' FROM picked WHERE picked.id = posts.id
-- name: truncate several
TRUNCATE posts_copy, audit_log
-- name: comments on many things
COMMENT ON FUNCTION slugify(text) IS 'makes a slug'
-- name: comment on a constraint
COMMENT ON CONSTRAINT uq_posts ON posts IS 'one title an author'
-- name: comment on a trigger
COMMENT ON TRIGGER posts_audit ON posts IS 'who changed it'
-- name: comment on a type
COMMENT ON TYPE "Role" IS NULL
-- name: comment on an index
COMMENT ON INDEX posts_fts IS 'search'
-- name: comment on a column in a schema
COMMENT ON COLUMN public.posts.title IS 'the title'
-- name: comment on a schema
COMMENT ON SCHEMA public IS 'the application'
-- refused by the server: the schema belongs to the database's owner
-- name: xml column
ALTER TABLE posts ADD COLUMN doc xml
-- name: vector column
ALTER TABLE posts ADD COLUMN embedding vector(3)
-- not run: the type belongs to an extension
-- name: vector index
CREATE INDEX ON posts USING hnsw (embedding vector_l2_ops) WITH (m = 16, ef_construction = 64)
-- not run: the access method belongs to an extension
-- name: trigram index
CREATE INDEX posts_trgm ON posts USING gin (title gin_trgm_ops)
-- not run: the operator class belongs to an extension
-- name: exclusion by an extension's operator class
ALTER TABLE posts ADD CONSTRAINT one_span EXCLUDE USING gist (author gist_text_ops WITH =, int4range(id, id + 1) WITH &&)
-- not run: the operator class belongs to an extension
-- name: drop several
DROP TABLE IF EXISTS posts_copy, audit_log CASCADE
-- name: explain
-- refused: guard.kind
EXPLAIN ANALYZE SELECT 1
-- name: function with words that could begin statements
CREATE FUNCTION words(start timestamptz, load int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  show int := 1;
  lock text;
BEGIN
  start := now();
  show := CASE WHEN load > 0 THEN load ELSE show END;
  SELECT CASE WHEN true THEN start ELSE now() END AS start, 'x' AS comment INTO start, lock;
  INSERT INTO schema_versions AS s (id, at) VALUES (1, start) ON CONFLICT (id) DO UPDATE SET at = excluded.at;
  INSERT INTO schema_versions (id) VALUES (1) ON CONFLICT DO NOTHING;
  MERGE INTO schema_versions s USING (SELECT 1 AS id) n ON n.id = s.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT VALUES (1, now());
  PERFORM 1 FROM schema_versions WHERE at > start FOR UPDATE;
  IF show IN (1, 2) THEN
    RETURN load;
  END IF;
  RETURN EXTRACT(epoch FROM start)::int;
END $$
-- name: its table
CREATE TABLE schema_versions (id int PRIMARY KEY, at timestamptz)
-- name: the function at work
SELECT words(now(), 3)
