"""Statements, and parts of statements, that may not stand in a run, each with its words and what to do instead."""

from __future__ import annotations

import re

from postern.guard.findings import offset_of
from postern.guard.source import Node
from postern.guard.verdict import Objection

_TRANSACTION = "the run has its transaction: leave BEGIN, COMMIT, ROLLBACK and SAVEPOINT out"
_RIGHTS = "roles and rights stay with the database's administrators"
_OUTSIDE = "it reaches outside the database; have an administrator do it"
_EXTENSION = "extensions stay with the database's administrators"
_MEANING = "it changes what other people's statements mean; have an administrator do it"
_SESSION = "nobody waits for it in a run; leave it out"
_PREPARED = "write the statement itself, with its values in it"
_CURSOR = "write one statement over all the rows"
_SERVER = "it is about the whole server; have an administrator do it"
_REPLICATION = "replication stays with the database's administrators"

# By the name of the node: SQL's words, and why or what instead.
_REFUSED: dict[str, tuple[str, str]] = {
    "AlterCollationStmt": ("ALTER COLLATION … REFRESH VERSION", _SERVER),
    "AlterDatabaseRefreshCollStmt": ("ALTER DATABASE … REFRESH COLLATION VERSION", _SERVER),
    "AlterDatabaseSetStmt": ("ALTER DATABASE … SET", _SERVER),
    "AlterDatabaseStmt": ("ALTER DATABASE", _SERVER),
    "AlterDefaultPrivilegesStmt": ("ALTER DEFAULT PRIVILEGES", _RIGHTS),
    "AlterEventTrigStmt": ("ALTER EVENT TRIGGER", _SERVER),
    "AlterExtensionContentsStmt": ("ALTER EXTENSION", _EXTENSION),
    "AlterExtensionStmt": ("ALTER EXTENSION", _EXTENSION),
    "AlterFdwStmt": ("ALTER FOREIGN DATA WRAPPER", _OUTSIDE),
    "AlterForeignServerStmt": ("ALTER SERVER", _OUTSIDE),
    "AlterObjectDependsStmt": ("ALTER … DEPENDS ON EXTENSION", _EXTENSION),
    "AlterOpFamilyStmt": ("ALTER OPERATOR FAMILY", _MEANING),
    "AlterOperatorStmt": ("ALTER OPERATOR", _MEANING),
    "AlterOwnerStmt": ("ALTER … OWNER TO", "what the run makes belongs to its owner role already; leave it out"),
    "AlterPublicationStmt": ("ALTER PUBLICATION", _REPLICATION),
    "AlterRoleSetStmt": ("ALTER ROLE … SET", _RIGHTS),
    "AlterRoleStmt": ("ALTER ROLE or ALTER GROUP", _RIGHTS),
    "AlterSubscriptionStmt": ("ALTER SUBSCRIPTION", _REPLICATION),
    "AlterSystemStmt": ("ALTER SYSTEM", _SERVER),
    "AlterTSConfigurationStmt": ("ALTER TEXT SEARCH CONFIGURATION", _MEANING),
    "AlterTSDictionaryStmt": ("ALTER TEXT SEARCH DICTIONARY", _MEANING),
    "AlterTableMoveAllStmt": ("ALTER … ALL IN TABLESPACE", _SERVER),
    "AlterTableSpaceOptionsStmt": ("ALTER TABLESPACE", _SERVER),
    "AlterTypeStmt": ("ALTER TYPE … SET", _MEANING),
    "AlterUserMappingStmt": ("ALTER USER MAPPING", _OUTSIDE),
    "CallStmt": ("CALL", "a procedure may commit inside the run; call a function, or write its statements"),
    "CheckPointStmt": ("CHECKPOINT", _SERVER),
    "ClosePortalStmt": ("CLOSE", _CURSOR),
    "CopyStmt": ("COPY", "no file, program or stream goes with a run; use INSERT"),
    "CreateAmStmt": ("CREATE ACCESS METHOD", _MEANING),
    "CreateCastStmt": ("CREATE CAST", _MEANING),
    "CreateConversionStmt": ("CREATE CONVERSION", _MEANING),
    "CreateEventTrigStmt": ("CREATE EVENT TRIGGER", _SERVER),
    "CreateExtensionStmt": ("CREATE EXTENSION", _EXTENSION),
    "CreateFdwStmt": ("CREATE FOREIGN DATA WRAPPER", _OUTSIDE),
    "CreateForeignServerStmt": ("CREATE SERVER", _OUTSIDE),
    "CreateForeignTableStmt": ("CREATE FOREIGN TABLE", _OUTSIDE),
    "CreateOpClassStmt": ("CREATE OPERATOR CLASS", _MEANING),
    "CreateOpFamilyStmt": ("CREATE OPERATOR FAMILY", _MEANING),
    "CreatePLangStmt": ("CREATE LANGUAGE", _SERVER),
    "CreatePublicationStmt": ("CREATE PUBLICATION", _REPLICATION),
    "CreateRoleStmt": ("CREATE ROLE, USER or GROUP", _RIGHTS),
    "CreateSubscriptionStmt": ("CREATE SUBSCRIPTION", _REPLICATION),
    "CreateTableSpaceStmt": ("CREATE TABLESPACE", _SERVER),
    "CreateTransformStmt": ("CREATE TRANSFORM", _MEANING),
    "CreateUserMappingStmt": ("CREATE USER MAPPING", _OUTSIDE),
    "CreatedbStmt": ("CREATE DATABASE", _SERVER),
    "DeallocateStmt": ("DEALLOCATE", _PREPARED),
    "DeclareCursorStmt": ("DECLARE CURSOR", _CURSOR),
    "DefineStmt": ("CREATE AGGREGATE, OPERATOR, TEXT SEARCH or base TYPE", _MEANING),
    "DiscardStmt": ("DISCARD", _SESSION),
    "DoStmt": ("DO", "write its statements one by one; IF EXISTS and IF NOT EXISTS replace most conditions"),
    "DropOwnedStmt": ("DROP OWNED", _RIGHTS),
    "DropRoleStmt": ("DROP ROLE, USER or GROUP", _RIGHTS),
    "DropSubscriptionStmt": ("DROP SUBSCRIPTION", _REPLICATION),
    "DropTableSpaceStmt": ("DROP TABLESPACE", _SERVER),
    "DropUserMappingStmt": ("DROP USER MAPPING", _OUTSIDE),
    "DropdbStmt": ("DROP DATABASE", _SERVER),
    "ExecuteStmt": ("EXECUTE", _PREPARED),
    "ExplainStmt": ("EXPLAIN", "a run delivers no rows; ask for a dry run instead"),
    "FetchStmt": ("FETCH or MOVE", _CURSOR),
    "GrantRoleStmt": ("GRANT or REVOKE of a role", _RIGHTS),
    "GrantStmt": ("GRANT or REVOKE", _RIGHTS),
    "ImportForeignSchemaStmt": ("IMPORT FOREIGN SCHEMA", _OUTSIDE),
    "ListenStmt": ("LISTEN", _SESSION),
    "LoadStmt": ("LOAD", _SERVER),
    "NotifyStmt": ("NOTIFY", "it reaches sessions outside the run; let the application send it"),
    "PrepareStmt": ("PREPARE", _PREPARED),
    "ReassignOwnedStmt": ("REASSIGN OWNED", _RIGHTS),
    "RuleStmt": ("CREATE RULE", f"{_MEANING}, or use a trigger or a view"),
    "SecLabelStmt": ("SECURITY LABEL", _RIGHTS),
    "TransactionStmt": ("BEGIN, COMMIT, ROLLBACK or SAVEPOINT", _TRANSACTION),
    "UnlistenStmt": ("UNLISTEN", _SESSION),
    "VariableShowStmt": ("SHOW", _SESSION),
}

