"""Every node of the grammar that a statement may hold, with every field and enum value it may have.

The walk goes over all fields of all nodes. A node, a field or an enum value that does not stand here is
refused, so what a later grammar adds is closed until it is reviewed. Fields are named as libpg_query's
JSON names them; a field with its type's zero value is absent there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PLAIN = "plain"  # a number, a text or a flag
NODE = "node"  # one node, under its name
NODES = "nodes"  # a list of nodes, each under its name


@dataclass(frozen=True, slots=True)
class Bare:
    """One message of a fixed type, not under its name."""

    type: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """An enum, with the values that are known."""

    values: frozenset[str]


Kind = str | Bare | OneOf
Shape = Mapping[str, Kind]


def _shape(*, plain: str = "", node: str = "", nodes: str = "", **others: Bare | OneOf) -> Shape:
    fields: dict[str, Kind] = dict.fromkeys(plain.split(), PLAIN)
    fields.update(dict.fromkeys(node.split(), NODE))
    fields.update(dict.fromkeys(nodes.split(), NODES))
    fields.update(others)
    return fields


def _one_of(values: str) -> OneOf:
    return OneOf(frozenset(values.split()))


_CALL_FORM = _one_of("COERCE_EXPLICIT_CALL COERCE_EXPLICIT_CAST COERCE_IMPLICIT_CAST COERCE_SQL_SYNTAX")
_WRAPPER = _one_of("JSW_UNSPEC JSW_NONE JSW_CONDITIONAL JSW_UNCONDITIONAL")
_QUOTES = _one_of("JS_QUOTES_UNSPEC JS_QUOTES_KEEP JS_QUOTES_OMIT")

_STATEMENTS: dict[str, Shape] = {
    "SelectStmt": _shape(
        plain="groupDistinct all",
        node="whereClause havingClause limitOffset limitCount",
        nodes="distinctClause targetList fromClause groupClause windowClause valuesLists sortClause",
        withClause=Bare("WithClause"),
        larg=Bare("SelectStmt"),
        rarg=Bare("SelectStmt"),
        limitOption=_one_of("LIMIT_OPTION_DEFAULT LIMIT_OPTION_COUNT LIMIT_OPTION_WITH_TIES"),
        op=_one_of("SETOP_NONE SETOP_UNION SETOP_INTERSECT SETOP_EXCEPT"),
    ),
    # The target is not read like a relation in FROM: a WITH query never stands for it.
    "InsertStmt": _shape(
        node="selectStmt",
        nodes="cols",
        relation=Bare("InsertTarget"),
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
        onConflictClause=Bare("OnConflictClause"),
        override=_one_of("OVERRIDING_NOT_SET OVERRIDING_USER_VALUE OVERRIDING_SYSTEM_VALUE"),
    ),
    "UpdateStmt": _shape(
        node="whereClause",
        nodes="targetList fromClause",
        relation=Bare("UpdateTarget"),
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
    ),
    "ExplainStmt": _shape(node="query", nodes="options"),
    "DefElem": _shape(plain="defname location", node="arg", defaction=_one_of("DEFELEM_UNSPEC")),
    "DeleteStmt": _shape(
        node="whereClause",
        nodes="usingClause",
        relation=Bare("DeleteTarget"),
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
    ),
}

_RELATION = _shape(
    plain="catalogname schemaname relname inh location",
    alias=Bare("Alias"),
    relpersistence=OneOf(frozenset({"p"})),  # p(ermanent): TEMP and UNLOGGED stand only where a table is made
)
_FROM: dict[str, Shape] = {
    "RangeVar": _RELATION,
    "InsertTarget": _RELATION,
    "UpdateTarget": _RELATION,
    "DeleteTarget": _RELATION,
    "RangeSubselect": _shape(plain="lateral", node="subquery", alias=Bare("Alias")),
    "RangeFunction": _shape(plain="lateral ordinality is_rowsfrom", nodes="functions coldeflist", alias=Bare("Alias")),
    "RangeTableSample": _shape(plain="location", node="relation repeatable", nodes="method args"),
    "JoinExpr": _shape(
        plain="isNatural",
        node="larg rarg quals",
        nodes="usingClause",
        join_using_alias=Bare("Alias"),
        alias=Bare("Alias"),
        jointype=_one_of("JOIN_INNER JOIN_LEFT JOIN_FULL JOIN_RIGHT"),
    ),
    "Alias": _shape(plain="aliasname", nodes="colnames"),
    "ColumnDef": _shape(plain="colname is_local location", typeName=Bare("TypeName"), collClause=Bare("CollateClause")),
    "WithClause": _shape(plain="recursive location", nodes="ctes"),
    "CommonTableExpr": _shape(
        plain="ctename location",
        node="ctequery",
        nodes="aliascolnames",
        search_clause=Bare("CTESearchClause"),
        cycle_clause=Bare("CTECycleClause"),
        ctematerialized=_one_of("CTEMaterializeDefault CTEMaterializeAlways CTEMaterializeNever"),
    ),
    "CTESearchClause": _shape(plain="search_breadth_first search_seq_column location", nodes="search_col_list"),
    "CTECycleClause": _shape(
        plain="cycle_mark_column cycle_path_column location",
        node="cycle_mark_value cycle_mark_default",
        nodes="cycle_col_list",
    ),
}

_CLAUSES: dict[str, Shape] = {
    "ResTarget": _shape(plain="name location", node="val", nodes="indirection"),
    "SortBy": _shape(
        plain="location",
        node="node",
        nodes="useOp",
        sortby_dir=_one_of("SORTBY_DEFAULT SORTBY_ASC SORTBY_DESC SORTBY_USING"),
        sortby_nulls=_one_of("SORTBY_NULLS_DEFAULT SORTBY_NULLS_FIRST SORTBY_NULLS_LAST"),
    ),
    "GroupingSet": _shape(
        plain="location",
        nodes="content",
        kind=_one_of("GROUPING_SET_EMPTY GROUPING_SET_SIMPLE GROUPING_SET_ROLLUP GROUPING_SET_CUBE GROUPING_SET_SETS"),
    ),
    "WindowDef": _shape(
        plain="name refname frameOptions location", node="startOffset endOffset", nodes="partitionClause orderClause"
    ),
    "OnConflictClause": _shape(plain="location", infer=Bare("InferClause"), action=_one_of("ONCONFLICT_NOTHING")),
    "InferClause": _shape(plain="location", node="whereClause", nodes="indexElems"),
    "IndexElem": _shape(
        plain="name", ordering=_one_of("SORTBY_DEFAULT"), nulls_ordering=_one_of("SORTBY_NULLS_DEFAULT")
    ),
    "ReturningClause": _shape(nodes="options exprs"),
    "ReturningOption": _shape(plain="value location", option=_one_of("RETURNING_OPTION_OLD RETURNING_OPTION_NEW")),
    "MultiAssignRef": _shape(plain="colno ncolumns", node="source"),
    "SetToDefault": _shape(plain="location"),
}

_EXPRESSIONS: dict[str, Shape] = {
    "A_Expr": _shape(
        plain="rexpr_list_start rexpr_list_end location",
        node="lexpr rexpr",
        nodes="name",
        kind=_one_of(
            "AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_NULLIF AEXPR_IN AEXPR_LIKE "
            "AEXPR_ILIKE AEXPR_SIMILAR AEXPR_BETWEEN AEXPR_NOT_BETWEEN AEXPR_BETWEEN_SYM AEXPR_NOT_BETWEEN_SYM"
        ),
    ),
    "BoolExpr": _shape(plain="location", nodes="args", boolop=_one_of("AND_EXPR OR_EXPR NOT_EXPR")),
    "NullTest": _shape(plain="location", node="arg", nulltesttype=_one_of("IS_NULL IS_NOT_NULL")),
    "BooleanTest": _shape(
        plain="location",
        node="arg",
        booltesttype=_one_of("IS_TRUE IS_NOT_TRUE IS_FALSE IS_NOT_FALSE IS_UNKNOWN IS_NOT_UNKNOWN"),
    ),
    "SubLink": _shape(
        plain="location",
        node="testexpr subselect",
        nodes="operName",
        subLinkType=_one_of("EXISTS_SUBLINK ALL_SUBLINK ANY_SUBLINK EXPR_SUBLINK ARRAY_SUBLINK"),
    ),
    "FuncCall": _shape(
        plain="agg_within_group agg_star agg_distinct func_variadic location",
        node="agg_filter",
        nodes="funcname args agg_order",
        over=Bare("WindowDef"),
        funcformat=_CALL_FORM,
    ),
    "NamedArgExpr": _shape(plain="name argnumber location", node="arg"),
    "GroupingFunc": _shape(plain="location", nodes="args"),
    "CaseExpr": _shape(plain="location", node="arg defresult", nodes="args"),
    "CaseWhen": _shape(plain="location", node="expr result"),
    "CoalesceExpr": _shape(plain="location", nodes="args"),
    "MinMaxExpr": _shape(plain="location", nodes="args", op=_one_of("IS_GREATEST IS_LEAST")),
    "SQLValueFunction": _shape(
        plain="typmod location",
        op=_one_of(
            "SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP "
            "SVFOP_CURRENT_TIMESTAMP_N SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N "
            "SVFOP_CURRENT_ROLE SVFOP_CURRENT_USER SVFOP_USER SVFOP_SESSION_USER SVFOP_CURRENT_CATALOG "
            "SVFOP_CURRENT_SCHEMA"
        ),
    ),
    "TypeCast": _shape(plain="location", node="arg", typeName=Bare("TypeName")),
    "TypeName": _shape(plain="typemod location", nodes="names typmods arrayBounds"),
    "CollateClause": _shape(plain="location", node="arg", nodes="collname"),
    "A_ArrayExpr": _shape(plain="list_start list_end location", nodes="elements"),
    "RowExpr": _shape(plain="location", nodes="args", row_format=_CALL_FORM),
    "A_Indirection": _shape(node="arg", nodes="indirection"),
    "A_Indices": _shape(plain="is_slice", node="lidx uidx"),
    "ColumnRef": _shape(plain="location", nodes="fields"),
    "ParamRef": _shape(plain="number location"),
    "A_Const": _shape(
        plain="isnull location",
        ival=Bare("Integer"),
        fval=Bare("Float"),
        boolval=Bare("Boolean"),
        sval=Bare("String"),
        bsval=Bare("BitString"),
    ),
    "Integer": _shape(plain="ival"),
    "Float": _shape(plain="fval"),
    "Boolean": _shape(plain="boolval"),
    "String": _shape(plain="sval"),
    "BitString": _shape(plain="bsval"),
    "A_Star": _shape(),
    "List": _shape(nodes="items"),
}

_JSON: dict[str, Shape] = {
    "JsonFormat": _shape(
        plain="location",
        format_type=_one_of("JS_FORMAT_DEFAULT JS_FORMAT_JSON JS_FORMAT_JSONB"),
        encoding=_one_of("JS_ENC_DEFAULT JS_ENC_UTF8 JS_ENC_UTF16 JS_ENC_UTF32"),
    ),
    "JsonReturning": _shape(plain="typmod", format=Bare("JsonFormat")),
    "JsonOutput": _shape(typeName=Bare("TypeName"), returning=Bare("JsonReturning")),
    "JsonValueExpr": _shape(node="raw_expr", format=Bare("JsonFormat")),
    "JsonKeyValue": _shape(node="key", value=Bare("JsonValueExpr")),
    "JsonArgument": _shape(plain="name", val=Bare("JsonValueExpr")),
    "JsonBehavior": _shape(
        plain="location",
        node="expr",
        btype=_one_of(
            "JSON_BEHAVIOR_NULL JSON_BEHAVIOR_ERROR JSON_BEHAVIOR_EMPTY JSON_BEHAVIOR_TRUE JSON_BEHAVIOR_FALSE "
            "JSON_BEHAVIOR_UNKNOWN JSON_BEHAVIOR_EMPTY_ARRAY JSON_BEHAVIOR_EMPTY_OBJECT JSON_BEHAVIOR_DEFAULT"
        ),
    ),
    "JsonFuncExpr": _shape(
        plain="column_name location",
        node="pathspec",
        nodes="passing",
        context_item=Bare("JsonValueExpr"),
        output=Bare("JsonOutput"),
        on_empty=Bare("JsonBehavior"),
        on_error=Bare("JsonBehavior"),
        op=_one_of("JSON_EXISTS_OP JSON_QUERY_OP JSON_VALUE_OP"),
        wrapper=_WRAPPER,
        quotes=_QUOTES,
    ),
    "JsonTable": _shape(
        plain="lateral location",
        nodes="passing columns",
        context_item=Bare("JsonValueExpr"),
        pathspec=Bare("JsonTablePathSpec"),
        on_error=Bare("JsonBehavior"),
        alias=Bare("Alias"),
    ),
    "JsonTablePathSpec": _shape(plain="name name_location location", node="string"),
    "JsonTableColumn": _shape(
        plain="name location",
        nodes="columns",
        typeName=Bare("TypeName"),
        pathspec=Bare("JsonTablePathSpec"),
        format=Bare("JsonFormat"),
        on_empty=Bare("JsonBehavior"),
        on_error=Bare("JsonBehavior"),
        coltype=_one_of("JTC_FOR_ORDINALITY JTC_REGULAR JTC_EXISTS JTC_FORMATTED JTC_NESTED"),
        wrapper=_WRAPPER,
        quotes=_QUOTES,
    ),
    "JsonObjectConstructor": _shape(plain="absent_on_null unique location", nodes="exprs", output=Bare("JsonOutput")),
    "JsonArrayConstructor": _shape(plain="absent_on_null location", nodes="exprs", output=Bare("JsonOutput")),
    "JsonArrayQueryConstructor": _shape(
        plain="absent_on_null location", node="query", output=Bare("JsonOutput"), format=Bare("JsonFormat")
    ),
    "JsonAggConstructor": _shape(
        plain="location", node="agg_filter", nodes="agg_order", output=Bare("JsonOutput"), over=Bare("WindowDef")
    ),
    "JsonObjectAgg": _shape(
        plain="absent_on_null unique", constructor=Bare("JsonAggConstructor"), arg=Bare("JsonKeyValue")
    ),
    "JsonArrayAgg": _shape(plain="absent_on_null", constructor=Bare("JsonAggConstructor"), arg=Bare("JsonValueExpr")),
    "JsonIsPredicate": _shape(
        plain="unique_keys location",
        node="expr",
        format=Bare("JsonFormat"),
        item_type=_one_of("JS_TYPE_ANY JS_TYPE_OBJECT JS_TYPE_ARRAY JS_TYPE_SCALAR"),
    ),
    "JsonParseExpr": _shape(plain="unique_keys location", expr=Bare("JsonValueExpr"), output=Bare("JsonOutput")),
    "JsonScalarExpr": _shape(plain="location", node="expr", output=Bare("JsonOutput")),
    "JsonSerializeExpr": _shape(plain="location", expr=Bare("JsonValueExpr"), output=Bare("JsonOutput")),
}

SHAPES: Mapping[str, Shape] = {**_STATEMENTS, **_FROM, **_CLAUSES, **_EXPRESSIONS, **_JSON}


def children_of(name: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What a known node holds, in order: the field, and each node in it with its name. Empty ones are left out."""
    shape = SHAPES[name]
    for field, value in body.items():
        kind = shape.get(field)
        if kind is NODE:
            yield from ((field, child, inner) for child, inner in value.items())
        elif kind is NODES:
            yield from ((field, child, inner) for wrapped in value for child, inner in wrapped.items())
        elif isinstance(kind, Bare):
            yield field, kind.type, value
