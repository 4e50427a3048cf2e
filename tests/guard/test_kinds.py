"""Every kind of statement in PostgreSQL's grammar: four can be allowed, all others are refused by name."""

from __future__ import annotations

import pytest
from postgast import parse

from postern.guard.check import check
from postern.guard.kinds import KINDS
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import WRITE, shop_scope

SCOPE = shop_scope(actions=WRITE)

# One statement for each node of the grammar that can be a whole statement.
CLOSED = {
    "AlterCollationStmt": "ALTER COLLATION c REFRESH VERSION",
    "AlterDatabaseRefreshCollStmt": "ALTER DATABASE d REFRESH COLLATION VERSION",
    "AlterDatabaseSetStmt": "ALTER DATABASE d SET work_mem = '1GB'",
    "AlterDatabaseStmt": "ALTER DATABASE d WITH CONNECTION LIMIT 1",
    "AlterDefaultPrivilegesStmt": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "AlterDomainStmt": "ALTER DOMAIN d DROP NOT NULL",
    "AlterEnumStmt": "ALTER TYPE e ADD VALUE 'x'",
    "AlterEventTrigStmt": "ALTER EVENT TRIGGER t DISABLE",
    "AlterExtensionContentsStmt": "ALTER EXTENSION e ADD TABLE t",
    "AlterExtensionStmt": "ALTER EXTENSION e UPDATE",
    "AlterFdwStmt": "ALTER FOREIGN DATA WRAPPER f OPTIONS (ADD a 'b')",
    "AlterForeignServerStmt": "ALTER SERVER s OPTIONS (ADD a 'b')",
    "AlterFunctionStmt": "ALTER FUNCTION f() SECURITY DEFINER",
    "AlterObjectDependsStmt": "ALTER FUNCTION f() DEPENDS ON EXTENSION e",
    "AlterObjectSchemaStmt": "ALTER TABLE orders SET SCHEMA hidden",
    "AlterOpFamilyStmt": "ALTER OPERATOR FAMILY o USING btree DROP OPERATOR 1 (int4, int4)",
    "AlterOperatorStmt": "ALTER OPERATOR + (int4, int4) SET (RESTRICT = NONE)",
    "AlterOwnerStmt": "ALTER SCHEMA public OWNER TO x",
    "AlterPolicyStmt": "ALTER POLICY p ON orders USING (true)",
    "AlterPublicationStmt": "ALTER PUBLICATION p ADD TABLE orders",
    "AlterRoleSetStmt": "ALTER ROLE x SET search_path = public",
    "AlterRoleStmt": "ALTER ROLE x SUPERUSER",
    "AlterSeqStmt": "ALTER SEQUENCE s RESTART",
    "AlterStatsStmt": "ALTER STATISTICS s SET STATISTICS 1",
    "AlterSubscriptionStmt": "ALTER SUBSCRIPTION s DISABLE",
    "AlterSystemStmt": "ALTER SYSTEM SET work_mem = '1GB'",
    "AlterTSConfigurationStmt": "ALTER TEXT SEARCH CONFIGURATION c DROP MAPPING FOR word",
    "AlterTSDictionaryStmt": "ALTER TEXT SEARCH DICTIONARY d (StopWords = x)",
    "AlterTableMoveAllStmt": "ALTER TABLE ALL IN TABLESPACE t SET TABLESPACE u",
    "AlterTableSpaceOptionsStmt": "ALTER TABLESPACE t SET (random_page_cost = 1)",
    "AlterTableStmt": "ALTER TABLE orders ADD COLUMN x int",
    "AlterTypeStmt": "ALTER TYPE t SET (STORAGE = plain)",
    "AlterUserMappingStmt": "ALTER USER MAPPING FOR x SERVER s OPTIONS (SET user 'y')",
    "CallStmt": "CALL p(1)",
    "CheckPointStmt": "CHECKPOINT",
    "ClosePortalStmt": "CLOSE ALL",
    "ClusterStmt": "CLUSTER orders",
    "CommentStmt": "COMMENT ON TABLE orders IS 'x'",
    "CompositeTypeStmt": "CREATE TYPE t AS (a int)",
    "ConstraintsSetStmt": "SET CONSTRAINTS ALL DEFERRED",
    "CopyStmt": "COPY orders TO PROGRAM 'id'",
    "CreateAmStmt": "CREATE ACCESS METHOD a TYPE INDEX HANDLER h",
    "CreateCastStmt": "CREATE CAST (int4 AS text) WITHOUT FUNCTION",
    "CreateConversionStmt": "CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM f",
    "CreateDomainStmt": "CREATE DOMAIN d AS int CHECK (value > 0)",
    "CreateEnumStmt": "CREATE TYPE e AS ENUM ('a')",
    "CreateEventTrigStmt": "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION f()",
    "CreateExtensionStmt": "CREATE EXTENSION dblink",
    "CreateFdwStmt": "CREATE FOREIGN DATA WRAPPER f",
    "CreateForeignServerStmt": "CREATE SERVER s FOREIGN DATA WRAPPER f",
    "CreateForeignTableStmt": "CREATE FOREIGN TABLE t (a int) SERVER s",
    "CreateFunctionStmt": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CreateOpClassStmt": "CREATE OPERATOR CLASS o FOR TYPE int4 USING btree AS OPERATOR 1 <",
    "CreateOpFamilyStmt": "CREATE OPERATOR FAMILY o USING btree",
    "CreatePLangStmt": "CREATE LANGUAGE plperl HANDLER h",
    "CreatePolicyStmt": "CREATE POLICY p ON orders",
    "CreatePublicationStmt": "CREATE PUBLICATION p FOR ALL TABLES",
    "CreateRangeStmt": "CREATE TYPE r AS RANGE (SUBTYPE = int4)",
    "CreateRoleStmt": "CREATE ROLE x",
    "CreateSchemaStmt": "CREATE SCHEMA s",
    "CreateSeqStmt": "CREATE SEQUENCE s",
    "CreateStatsStmt": "CREATE STATISTICS s ON id, total FROM orders",
    "CreateStmt": "CREATE TEMP TABLE t (a int)",
    "CreateSubscriptionStmt": "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p",
    "CreateTableAsStmt": "CREATE TABLE t AS SELECT 1",
    "CreateTableSpaceStmt": "CREATE TABLESPACE t LOCATION '/tmp'",
    "CreateTransformStmt": "CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION f(internal))",
    "CreateTrigStmt": "CREATE TRIGGER t BEFORE INSERT ON orders EXECUTE FUNCTION f()",
    "CreateUserMappingStmt": "CREATE USER MAPPING FOR x SERVER s",
    "CreatedbStmt": "CREATE DATABASE d",
    "DeallocateStmt": "DEALLOCATE ALL",
    "DeclareCursorStmt": "DECLARE c CURSOR FOR SELECT 1",
    "DefineStmt": "CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int)",
    "DiscardStmt": "DISCARD ALL",
    "DoStmt": "DO $$ BEGIN PERFORM 1; END $$",
    "DropOwnedStmt": "DROP OWNED BY x",
    "DropRoleStmt": "DROP ROLE x",
    "DropStmt": "DROP TABLE orders",
    "DropSubscriptionStmt": "DROP SUBSCRIPTION s",
    "DropTableSpaceStmt": "DROP TABLESPACE t",
    "DropUserMappingStmt": "DROP USER MAPPING FOR x SERVER s",
    "DropdbStmt": "DROP DATABASE d",
    "ExecuteStmt": "EXECUTE p(1)",
    "FetchStmt": "FETCH ALL FROM c",
    "GrantRoleStmt": "GRANT x TO y",
    "GrantStmt": "GRANT SELECT ON orders TO PUBLIC",
    "ImportForeignSchemaStmt": "IMPORT FOREIGN SCHEMA s FROM SERVER f INTO public",
    "IndexStmt": "CREATE INDEX ON orders (id)",
    "ListenStmt": "LISTEN c",
    "LoadStmt": "LOAD 'auto_explain'",
    "LockStmt": "LOCK TABLE orders",
    "MergeStmt": "MERGE INTO orders o USING customers c ON true WHEN MATCHED THEN DELETE",
    "NotifyStmt": "NOTIFY c, 'x'",
    "PrepareStmt": "PREPARE p AS SELECT 1",
    "ReassignOwnedStmt": "REASSIGN OWNED BY x TO y",
    "RefreshMatViewStmt": "REFRESH MATERIALIZED VIEW v",
    "ReindexStmt": "REINDEX TABLE orders",
    "RenameStmt": "ALTER TABLE orders RENAME TO o",
    "RuleStmt": "CREATE RULE r AS ON SELECT TO orders DO INSTEAD SELECT 1",
    "SecLabelStmt": "SECURITY LABEL ON TABLE orders IS 'x'",
    "TransactionStmt": "COMMIT",
    "TruncateStmt": "TRUNCATE orders",
    "UnlistenStmt": "UNLISTEN *",
    "VacuumStmt": "VACUUM orders",
    "VariableSetStmt": "SET ROLE postgres",
    "VariableShowStmt": "SHOW ALL",
    "ViewStmt": "CREATE VIEW v AS SELECT 1",
    # Parts of other statements, or of PL/pgSQL: no text of SQL parses to them alone.
    "PLAssignStmt": None,
    "RawStmt": None,
    "ReplicaIdentityStmt": None,
    "ReturnStmt": None,
    "SetOperationStmt": None,
}
STATEMENTS = {node: sql for node, sql in CLOSED.items() if sql is not None}


