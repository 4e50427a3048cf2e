-- name: create table
CREATE TABLE "users" ("id" bigserial primary key, "login" character varying NOT NULL, "admin" boolean DEFAULT FALSE NOT NULL, "tags" character varying[] DEFAULT '{}'::character varying[], "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL)
-- name: create table if absent
CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY)
-- name: record versions
INSERT INTO "schema_migrations" (version) VALUES ('20240101000000'), ('20240102000000') ON CONFLICT (version) DO NOTHING
-- name: algorithm concurrently
CREATE UNIQUE INDEX CONCURRENTLY "index_users_on_login" ON "users" ("login")
-- name: uuid key
CREATE TABLE "sessions" ("id" uuid DEFAULT gen_random_uuid() NOT NULL PRIMARY KEY, "user_id" bigint, "ip" inet, "span" tstzrange, "seen" interval)
-- name: foreign key that is not valid yet
ALTER TABLE "sessions" ADD CONSTRAINT "fk_rails_758836b4f0" FOREIGN KEY ("user_id") REFERENCES "users" ("id") NOT VALID
-- name: foreign key validated
ALTER TABLE "sessions" VALIDATE CONSTRAINT "fk_rails_758836b4f0"
-- name: not null by a check that is not valid yet
ALTER TABLE "users" ADD CONSTRAINT users_login_null CHECK (login IS NOT NULL) NOT VALID
-- name: check validated
ALTER TABLE "users" VALIDATE CONSTRAINT users_login_null
-- name: not null after the check
ALTER TABLE "users" ALTER COLUMN "login" SET NOT NULL
-- name: check dropped
ALTER TABLE "users" DROP CONSTRAINT users_login_null
-- name: comment
COMMENT ON COLUMN "users"."admin" IS 'may do everything'
-- name: lock timeout
SET lock_timeout TO '5s'
-- name: lock timeout for the transaction
SET LOCAL lock_timeout = 2000
-- name: statement timeout
SET LOCAL statement_timeout = '10min'
-- name: change column
ALTER TABLE "users" ALTER COLUMN "admin" SET DEFAULT TRUE, ALTER COLUMN "admin" DROP NOT NULL
-- name: rename index
ALTER INDEX "index_users_on_login" RENAME TO "index_users_on_name"
-- name: index with length and order
CREATE INDEX "index_users_on_created" ON "users" ("created_at" DESC NULLS LAST, "id" ASC)
-- name: backfill in batches
UPDATE "users" SET "tags" = array_append("tags", 'old') WHERE "users"."id" BETWEEN 1 AND 1000
-- name: backfill by a query
WITH ranked AS (SELECT id, row_number() OVER (PARTITION BY login ORDER BY created_at) AS place FROM users)
UPDATE users SET login = users.login || '-' || ranked.place FROM ranked WHERE ranked.id = users.id AND ranked.place > 1
-- name: truncate
TRUNCATE TABLE "sessions" RESTART IDENTITY
-- name: trigger function
CREATE OR REPLACE FUNCTION touch_updated_at() RETURNS trigger AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END;
$$ LANGUAGE plpgsql
-- name: trigger
CREATE TRIGGER users_touch BEFORE UPDATE ON "users" FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION touch_updated_at()
-- name: trigger renamed
ALTER TRIGGER users_touch ON users RENAME TO users_touched
-- name: trigger off
ALTER TABLE users DISABLE TRIGGER users_touched
-- name: trigger on
ALTER TABLE users ENABLE TRIGGER users_touched
-- name: triggers of the user's off
ALTER TABLE users DISABLE TRIGGER USER
-- name: referential integrity off
-- refused: guard.kind
ALTER TABLE "users" DISABLE TRIGGER ALL
-- name: trigger dropped
DROP TRIGGER IF EXISTS users_touched ON users
-- name: virtual column as stored
ALTER TABLE "users" ADD "login_upper" character varying GENERATED ALWAYS AS (UPPER(login)) STORED
-- name: enum
CREATE TYPE "public"."mood" AS ENUM ('sad', 'ok', 'happy')
-- name: enum value renamed
ALTER TYPE "public"."mood" RENAME VALUE 'ok' TO 'fine'
-- name: enum renamed
ALTER TYPE mood RENAME TO temper
-- name: exclusion constraint
ALTER TABLE "sessions" ADD CONSTRAINT "no_overlap" EXCLUDE USING gist ("span" WITH &&) WHERE ("user_id" IS NULL)
-- name: unlogged
CREATE UNLOGGED TABLE scratch (id int, body text)
-- name: extension
-- refused: guard.kind
CREATE EXTENSION IF NOT EXISTS "pgcrypto"
-- name: drop table
DROP TABLE IF EXISTS "scratch"
