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


def shape(*, plain: str = "", node: str = "", nodes: str = "", **others: Bare | OneOf) -> Shape:
    """The fields of one node, by what they hold; the names of those that hold the same stand in one text."""
    fields: dict[str, Kind] = dict.fromkeys(plain.split(), PLAIN)
    fields.update(dict.fromkeys(node.split(), NODE))
    fields.update(dict.fromkeys(nodes.split(), NODES))
    fields.update(others)
    return fields


def one_of(values: str) -> OneOf:
    """An enum of the values that stand in the text."""
    return OneOf(frozenset(values.split()))


_CALL_FORM = one_of("COERCE_EXPLICIT_CALL COERCE_EXPLICIT_CAST COERCE_IMPLICIT_CAST COERCE_SQL_SYNTAX")
_WRAPPER = one_of("JSW_UNSPEC JSW_NONE JSW_CONDITIONAL JSW_UNCONDITIONAL")
_QUOTES = one_of("JS_QUOTES_UNSPEC JS_QUOTES_KEEP JS_QUOTES_OMIT")

_STATEMENTS: dict[str, Shape] = {
    "SelectStmt": shape(
        plain="groupDistinct all",
        node="whereClause havingClause limitOffset limitCount",
        nodes="distinctClause targetList fromClause groupClause windowClause valuesLists sortClause",
        withClause=Bare("WithClause"),
        larg=Bare("SelectStmt"),
        rarg=Bare("SelectStmt"),
        limitOption=one_of("LIMIT_OPTION_DEFAULT LIMIT_OPTION_COUNT LIMIT_OPTION_WITH_TIES"),
        op=one_of("SETOP_NONE SETOP_UNION SETOP_INTERSECT SETOP_EXCEPT"),
    ),
    # The target is not read like a relation in FROM: a WITH query never stands for it.
    "InsertStmt": shape(
        node="selectStmt",
        nodes="cols",
        relation=Bare("InsertTarget"),
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
        onConflictClause=Bare("OnConflictClause"),
        override=one_of("OVERRIDING_NOT_SET OVERRIDING_USER_VALUE OVERRIDING_SYSTEM_VALUE"),
    ),
    "UpdateStmt": shape(
        node="whereClause",
        nodes="targetList fromClause",
        relation=Bare("UpdateTarget"),
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
    ),
    "ExplainStmt": shape(node="query", nodes="options"),
    "DefElem": shape(plain="defname location", node="arg", defaction=one_of("DEFELEM_UNSPEC")),
    "DeleteStmt": shape(
        node="whereClause",
        nodes="usingClause",
        relation=Bare("DeleteTarget"),
        returningClause=Bare("ReturningClause"),
        withClause=Bare("WithClause"),
    ),
}

_RELATION = shape(
    plain="catalogname schemaname relname inh location",
    alias=Bare("Alias"),
    relpersistence=OneOf(frozenset({"p"})),  # p(ermanent): TEMP and UNLOGGED stand only where a table is made
)
_FROM: dict[str, Shape] = {
    "RangeVar": _RELATION,
    "InsertTarget": _RELATION,
    "UpdateTarget": _RELATION,
    "DeleteTarget": _RELATION,
    "RangeSubselect": shape(plain="lateral", node="subquery", alias=Bare("Alias")),
    "RangeFunction": shape(plain="lateral ordinality is_rowsfrom", nodes="functions coldeflist", alias=Bare("Alias")),
    "RangeTableSample": shape(plain="location", node="relation repeatable", nodes="method args"),
    "JoinExpr": shape(
        plain="isNatural",
        node="larg rarg quals",
        nodes="usingClause",
        join_using_alias=Bare("Alias"),
        alias=Bare("Alias"),
        jointype=one_of("JOIN_INNER JOIN_LEFT JOIN_FULL JOIN_RIGHT"),
    ),
    "Alias": shape(plain="aliasname", nodes="colnames"),
    "ColumnDef": shape(plain="colname is_local location", typeName=Bare("TypeName"), collClause=Bare("CollateClause")),
    "WithClause": shape(plain="recursive location", nodes="ctes"),
    "CommonTableExpr": shape(
        plain="ctename location",
        node="ctequery",
        nodes="aliascolnames",
        search_clause=Bare("CTESearchClause"),
        cycle_clause=Bare("CTECycleClause"),
        ctematerialized=one_of("CTEMaterializeDefault CTEMaterializeAlways CTEMaterializeNever"),
    ),
    "CTESearchClause": shape(plain="search_breadth_first search_seq_column location", nodes="search_col_list"),
    "CTECycleClause": shape(
        plain="cycle_mark_column cycle_path_column location",
        node="cycle_mark_value cycle_mark_default",
        nodes="cycle_col_list",
    ),
}