# By node, field and value, where a known statement has a form that is closed. Value "" is any.
_REFUSED_FORMS: dict[tuple[str, str, str], str] = {
    ("AlterTableCmd", "subtype", "AT_ChangeOwner"): "OWNER TO: what the run makes belongs to its owner role already",
    ("AlterTableCmd", "subtype", "AT_SetTableSpace"): "SET TABLESPACE: tablespaces stay with the administrators",
    ("AlterTableCmd", "subtype", "AT_SetAccessMethod"): "SET ACCESS METHOD: access methods stay with administrators",
    ("AlterTableCmd", "subtype", "AT_DisableTrigAll"): (
        "DISABLE TRIGGER ALL: turns foreign keys off too; name the trigger, or use DISABLE TRIGGER USER"
    ),
    ("AlterTableCmd", "subtype", "AT_EnableTrigAll"): "ENABLE TRIGGER ALL: name the trigger, or use USER for ALL",
    ("AlterTableCmd", "subtype", "AT_DisableRowSecurity"): (
        "DISABLE ROW LEVEL SECURITY: takes away a protection of rows; have an administrator do it"
    ),
    ("AlterTableCmd", "subtype", "AT_NoForceRowSecurity"): (
        "NO FORCE ROW LEVEL SECURITY: takes away a protection of rows; have an administrator do it"
    ),
    ("AlterTableCmd", "subtype", ""): "ALTER TABLE: this form is not open to a run; have an administrator do it",
    ("AlterTableStmt", "objtype", ""): f"ALTER FOREIGN TABLE: {_OUTSIDE}",
    ("AlterFunctionStmt", "objtype", ""): "ALTER of this kind of routine: have an administrator do it",
    ("CreateSchemaStmt", "authrole", ""): "AUTHORIZATION: the schema belongs to the run's owner role; leave it out",
    ("CreateSchemaStmt", "schemaElts", ""): "CREATE SCHEMA: expected no statements inside of it; send each by itself",
    ("DropStmt", "removeType", ""): f"DROP of this kind of object: {_MEANING}",
    ("CommentStmt", "objtype", ""): "COMMENT on this kind of object: it is not the application's to describe",
    ("RenameStmt", "renameType", ""): "ALTER … RENAME of this kind of object: have an administrator do it",
    ("AlterObjectSchemaStmt", "objectType", ""): "ALTER … SET SCHEMA of this kind of object: it stays where it is",
    ("ReindexStmt", "kind", ""): "REINDEX SYSTEM or DATABASE: takes in PostgreSQL's own tables; name a table or schema",
    ("VariableSetStmt", "kind", ""): "RESET, SET … TO DEFAULT or SET TRANSACTION: settings of the run are fixed",
    ("DefineStmt", "kind", ""): f"CREATE AGGREGATE, OPERATOR, TEXT SEARCH or base TYPE: {_MEANING}",
    ("CurrentOfExpr", "", ""): "WHERE CURRENT OF: needs a cursor; name the rows by a key",
    ("XmlExpr", "", ""): "XML functions: closed; use json or text functions",
    ("XmlSerialize", "", ""): "XML functions: closed; use json or text functions",
    ("RangeTableFunc", "", ""): "XMLTABLE: closed; use JSON_TABLE or jsonb_to_recordset",
}
_TABLESPACES = frozenset({"tablespacename", "tableSpace", "tableSpaceName", "indexspace"})


