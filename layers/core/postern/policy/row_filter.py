"""Row filters: one boolean SQL expression over a table's own columns, with `:name` for a principal's attribute.

The expression becomes part of a view that `postern_owner` owns, and its parameters become quoted literals,
so it is read twice before it is believed: as tokens of a small language (`plain_sql`) in which a colon can only
be a cast or a parameter, and as PostgreSQL's own tree, of which only listed nodes may occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from postern.masking.plain_sql import NotPlain, parse_tokens
from postern.masking.sql_trees import is_built_in, is_plain_call, kind_of, names_of, parse_expression
from postern.yaml_lines import Node

_NODES = frozenset(
    {
        "A_Const", "A_Expr", "BoolExpr", "BooleanTest", "CaseExpr", "CaseWhen", "CoalesceExpr", "ColumnRef",
        "FuncCall", "List", "NullTest", "SQLValueFunction", "String", "TypeCast", "TypeName",
        "Boolean", "Float", "Integer",
    }
)  # fmt: skip
_FUNCTIONS = frozenset(
    {
        "abs", "btrim", "char_length", "date_part", "date_trunc", "extract", "left", "length", "lower", "ltrim",
        "now", "right", "rtrim", "starts_with", "strpos", "substr", "substring", "timezone", "upper",
    }
)  # fmt: skip
_TYPES = frozenset(
    {
        "bool", "bpchar", "date", "float4", "float8", "int2", "int4", "int8", "interval", "numeric", "text",
        "timestamp", "timestamptz", "uuid", "varchar",
    }
)  # fmt: skip
_PATTERNS = frozenset({"~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"})
_COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">="}) | _PATTERNS
_BETWEEN = frozenset({"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"})  # words, not operators
# Neither the user's nor the schema's name: the view runs for a role and in a schema that the author cannot foresee.
_VALUE_FUNCTIONS = frozenset(
    {
        "SVFOP_CURRENT_DATE", "SVFOP_CURRENT_TIMESTAMP", "SVFOP_CURRENT_TIMESTAMP_N", "SVFOP_LOCALTIMESTAMP",
        "SVFOP_LOCALTIMESTAMP_N",
    }
)  # fmt: skip
_BOOLEAN = frozenset({"BoolExpr", "BooleanTest", "CaseExpr", "CoalesceExpr", "ColumnRef", "NullTest"})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "||"})
# What stands for a parameter while the tree is looked at: no constant of the small language holds a colon.
_PARAMETER = " (':') "


@dataclass(frozen=True, slots=True)
class CatalogFilter:
    """A row filter as the catalog gives it; `parameters` are the attributes it needs, sorted, without the colon."""

    expression: str
    parameters: tuple[str, ...]


def parse_row_filter(node: Node) -> CatalogFilter:
    """The filter in `node`. Raises `PolicyFileError` where it is anything but one safe boolean expression."""
    expression = node.text()
    try:
        tokens = parse_tokens(expression)
        # Not as `$n`: the parser at hand takes that in places where PostgreSQL takes no literal.
        tree = parse_expression("".join(_PARAMETER if token.kind == "parameter" else token.text for token in tokens))
    except NotPlain as error:
        raise node.wrong(str(error)) from error
    _check_tree(tree, node)
    return CatalogFilter(expression, tuple(sorted({token.text[1:] for token in tokens if token.kind == "parameter"})))


def _check_tree(tree: Any, node: Node) -> None:  # noqa: ANN401 (the parser's messages are untyped)
    import postgast  # 100 ms, needed only where a catalog filters rows

    for _, message in postgast.walk(tree):
        if (reason := _refusal(message)) is not None:
            raise node.wrong(f"{reason}; a row filter compares the table's own columns with constants and parameters")
    if not _is_boolean(tree):
        raise node.wrong("expected an expression that is true or false")


def _is_boolean(message: Any) -> bool:  # noqa: ANN401
    # What this lets through that is no boolean after all, the database refuses when the view is made.
    match kind_of(message):
        case "A_Const":
            return bool(message.HasField("boolval"))
        case "A_Expr":
            return not set(names_of(message.name)) & _ARITHMETIC
        case "FuncCall":
            return names_of(message.funcname)[-1] == "starts_with"
        case kind:
            return kind in _BOOLEAN


def _refusal(message: Any) -> str | None:  # noqa: ANN401
    """Why one node of the tree cannot be part of a filter; None where it can."""
    match kind_of(message):
        case "ColumnRef":
            names = names_of(message.fields)
            return None if len(names) == 1 and names[0] else "a column is named alone, without its table"
        case "FuncCall":
            return _function_refusal(message)
        case "TypeName":
            return _type_refusal(message)
        case "A_Expr":
            return _operator_refusal(message)
        case "SQLValueFunction":
            function = message.DESCRIPTOR.fields_by_name["op"].enum_type.values_by_number[message.op].name
            return None if function in _VALUE_FUNCTIONS else f"{function} is not allowed"
        case "SubLink":
            return "a subquery is not allowed"
        case kind:
            return None if kind in _NODES else f"{kind} is not allowed"


def _operator_refusal(message: Any) -> str | None:  # noqa: ANN401
    names = names_of(message.name)
    if set(names) & _PATTERNS and _holds_parameter(message.rexpr):
        return "a parameter cannot be a pattern, in which a `%` or a `.` would mean everything (use `starts_with`)"
    if len(names) == 1 and names[0] in _COMPARISONS | _ARITHMETIC | _BETWEEN:
        return None
    return f"the operator {'.'.join(names)} is not allowed"


def _holds_parameter(message: Any) -> bool:  # noqa: ANN401
    import postgast

    return any(kind_of(inner) == "A_Const" and inner.sval.sval == ":" for _, inner in postgast.walk(message))


def _function_refusal(message: Any) -> str | None:  # noqa: ANN401
    names = names_of(message.funcname)
    if names[-1] == "substring" and any(_holds_parameter(argument) for argument in message.args[1:]):
        return "a parameter cannot be a pattern"
    if is_plain_call(message) and is_built_in(names) and names[-1] in _FUNCTIONS:
        return None
    return f"the function {'.'.join(names)} is not allowed"


def _type_refusal(message: Any) -> str | None:  # noqa: ANN401
    names = names_of(message.names)
    if is_built_in(names) and names[-1] in _TYPES and not (message.setof or message.pct_type or message.array_bounds):
        return None
    return f"the type {'.'.join(names)} is not allowed"
