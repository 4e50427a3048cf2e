"""The kinds of statement, by the name of their node in PostgreSQL's grammar."""

from __future__ import annotations

import re

from postern.guard.verdict import Objection, StatementKind

KINDS = {
    "SelectStmt": StatementKind.SELECT,
    "InsertStmt": StatementKind.INSERT,
    "UpdateStmt": StatementKind.UPDATE,
    "DeleteStmt": StatementKind.DELETE,
    "ExplainStmt": StatementKind.EXPLAIN,
}

# What the SQL word is where the node's name does not say it.
_WORDS = {
    "AlterDatabaseSetStmt": "ALTER DATABASE SET",
    "AlterObjectSchemaStmt": "ALTER … SET SCHEMA",
    "AlterOwnerStmt": "ALTER … OWNER TO",
    "AlterRoleSetStmt": "ALTER ROLE SET",
    "CheckPointStmt": "CHECKPOINT",
    "ClosePortalStmt": "CLOSE",
    "ConstraintsSetStmt": "SET CONSTRAINTS",
    "CreateTableAsStmt": "CREATE TABLE AS",
    "CreateTrigStmt": "CREATE TRIGGER",
    "CreatedbStmt": "CREATE DATABASE",
    "DeclareCursorStmt": "DECLARE CURSOR",
    "DropdbStmt": "DROP DATABASE",
    "IndexStmt": "CREATE INDEX",
    "RenameStmt": "ALTER … RENAME",
    "RuleStmt": "CREATE RULE",
    "SecLabelStmt": "SECURITY LABEL",
    "TransactionStmt": "BEGIN, COMMIT, ROLLBACK or SAVEPOINT",
    "VacuumStmt": "VACUUM or ANALYZE",
    "VariableSetStmt": "SET or RESET",
    "VariableShowStmt": "SHOW",
    "ViewStmt": "CREATE VIEW",
}
_ADVICE = {
    "CallStmt": "call a function of PostgreSQL's own in a SELECT instead",
    "CopyStmt": "read with SELECT",
    "CreateTableAsStmt": "use WITH to name an intermediate result",
    "DeclareCursorStmt": "send the query itself; max_rows bounds its answer",
    "FetchStmt": "send the query itself; max_rows bounds its answer",
    "MergeStmt": "use INSERT, UPDATE or DELETE",
    "PrepareStmt": "send the query itself, with its values in params",
    "ExecuteStmt": "send the query itself, with its values in params",
    "TransactionStmt": "every statement runs in a transaction of its own",
    "VariableSetStmt": "settings are fixed; name the time zone or format in the query",
    "VariableShowStmt": "settings are closed",
}
_DEFAULT_ADVICE = "send a SELECT, or an INSERT, UPDATE or DELETE where the task was granted it"


def is_statement(node: str) -> bool:
    """Whether a node of the grammar is a whole statement."""
    return node.endswith("Stmt")


def objection_to_kind(node: str, offset: int | None = None) -> Objection:
    """The refusal of a statement kind that is never allowed, with what to do instead."""
    word = _WORDS.get(node) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", node.removesuffix("Stmt")).upper()
    advice = _ADVICE.get(node, _DEFAULT_ADVICE)
    return Objection("guard.kind", f"{word}: this kind of statement is not allowed; {advice}", offset)