def test_table_holds_every_statement_of_the_grammar() -> None:
    grammar = {name for name in parse("").DESCRIPTOR.file.message_types_by_name if name.endswith("Stmt")}
    fragments = {"PlannedStmt", "PartitionCmdStmt"}

    assert set(CLOSED) | set(KINDS) == grammar - fragments


@pytest.mark.parametrize(("node", "sql"), STATEMENTS.items(), ids=STATEMENTS)
def test_refuses_closed_kind_with_a_reason(node: str, sql: str) -> None:
    assert parse(sql).stmts[0].stmt.WhichOneof("node").replace("_", "") == node.lower().replace("_", "")

    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.kind"
    assert ": this kind of statement is not allowed; " in verdict.reason


MORE = {
    "abort": "ROLLBACK",
    "savepoint": "SAVEPOINT s",
    "two phase": "PREPARE TRANSACTION 'x'",
    "set local": "SET LOCAL search_path = public",
    "set transaction": "SET TRANSACTION READ WRITE",
    "set session authorization": "SET SESSION AUTHORIZATION postgres",
    "reset": "RESET ALL",
    "copy out": "COPY orders TO STDOUT",
    "copy query": "COPY (SELECT 1) TO '/tmp/x'",
    "copy in": "COPY orders FROM STDIN",
    "analyze": "ANALYZE orders",
    "explain with options": "EXPLAIN (BUFFERS, SETTINGS) SELECT 1",
    "explain of a delete": "EXPLAIN (ANALYZE, VERBOSE) DELETE FROM orders",
    "create materialized view": "CREATE MATERIALIZED VIEW v AS SELECT 1",
    "create user": "CREATE USER x SUPERUSER PASSWORD 'y'",
    "move": "MOVE ALL FROM c",
    "revoke": "REVOKE ALL ON orders FROM PUBLIC",
    "execute into": "CREATE TABLE t AS EXECUTE p",
    "select into": "SELECT * INTO t FROM orders",
    "select into temp": "SELECT 1 INTO TEMP t",
    "select into in a union": "SELECT 1 INTO t UNION SELECT 2",
    "for update": "SELECT * FROM orders FOR UPDATE",
    "for no key update": "SELECT * FROM orders FOR NO KEY UPDATE OF orders NOWAIT",
    "for share": "SELECT * FROM orders FOR SHARE SKIP LOCKED",
    "for key share": "SELECT * FROM orders FOR KEY SHARE",
    "for update in a subquery": "SELECT * FROM (SELECT * FROM orders FOR UPDATE) x",
    "for update in with": "WITH x AS (SELECT * FROM orders FOR UPDATE) TABLE x",
    "merge action": "SELECT merge_action()",
}


@pytest.mark.parametrize("sql", MORE.values(), ids=MORE)
def test_refuses_other_forms_of_closed_kinds(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.kind"


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "VALUES (1)", "TABLE orders", "WITH x AS (SELECT 1) TABLE x", "(((SELECT 1)))"]
)
def test_allows_every_form_of_select(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Allowed)


def test_says_what_to_do_instead() -> None:
    verdict = check("SET search_path = public", SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.reason == (
        "SET or RESET: this kind of statement is not allowed; "
        "settings are fixed; name the time zone or format in the query"
    )
