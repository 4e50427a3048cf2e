"""What a statement is called in SQL's words, and whether PostgreSQL runs it inside a transaction block."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postern.guard.source import Node
from postern.run_once.options import options_of

_OBJECTS = {
    "OBJECT_MATVIEW": "MATERIALIZED VIEW",
    "OBJECT_STATISTIC_EXT": "STATISTICS",
    "OBJECT_TABCONSTRAINT": "CONSTRAINT",
    "OBJECT_DOMCONSTRAINT": "DOMAIN CONSTRAINT",
}
_RENAMED_PARTS = {
    "OBJECT_ATTRIBUTE": "ALTER TYPE RENAME ATTRIBUTE",
    "OBJECT_COLUMN": "ALTER TABLE RENAME COLUMN",
    "OBJECT_DOMCONSTRAINT": "ALTER DOMAIN RENAME CONSTRAINT",
    "OBJECT_TABCONSTRAINT": "ALTER TABLE RENAME CONSTRAINT",
}
_PLAIN = {
    "AlterDomainStmt": "ALTER DOMAIN",
    "AlterEnumStmt": "ALTER TYPE",
    "AlterPolicyStmt": "ALTER POLICY",
    "AlterSeqStmt": "ALTER SEQUENCE",
    "AlterStatsStmt": "ALTER STATISTICS",
    "ClusterStmt": "CLUSTER",
    "CompositeTypeStmt": "CREATE TYPE",
    "ConstraintsSetStmt": "SET CONSTRAINTS",
    "CreateDomainStmt": "CREATE DOMAIN",
    "CreateEnumStmt": "CREATE TYPE",
    "CreatePolicyStmt": "CREATE POLICY",
    "CreateRangeStmt": "CREATE TYPE",
    "CreateSchemaStmt": "CREATE SCHEMA",
    "CreateSeqStmt": "CREATE SEQUENCE",
    "CreateStatsStmt": "CREATE STATISTICS",
    "CreateStmt": "CREATE TABLE",
    "CreateTrigStmt": "CREATE TRIGGER",
    "DefineStmt": "CREATE COLLATION",
    "DeleteStmt": "DELETE",
    "InsertStmt": "INSERT",
    "LockStmt": "LOCK TABLE",
    "MergeStmt": "MERGE",
    "RefreshMatViewStmt": "REFRESH MATERIALIZED VIEW",
    "TruncateStmt": "TRUNCATE",
    "UpdateStmt": "UPDATE",
    "ViewStmt": "CREATE VIEW",
}
_WORDS: Mapping[str, Callable[[Node], str]] = {
    "AlterFunctionStmt": lambda body: f"ALTER {_object(body['objtype'])}",
    "AlterObjectSchemaStmt": lambda body: f"ALTER {_object(body['objectType'])} SET SCHEMA",
    "AlterTableStmt": lambda body: f"ALTER {_object(body['objtype'])}",
    "CommentStmt": lambda body: f"COMMENT ON {_object(body['objtype'])}",
    "CreateFunctionStmt": lambda body: "CREATE PROCEDURE" if body.get("is_procedure") else "CREATE FUNCTION",
    "CreateTableAsStmt": lambda body: (
        "CREATE TABLE AS" if body["objtype"] == "OBJECT_TABLE" else "CREATE MATERIALIZED VIEW"
    ),
    "DropStmt": lambda body: f"DROP {_object(body['removeType'])}{_concurrently(body.get('concurrent'))}",
    "IndexStmt": lambda body: (
        f"CREATE {'UNIQUE ' if body.get('unique') else ''}INDEX{_concurrently(body.get('concurrent'))}"
    ),
    "ReindexStmt": lambda body: (
        f"REINDEX {body['kind'].removeprefix('REINDEX_OBJECT_')}{_concurrently('concurrently' in _parameters(body))}"
    ),
    "RenameStmt": lambda body: _RENAMED_PARTS.get(body["renameType"]) or f"ALTER {_object(body['renameType'])} RENAME",
    "SelectStmt": lambda body: "SELECT INTO" if "intoClause" in body else "SELECT",
    "VacuumStmt": lambda body: "VACUUM" if body.get("is_vacuumcmd") else "ANALYZE",
    "VariableSetStmt": lambda body: f"SET{' LOCAL' if body.get('is_local') else ''} {body['name']}",
}


def kind_of(node: str, body: Node) -> str:
    """What a statement that was let through is called."""
    return _PLAIN.get(node) or _WORDS[node](body)


def runs_in_transaction(node: str, body: Node) -> bool:
    """False where PostgreSQL answers 25001 inside a transaction block, as measured on every supported version."""
    if node in {"IndexStmt", "DropStmt"}:
        return not body.get("concurrent")
    if node == "ReindexStmt":
        return body["kind"] != "REINDEX_OBJECT_SCHEMA" and "concurrently" not in _parameters(body)
    if node == "VacuumStmt":
        return not body.get("is_vacuumcmd")
    if node == "AlterTableStmt":
        commands = (command["AlterTableCmd"].get("def", {}) for command in body["cmds"])
        return not any(command.get("PartitionCmd", {}).get("concurrent") for command in commands)
    return True


def _object(kind: str) -> str:
    return _OBJECTS.get(kind, kind.removeprefix("OBJECT_"))


def _concurrently(is_so: object) -> str:
    return " CONCURRENTLY" if is_so else ""


def _parameters(body: Node) -> dict[str, Node]:
    return options_of(body.get("params", []))