def objection_to_node(node: str, body: Node) -> Objection:
    """The refusal of a statement or another node that no shape allows."""
    offset = offset_of(body)
    if (form := _REFUSED_FORMS.get((node, "", ""))) is not None:
        return Objection("guard.kind", form, offset)
    if node in _REFUSED or node.endswith("Stmt"):
        return objection_to_statement(node, offset)
    return Objection("guard.node", f"{node}: the guard does not know this construct; avoid it", offset)


def objection_to_statement(node: str, offset: int | None = None) -> Objection:
    """The refusal of a statement by its name, known or not."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", node.removesuffix("Stmt")).upper()
    word, advice = _REFUSED.get(node, (words, "the guard does not know it; write it another way"))
    return Objection("guard.kind", f"{word}: not allowed in a run, approved or not: {advice}", offset)


def objection_to_field(node: str, field: str, value: object, body: Node) -> Objection:
    """The refusal of a part that its node's shape does not have, or of a value that the part may not have."""
    offset = offset_of(body)
    for key in ((node, field, str(value)), (node, field, "")):
        if (form := _REFUSED_FORMS.get(key)) is not None:
            return Objection("guard.kind", form, offset)
    if field in _TABLESPACES:
        return Objection("guard.kind", "TABLESPACE: tablespaces stay with the administrators; leave it out", offset)
    reason = f"{node}.{field}: the guard does not know this part of the construct; avoid it"
    return Objection("guard.node", reason, offset)
