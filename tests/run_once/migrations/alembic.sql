-- name: version table
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
-- name: table with serial key and defaults
CREATE TABLE account (
    id SERIAL NOT NULL,
    email VARCHAR(255) NOT NULL,
    is_active BOOLEAN DEFAULT 'true' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    settings JSONB DEFAULT '{}'::jsonb,
    PRIMARY KEY (id),
    CONSTRAINT uq_account_email UNIQUE (email)
)
-- name: index
CREATE INDEX ix_account_created_at ON account (created_at)
-- name: unique index on an expression
CREATE UNIQUE INDEX ix_account_email_lower ON account (lower(email))
-- name: version row
INSERT INTO alembic_version (version_num) VALUES ('1975ea83b712') RETURNING alembic_version.version_num
-- name: enum
CREATE TYPE order_status AS ENUM ('pending', 'paid', 'shipped')
-- name: table with foreign key
CREATE TABLE orders (
    id BIGSERIAL NOT NULL,
    account_id INTEGER NOT NULL,
    status order_status DEFAULT 'pending' NOT NULL,
    total NUMERIC(12, 2) DEFAULT 0 NOT NULL,
    placed_on DATE DEFAULT CURRENT_DATE,
    note TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
)
-- name: add column
ALTER TABLE account ADD COLUMN last_login TIMESTAMP WITHOUT TIME ZONE
-- name: add column with default
ALTER TABLE account ADD COLUMN plan VARCHAR(20) DEFAULT 'free' NOT NULL
-- name: set nullable
ALTER TABLE orders ALTER COLUMN note SET NOT NULL
-- name: drop not null
ALTER TABLE orders ALTER COLUMN note DROP NOT NULL
-- name: change type
ALTER TABLE account ALTER COLUMN plan TYPE VARCHAR(40)
-- name: change type using
ALTER TABLE orders ALTER COLUMN total TYPE BIGINT USING (total * 100)::bigint
-- name: server default
ALTER TABLE account ALTER COLUMN plan SET DEFAULT 'trial'
-- name: drop default
ALTER TABLE account ALTER COLUMN plan DROP DEFAULT
-- name: rename column
ALTER TABLE account RENAME plan TO tier
-- name: rename table
ALTER TABLE account RENAME TO member
-- name: rename constraint
ALTER TABLE member RENAME CONSTRAINT uq_account_email TO uq_member_email
-- name: check constraint
ALTER TABLE orders ADD CONSTRAINT ck_orders_total CHECK (total >= 0)
-- name: drop constraint
ALTER TABLE orders DROP CONSTRAINT ck_orders_total
-- name: table comment
COMMENT ON TABLE orders IS 'What members ordered'
-- name: column comment
COMMENT ON COLUMN orders.total IS 'in cents'
-- name: enum value
ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'refunded' AFTER 'shipped'
-- name: backfill
UPDATE orders SET note = 'n/a' WHERE orders.note IS NULL
-- name: version update
UPDATE alembic_version SET version_num='ae1027a6acf' WHERE alembic_version.version_num = '1975ea83b712'
-- name: index made concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_orders_account_id ON orders USING btree (account_id)
-- name: index dropped concurrently
DROP INDEX CONCURRENTLY IF EXISTS ix_orders_account_id
-- name: drop index
DROP INDEX ix_account_created_at
-- name: drop column
ALTER TABLE member DROP COLUMN last_login
-- name: drop table
DROP TABLE orders
-- name: drop type
DROP TYPE order_status
-- name: version delete
DELETE FROM alembic_version WHERE alembic_version.version_num = 'ae1027a6acf'
-- name: transaction begin
-- refused: guard.kind
BEGIN
-- name: transaction end
-- refused: guard.kind
COMMIT