_CLAUSES: dict[str, Shape] = {
    "ResTarget": shape(plain="name location", node="val", nodes="indirection"),
    "SortBy": shape(
        plain="location",
        node="node",
        nodes="useOp",
        sortby_dir=one_of("SORTBY_DEFAULT SORTBY_ASC SORTBY_DESC SORTBY_USING"),
        sortby_nulls=one_of("SORTBY_NULLS_DEFAULT SORTBY_NULLS_FIRST SORTBY_NULLS_LAST"),
    ),
    "GroupingSet": shape(
        plain="location",
        nodes="content",
        kind=one_of("GROUPING_SET_EMPTY GROUPING_SET_SIMPLE GROUPING_SET_ROLLUP GROUPING_SET_CUBE GROUPING_SET_SETS"),
    ),
    "WindowDef": shape(
        plain="name refname frameOptions location", node="startOffset endOffset", nodes="partitionClause orderClause"
    ),
    "OnConflictClause": shape(plain="location", infer=Bare("InferClause"), action=one_of("ONCONFLICT_NOTHING")),
    "InferClause": shape(plain="location", node="whereClause", nodes="indexElems"),
    "IndexElem": shape(plain="name", ordering=one_of("SORTBY_DEFAULT"), nulls_ordering=one_of("SORTBY_NULLS_DEFAULT")),
    "ReturningClause": shape(nodes="options exprs"),
    "ReturningOption": shape(plain="value location", option=one_of("RETURNING_OPTION_OLD RETURNING_OPTION_NEW")),
    "MultiAssignRef": shape(plain="colno ncolumns", node="source"),
    "SetToDefault": shape(plain="location"),
}

_EXPRESSIONS: dict[str, Shape] = {
    "A_Expr": shape(
        plain="rexpr_list_start rexpr_list_end location",
        node="lexpr rexpr",
        nodes="name",
        kind=one_of(
            "AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_NULLIF AEXPR_IN AEXPR_LIKE "
            "AEXPR_ILIKE AEXPR_SIMILAR AEXPR_BETWEEN AEXPR_NOT_BETWEEN AEXPR_BETWEEN_SYM AEXPR_NOT_BETWEEN_SYM"
        ),
    ),
    "BoolExpr": shape(plain="location", nodes="args", boolop=one_of("AND_EXPR OR_EXPR NOT_EXPR")),
    "NullTest": shape(plain="location", node="arg", nulltesttype=one_of("IS_NULL IS_NOT_NULL")),
    "BooleanTest": shape(
        plain="location",
        node="arg",
        booltesttype=one_of("IS_TRUE IS_NOT_TRUE IS_FALSE IS_NOT_FALSE IS_UNKNOWN IS_NOT_UNKNOWN"),
    ),
    "SubLink": shape(
        plain="location",
        node="testexpr subselect",
        nodes="operName",
        subLinkType=one_of("EXISTS_SUBLINK ALL_SUBLINK ANY_SUBLINK EXPR_SUBLINK ARRAY_SUBLINK"),
    ),
    "FuncCall": shape(
        plain="agg_within_group agg_star agg_distinct func_variadic location",
        node="agg_filter",
        nodes="funcname args agg_order",
        over=Bare("WindowDef"),
        funcformat=_CALL_FORM,
    ),
    "NamedArgExpr": shape(plain="name argnumber location", node="arg"),
    "GroupingFunc": shape(plain="location", nodes="args"),
    "CaseExpr": shape(plain="location", node="arg defresult", nodes="args"),
    "CaseWhen": shape(plain="location", node="expr result"),
    "CoalesceExpr": shape(plain="location", nodes="args"),
    "MinMaxExpr": shape(plain="location", nodes="args", op=one_of("IS_GREATEST IS_LEAST")),
    "SQLValueFunction": shape(
        plain="typmod location",
        op=one_of(
            "SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP "
            "SVFOP_CURRENT_TIMESTAMP_N SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N "
            "SVFOP_CURRENT_ROLE SVFOP_CURRENT_USER SVFOP_USER SVFOP_SESSION_USER SVFOP_CURRENT_CATALOG "
            "SVFOP_CURRENT_SCHEMA"
        ),
    ),
    "TypeCast": shape(plain="location", node="arg", typeName=Bare("TypeName")),
    "TypeName": shape(plain="typemod location", nodes="names typmods arrayBounds"),
    "CollateClause": shape(plain="location", node="arg", nodes="collname"),
    "A_ArrayExpr": shape(plain="list_start list_end location", nodes="elements"),
    "RowExpr": shape(plain="location", nodes="args", row_format=_CALL_FORM),
    "A_Indirection": shape(node="arg", nodes="indirection"),
    "A_Indices": shape(plain="is_slice", node="lidx uidx"),
    "ColumnRef": shape(plain="location", nodes="fields"),
    "ParamRef": shape(plain="number location"),
    "A_Const": shape(
        plain="isnull location",
        ival=Bare("Integer"),
        fval=Bare("Float"),
        boolval=Bare("Boolean"),
        sval=Bare("String"),
        bsval=Bare("BitString"),
    ),
    "Integer": shape(plain="ival"),
    "Float": shape(plain="fval"),
    "Boolean": shape(plain="boolval"),
    "String": shape(plain="sval"),
    "BitString": shape(plain="bsval"),
    "A_Star": shape(),
    "List": shape(nodes="items"),
}

