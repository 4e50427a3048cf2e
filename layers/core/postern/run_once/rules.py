"""Which rule goes with which node."""

from __future__ import annotations

from collections.abc import Mapping

from postern.run_once import expressions, functions, objects, routines, settings, statements
from postern.run_once.findings import Rule

RULES: Mapping[str, Rule] = {
    "RangeVar": expressions.check_read,
    "Target": expressions.check_target,
    "FuncCall": functions.check_call,
    "ColumnRef": expressions.check_column,
    "TypeCast": expressions.check_cast,
    "RangeTableSample": expressions.check_sample,
    "ParamRef": expressions.check_parameter,
    "DefElem": expressions.check_option,
    "IndexElem": expressions.check_index_column,
    "RoleSpec": expressions.check_role,
    "ObjectWithArgs": objects.check_function_name,
    "DropStmt": objects.check_drop,
    "CommentStmt": objects.check_comment,
    "RenameStmt": objects.check_rename,
    "AlterObjectSchemaStmt": objects.check_move,
    "InsertStmt": statements.check_insert,
    "MergeStmt": statements.check_insert,
    "UpdateStmt": statements.check_update,
    "DeleteStmt": statements.check_delete,
    "CreateStmt": statements.check_table,
    "IntoClause": statements.check_query_table,
    "ViewStmt": statements.check_view,
    "IndexStmt": statements.check_index,
    "Constraint": statements.check_constraint,
    "CreateSeqStmt": statements.check_sequence,
    "AlterSeqStmt": statements.check_sequence,
    "DefineStmt": statements.check_collation,
    "CreateRangeStmt": statements.check_range,
    "AlterTableCmd": statements.check_alteration,
    "AlterEnumStmt": statements.check_enum,
    "CreateTrigStmt": statements.check_trigger,
    "CreatePolicyStmt": statements.check_policy,
    "AlterPolicyStmt": statements.check_policy,
    "CreateSchemaStmt": statements.check_schema,
    "TruncateStmt": statements.check_truncate,
    "VacuumStmt": statements.check_vacuum,
    "ReindexStmt": statements.check_reindex,
    "ClusterStmt": statements.check_cluster,
    "CreateFunctionStmt": routines.check_create,
    "AlterFunctionStmt": routines.check_alter,
    "VariableSetStmt": settings.check_set,
}
