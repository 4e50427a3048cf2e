"""Every node of the grammar that a run-once statement may hold, with its fields and the values of its enums.

What the guard lets into a query, and what definitions and maintenance add. A node, a field or an enum value that
does not stand here is refused, so what a later grammar adds is closed until it is reviewed. Where tablespaces,
owners and foreign options are missing here they are left out on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.guard.nodes import SHAPES as QUERY_SHAPES
from postern.guard.nodes import Bare, one_of, shape
from postern.guard.nodes import Kind as QueryKind


@dataclass(frozen=True, slots=True)
class Dotted:
    """A name as a list of texts, and of what: `names` says which schemas may stand before it."""

    of: str


@dataclass(frozen=True, slots=True)
class Apart:
    """Nodes that the rule of the statement goes over by itself: they run later, and with parameters."""


Kind = QueryKind | Dotted | Apart
Shape = Mapping[str, Kind]

TYPE = Dotted("type")
OPERATOR = Dotted("operator")
COLLATION = Dotted("collation")
OPERATOR_CLASS = Dotted("operator class")
OBJECT = Dotted("object")

_RELATION = Bare("RangeVar")
_TARGET = Bare("Target")
_BEHAVIOR = one_of("DROP_RESTRICT DROP_CASCADE")
_ON_COMMIT = one_of("ONCOMMIT_NOOP ONCOMMIT_PRESERVE_ROWS ONCOMMIT_DELETE_ROWS ONCOMMIT_DROP")
_ORDERING = one_of("SORTBY_DEFAULT SORTBY_ASC SORTBY_DESC")
_NULLS = one_of("SORTBY_NULLS_DEFAULT SORTBY_NULLS_FIRST SORTBY_NULLS_LAST")
_OVERRIDING = one_of("OVERRIDING_NOT_SET OVERRIDING_USER_VALUE OVERRIDING_SYSTEM_VALUE")
# p(ermanent), u(nlogged), t(emporary)
_NAMED_RELATION = shape(
    plain="catalogname schemaname relname inh location", alias=Bare("Alias"), relpersistence=one_of("p u t")
)

# What may be dropped, renamed, moved to another schema and commented on. The rest is said to be refused in `kinds`.
OBJECTS = (
    "OBJECT_TABLE OBJECT_INDEX OBJECT_VIEW OBJECT_MATVIEW OBJECT_SEQUENCE OBJECT_TYPE OBJECT_DOMAIN OBJECT_SCHEMA "
    "OBJECT_FUNCTION OBJECT_PROCEDURE OBJECT_ROUTINE OBJECT_TRIGGER OBJECT_POLICY OBJECT_STATISTIC_EXT OBJECT_COLLATION"
)
# Those that stand in another object: a name of theirs ends in that object's and their own.
PARTS = "OBJECT_COLUMN OBJECT_ATTRIBUTE OBJECT_TABCONSTRAINT OBJECT_DOMCONSTRAINT"

_QUERIES: dict[str, Shape] = {
    "SelectStmt": {
        **QUERY_SHAPES["SelectStmt"],
        **shape(nodes="lockingClause", intoClause=Bare("IntoClause")),
    },
    "IntoClause": shape(plain="accessMethod skipData", nodes="colNames options", rel=_TARGET, onCommit=_ON_COMMIT),
    "LockingClause": shape(
        nodes="lockedRels",
        strength=one_of("LCS_FORKEYSHARE LCS_FORSHARE LCS_FORNOKEYUPDATE LCS_FORUPDATE"),
        waitPolicy=one_of("LockWaitBlock LockWaitSkip LockWaitError"),
    ),
    "InsertStmt": {**QUERY_SHAPES["InsertStmt"], "relation": _TARGET},
    "UpdateStmt": {**QUERY_SHAPES["UpdateStmt"], "relation": _TARGET},
    "DeleteStmt": {**QUERY_SHAPES["DeleteStmt"], "relation": _TARGET},
    "MergeStmt": shape(
        node="sourceRelation joinCondition",
        nodes="mergeWhenClauses",
        relation=_TARGET,
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
    ),
    "MergeWhenClause": shape(
        node="condition",
        nodes="targetList values",
        matchKind=one_of("MERGE_WHEN_MATCHED MERGE_WHEN_NOT_MATCHED_BY_SOURCE MERGE_WHEN_NOT_MATCHED_BY_TARGET"),
        commandType=one_of("CMD_UPDATE CMD_INSERT CMD_DELETE CMD_NOTHING"),
        override=_OVERRIDING,
    ),
    "MergeSupportFunc": shape(plain="location"),
    "OnConflictClause": shape(
        plain="location",
        node="whereClause",
        nodes="targetList",
        infer=Bare("InferClause"),
        action=one_of("ONCONFLICT_NOTHING ONCONFLICT_UPDATE"),
    ),
    "InferClause": shape(plain="conname location", node="whereClause", nodes="indexElems"),
    "RangeVar": _NAMED_RELATION,
    "Target": _NAMED_RELATION,
}

_NAMES: dict[str, Shape] = {
    "TypeName": {**shape(plain="typemod location setof pct_type", nodes="typmods arrayBounds"), "names": TYPE},
    "A_Expr": {**QUERY_SHAPES["A_Expr"], "name": OPERATOR},
    "SubLink": {**QUERY_SHAPES["SubLink"], "operName": OPERATOR},
    "SortBy": {**QUERY_SHAPES["SortBy"], "useOp": OPERATOR},
    "CollateClause": {**shape(plain="location", node="arg"), "collname": COLLATION},
    "ObjectWithArgs": {
        **shape(plain="args_unspecified", nodes="objargs objfuncargs"),
        "objname": OBJECT,
    },
    "RoleSpec": shape(
        plain="rolename location",
        roletype=one_of(
            "ROLESPEC_CSTRING ROLESPEC_CURRENT_ROLE ROLESPEC_CURRENT_USER ROLESPEC_SESSION_USER ROLESPEC_PUBLIC"
        ),
    ),
    # Every DefElem is checked by the statement that it stands in: see `options`.
    "DefElem": shape(
        plain="defnamespace defname location", node="arg", defaction=one_of("DEFELEM_UNSPEC DEFELEM_SET DEFELEM_ADD")
    ),
}

_TABLES: dict[str, Shape] = {
    "CreateStmt": shape(
        plain="if_not_exists accessMethod",
        nodes="tableElts inhRelations constraints options",
        relation=_TARGET,
        partbound=Bare("PartitionBoundSpec"),
        partspec=Bare("PartitionSpec"),
        ofTypename=Bare("TypeName"),
        oncommit=_ON_COMMIT,
    ),
    "ColumnDef": shape(
        plain="colname compression is_local is_not_null is_from_type storage_name identity generated location",
        node="raw_default",
        nodes="constraints",
        typeName=Bare("TypeName"),
        collClause=Bare("CollateClause"),
    ),
    "Constraint": shape(
        plain="conname deferrable initdeferred is_enforced skip_validation initially_valid is_no_inherit "
        "generated_when generated_kind nulls_not_distinct without_overlaps indexname access_method fk_with_period "
        "pk_with_period fk_matchtype fk_upd_action fk_del_action location",
        node="raw_expr where_clause",
        nodes="keys including exclusions options fk_attrs pk_attrs fk_del_set_cols",
        pktable=_RELATION,
        contype=one_of(
            "CONSTR_NULL CONSTR_NOTNULL CONSTR_DEFAULT CONSTR_IDENTITY CONSTR_GENERATED CONSTR_CHECK CONSTR_PRIMARY "
            "CONSTR_UNIQUE CONSTR_EXCLUSION CONSTR_FOREIGN CONSTR_ATTR_DEFERRABLE CONSTR_ATTR_NOT_DEFERRABLE "
            "CONSTR_ATTR_DEFERRED CONSTR_ATTR_IMMEDIATE CONSTR_ATTR_ENFORCED CONSTR_ATTR_NOT_ENFORCED"
        ),
    ),
    "TableLikeClause": shape(plain="options", relation=_RELATION),
    "PartitionSpec": shape(
        plain="location",
        nodes="partParams",
        strategy=one_of("PARTITION_STRATEGY_LIST PARTITION_STRATEGY_RANGE PARTITION_STRATEGY_HASH"),
    ),
    "PartitionElem": {
        **shape(plain="name location", node="expr"),
        "collation": COLLATION,
        "opclass": OPERATOR_CLASS,
    },
    "PartitionBoundSpec": shape(
        plain="strategy is_default modulus remainder location", nodes="listdatums lowerdatums upperdatums"
    ),
    "PartitionRangeDatum": shape(
        plain="location",
        node="value",
        kind=one_of("PARTITION_RANGE_DATUM_MINVALUE PARTITION_RANGE_DATUM_VALUE PARTITION_RANGE_DATUM_MAXVALUE"),
    ),
    "PartitionCmd": shape(plain="concurrent", name=_TARGET, bound=Bare("PartitionBoundSpec")),
    "AlterTableStmt": shape(
        plain="missing_ok",
        nodes="cmds",
        relation=_TARGET,
        objtype=one_of("OBJECT_TABLE OBJECT_INDEX OBJECT_VIEW OBJECT_MATVIEW OBJECT_SEQUENCE OBJECT_TYPE"),
    ),
    "AlterTableCmd": shape(
        plain="name num missing_ok recurse",
        node="def",
        behavior=_BEHAVIOR,
        subtype=one_of(
            "AT_AddColumn AT_ColumnDefault AT_DropNotNull AT_SetNotNull AT_SetExpression AT_DropExpression "
            "AT_SetStatistics AT_SetOptions AT_ResetOptions AT_SetStorage AT_SetCompression AT_DropColumn "
            "AT_AddConstraint AT_AlterConstraint AT_ValidateConstraint AT_DropConstraint AT_AlterColumnType "
            "AT_ClusterOn AT_DropCluster AT_SetLogged AT_SetUnLogged AT_SetRelOptions AT_ResetRelOptions "
            "AT_EnableTrig AT_DisableTrig AT_EnableTrigUser AT_DisableTrigUser AT_AddInherit AT_DropInherit AT_AddOf "
            "AT_DropOf AT_ReplicaIdentity AT_EnableRowSecurity AT_ForceRowSecurity AT_AttachPartition "
            "AT_DetachPartition AT_DetachPartitionFinalize AT_AddIdentity AT_SetIdentity AT_DropIdentity"
        ),
    ),
    "ATAlterConstraint": shape(
        plain="conname alterEnforceability is_enforced alterDeferrability deferrable initdeferred alterInheritability "
        "noinherit"
    ),
    "ReplicaIdentityStmt": shape(plain="identity_type name"),
    "TruncateStmt": shape(plain="restart_seqs", nodes="relations", behavior=_BEHAVIOR),
}

_OTHERS: dict[str, Shape] = {
    "IndexStmt": shape(
        plain="idxname accessMethod unique nulls_not_distinct primary isconstraint concurrent if_not_exists",
        node="whereClause",
        nodes="indexParams indexIncludingParams options",
        relation=_TARGET,
    ),
    "IndexElem": {
        **shape(plain="name", node="expr", nodes="opclassopts", ordering=_ORDERING, nulls_ordering=_NULLS),
        "collation": COLLATION,
        "opclass": OPERATOR_CLASS,
    },
    "ViewStmt": shape(
        plain="replace",
        node="query",
        nodes="aliases options",
        view=_TARGET,
        withCheckOption=one_of("NO_CHECK_OPTION LOCAL_CHECK_OPTION CASCADED_CHECK_OPTION"),
    ),
    "CreateTableAsStmt": shape(
        plain="is_select_into if_not_exists",
        node="query",
        into=Bare("IntoClause"),
        objtype=one_of("OBJECT_TABLE OBJECT_MATVIEW"),
    ),
    "RefreshMatViewStmt": shape(plain="concurrent skipData", relation=_TARGET),
    "CreateSeqStmt": shape(plain="if_not_exists", nodes="options", sequence=_TARGET),
    "AlterSeqStmt": shape(plain="missing_ok", nodes="options", sequence=_TARGET),
    "CreateEnumStmt": {**shape(nodes="vals"), "typeName": OBJECT},
    "AlterEnumStmt": {
        **shape(plain="oldVal newVal newValNeighbor newValIsAfter skipIfNewValExists"),
        "typeName": OBJECT,
    },
    "CompositeTypeStmt": shape(nodes="coldeflist", typevar=_TARGET),
    "CreateDomainStmt": {
        **shape(nodes="constraints", typeName=Bare("TypeName"), collClause=Bare("CollateClause")),
        "domainname": OBJECT,
    },
    "AlterDomainStmt": {
        **shape(plain="subtype name missing_ok", node="def", behavior=_BEHAVIOR),
        "typeName": OBJECT,
    },
    "CreateRangeStmt": {**shape(nodes="params"), "typeName": OBJECT},
    "DefineStmt": {
        **shape(plain="if_not_exists", nodes="definition", kind=one_of("OBJECT_COLLATION")),
        "defnames": OBJECT,
    },
    "CreateStatsStmt": {
        **shape(plain="if_not_exists", nodes="stat_types exprs relations"),
        "defnames": OBJECT,
    },
    "StatsElem": shape(plain="name", node="expr"),
    "AlterStatsStmt": {**shape(plain="missing_ok", node="stxstattarget"), "defnames": OBJECT},
    "CreateSchemaStmt": shape(plain="schemaname if_not_exists"),
    "CreateTrigStmt": {
        **shape(
            plain="replace isconstraint trigname row timing events deferrable initdeferred",
            node="whenClause",
            nodes="args columns transitionRels",
            relation=_TARGET,
            constrrel=_RELATION,
        ),
        "funcname": Dotted("trigger function"),
    },
    "TriggerTransition": shape(plain="name isNew isTable"),
    "CreateFunctionStmt": {
        **shape(plain="is_procedure replace", node="sql_body", nodes="parameters options", returnType=Bare("TypeName")),
        "funcname": OBJECT,
    },
    "FunctionParameter": shape(
        plain="name location",
        node="defexpr",
        argType=Bare("TypeName"),
        mode=one_of(
            "FUNC_PARAM_IN FUNC_PARAM_OUT FUNC_PARAM_INOUT FUNC_PARAM_VARIADIC FUNC_PARAM_TABLE FUNC_PARAM_DEFAULT"
        ),
    ),
    "ReturnStmt": shape(node="returnval"),
    "AlterFunctionStmt": shape(
        nodes="actions",
        func=Bare("ObjectWithArgs"),
        objtype=one_of("OBJECT_FUNCTION OBJECT_PROCEDURE OBJECT_ROUTINE"),
    ),
    "CreatePolicyStmt": shape(
        plain="policy_name cmd_name permissive", node="qual with_check", nodes="roles", table=_TARGET
    ),
    "AlterPolicyStmt": shape(plain="policy_name", node="qual with_check", nodes="roles", table=_TARGET),
}

_SEVERAL: dict[str, Shape] = {
    "DropStmt": shape(plain="missing_ok concurrent", nodes="objects", removeType=one_of(OBJECTS), behavior=_BEHAVIOR),
    "CommentStmt": shape(plain="comment", node="object", objtype=one_of(f"{OBJECTS} {PARTS}")),
    "RenameStmt": shape(
        # relationType is what the renamed column belongs to, and the enum's first value everywhere else.
        plain="relationType subname newname missing_ok",
        node="object",
        relation=_TARGET,
        renameType=one_of(f"{OBJECTS} {PARTS}"),
        behavior=_BEHAVIOR,
    ),
    "AlterObjectSchemaStmt": shape(
        plain="newschema missing_ok", node="object", relation=_TARGET, objectType=one_of(OBJECTS)
    ),
    "VacuumStmt": shape(plain="is_vacuumcmd", nodes="options rels"),
    "VacuumRelation": shape(nodes="va_cols", relation=_TARGET),
    "ReindexStmt": shape(
        plain="name",
        nodes="params",
        relation=_TARGET,
        kind=one_of("REINDEX_OBJECT_INDEX REINDEX_OBJECT_TABLE REINDEX_OBJECT_SCHEMA"),
    ),
    "ClusterStmt": shape(plain="indexname", nodes="params", relation=_TARGET),
    "LockStmt": shape(plain="mode nowait", nodes="relations"),
    "ConstraintsSetStmt": shape(plain="deferred", nodes="constraints"),
    "VariableSetStmt": shape(plain="name is_local jumble_args location", nodes="args", kind=one_of("VAR_SET_VALUE")),
}

_ELSEWHERE = {"ExplainStmt", "InsertTarget", "UpdateTarget", "DeleteTarget"}
_QUERY_NODES = {name: fields for name, fields in QUERY_SHAPES.items() if name not in _ELSEWHERE}

SHAPES: Mapping[str, Shape] = {**_QUERY_NODES, **_QUERIES, **_NAMES, **_TABLES, **_OTHERS, **_SEVERAL}

# What may stand by itself, or in a function's body. Everything else in SHAPES stands inside of these.
STATEMENTS = frozenset(name for name in SHAPES if name.endswith("Stmt")) - {"ReturnStmt", "ReplicaIdentityStmt"}