_JSON: dict[str, Shape] = {
    "JsonFormat": shape(
        plain="location",
        format_type=one_of("JS_FORMAT_DEFAULT JS_FORMAT_JSON JS_FORMAT_JSONB"),
        encoding=one_of("JS_ENC_DEFAULT JS_ENC_UTF8 JS_ENC_UTF16 JS_ENC_UTF32"),
    ),
    "JsonReturning": shape(plain="typmod", format=Bare("JsonFormat")),
    "JsonOutput": shape(typeName=Bare("TypeName"), returning=Bare("JsonReturning")),
    "JsonValueExpr": shape(node="raw_expr", format=Bare("JsonFormat")),
    "JsonKeyValue": shape(node="key", value=Bare("JsonValueExpr")),
    "JsonArgument": shape(plain="name", val=Bare("JsonValueExpr")),
    "JsonBehavior": shape(
        plain="location",
        node="expr",
        btype=one_of(
            "JSON_BEHAVIOR_NULL JSON_BEHAVIOR_ERROR JSON_BEHAVIOR_EMPTY JSON_BEHAVIOR_TRUE JSON_BEHAVIOR_FALSE "
            "JSON_BEHAVIOR_UNKNOWN JSON_BEHAVIOR_EMPTY_ARRAY JSON_BEHAVIOR_EMPTY_OBJECT JSON_BEHAVIOR_DEFAULT"
        ),
    ),
    "JsonFuncExpr": shape(
        plain="column_name location",
        node="pathspec",
        nodes="passing",
        context_item=Bare("JsonValueExpr"),
        output=Bare("JsonOutput"),
        on_empty=Bare("JsonBehavior"),
        on_error=Bare("JsonBehavior"),
        op=one_of("JSON_EXISTS_OP JSON_QUERY_OP JSON_VALUE_OP"),
        wrapper=_WRAPPER,
        quotes=_QUOTES,
    ),
    "JsonTable": shape(
        plain="lateral location",
        nodes="passing columns",
        context_item=Bare("JsonValueExpr"),
        pathspec=Bare("JsonTablePathSpec"),
        on_error=Bare("JsonBehavior"),
        alias=Bare("Alias"),
    ),
    "JsonTablePathSpec": shape(plain="name name_location location", node="string"),
    "JsonTableColumn": shape(
        plain="name location",
        nodes="columns",
        typeName=Bare("TypeName"),
        pathspec=Bare("JsonTablePathSpec"),
        format=Bare("JsonFormat"),
        on_empty=Bare("JsonBehavior"),
        on_error=Bare("JsonBehavior"),
        coltype=one_of("JTC_FOR_ORDINALITY JTC_REGULAR JTC_EXISTS JTC_FORMATTED JTC_NESTED"),
        wrapper=_WRAPPER,
        quotes=_QUOTES,
    ),
    "JsonObjectConstructor": shape(plain="absent_on_null unique location", nodes="exprs", output=Bare("JsonOutput")),
    "JsonArrayConstructor": shape(plain="absent_on_null location", nodes="exprs", output=Bare("JsonOutput")),
    "JsonArrayQueryConstructor": shape(
        plain="absent_on_null location", node="query", output=Bare("JsonOutput"), format=Bare("JsonFormat")
    ),
    "JsonAggConstructor": shape(
        plain="location", node="agg_filter", nodes="agg_order", output=Bare("JsonOutput"), over=Bare("WindowDef")
    ),
    "JsonObjectAgg": shape(
        plain="absent_on_null unique", constructor=Bare("JsonAggConstructor"), arg=Bare("JsonKeyValue")
    ),
    "JsonArrayAgg": shape(plain="absent_on_null", constructor=Bare("JsonAggConstructor"), arg=Bare("JsonValueExpr")),
    "JsonIsPredicate": shape(
        plain="unique_keys location",
        node="expr",
        format=Bare("JsonFormat"),
        item_type=one_of("JS_TYPE_ANY JS_TYPE_OBJECT JS_TYPE_ARRAY JS_TYPE_SCALAR"),
    ),
    "JsonParseExpr": shape(plain="unique_keys location", expr=Bare("JsonValueExpr"), output=Bare("JsonOutput")),
    "JsonScalarExpr": shape(plain="location", node="expr", output=Bare("JsonOutput")),
    "JsonSerializeExpr": shape(plain="location", expr=Bare("JsonValueExpr"), output=Bare("JsonOutput")),
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
