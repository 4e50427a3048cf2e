"""Row filters: one boolean SQL expression over a table's own columns, with `:name` for a principal's attribute.

The expression becomes part of a view that `postern_owner` owns, and its parameters become quoted literals,
so it is read twice before it is believed: as tokens of a small language in which a colon can only be a
cast or a parameter, and as PostgreSQL's own tree, of which only listed nodes may occur. The small
language has no comments, no dollar quotes, no prefixed strings, no brackets and no colon inside quotes:
whoever replaces `:name` by a literal, by whatever means, replaces the same places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from postern.yaml_lines import Node

_TOKEN = re.compile(
    r"""
      (?P<string>'(?:[^':\\\x00]|'')*')
    | (?P<quoted>"[^":\\\x00]+")
    | (?P<cast>::)
    | (?P<parameter>:[a-z][a-z0-9_]*(?![\w$'"]|:(?!:)))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9]+(?:\.[0-9]+)?)
    | (?P<space>[ \t\r\n]+)
    | (?P<sign><=|>=|<>|!=|!?~~?\*?|\|\||[-+*/%=<>(),.])
    """,
    re.VERBOSE,
)
# A literal right after one of these starts a token of its own; after a letter it could become `E'…'` or `U&'…'`.
_BEFORE_PARAMETER = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", "(", ","})

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
_COMPARISONS = frozenset({"=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"})
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
_SELECT_FIELDS = frozenset({"from_clause", "where_clause", "limit_option", "op"})


@dataclass(frozen=True, slots=True)
class CatalogFilter:
    """A row filter as the catalog gives it; `parameters` are the attributes it needs, sorted, without the colon."""

    expression: str
    parameters: tuple[str, ...]


def parse_row_filter(node: Node) -> CatalogFilter:
    """The filter in `node`. Raises `PolicyFileError` where it is anything but one safe boolean expression."""
    expression = node.text()
    tokens = _tokens(expression, node)
    parameters = tuple(sorted({text[1:] for kind, text in tokens if kind == "parameter"}))
    # Not as `$n`: the parser at hand takes that in places where PostgreSQL takes no literal.
    _check_tree("".join(" ('') " if kind == "parameter" else text for kind, text in tokens), node)
    return CatalogFilter(expression, parameters)


def _tokens(expression: str, node: Node) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None or match.lastgroup is None:
            raise node.wrong(_unexpected(expression[place:]))
        tokens.append((match.lastgroup, match.group()))
        _check_neighbours(tokens, node)
        place = match.end()
    return tokens


def _unexpected(rest: str) -> str:
    if rest.startswith(":"):
        return (
            f"`:` must be a cast (`::type`) or begin a parameter (`:name`, lower-case letters, digits and `_`), "
            f"got {rest[:20]!r}"
        )
    if rest[0] in "'\"":
        return f"quotes must be closed, without colon or backslash inside; a parameter needs none, got {rest[:20]!r}"
    return f"expected a plain SQL expression, got {rest[:20]!r}"


def _check_neighbours(tokens: list[tuple[str, str]], node: Node) -> None:
    kind, text = tokens[-1]
    before_kind, before = tokens[-2] if len(tokens) > 1 else ("space", "")
    if kind == "string" and before_kind in {"word", "number", "quoted"}:
        raise node.wrong(f"strings must be plain `'…'` without a prefix, got {before + text[:10]!r}")
    if kind == "parameter" and before_kind != "space" and before not in _BEFORE_PARAMETER:
        raise node.wrong(f"a parameter must stand after a space, a comparison, `(` or `,`, got {before + text!r}")
    if before + text in {"--", "/*"}:
        raise node.wrong("comments are not allowed in a row filter")


def _check_tree(sql: str, node: Node) -> None:
    import postgast  # 100 ms, needed only where a catalog filters rows

    where = _where(sql, node)
    for _, message in postgast.walk(where):
        if (reason := _refusal(message)) is not None:
            raise node.wrong(f"{reason}; a row filter compares the table's own columns with constants and parameters")
    if not _is_boolean(where):
        raise node.wrong("expected an expression that is true or false")


def _is_boolean(message: Any) -> bool:  # noqa: ANN401 (the parser's messages are untyped)
    # What this lets through that is no boolean after all, the database refuses when the view is made.
    match _kind(message):
        case "A_Const":
            return bool(message.HasField("boolval"))
        case "A_Expr":
            return not set(_names(message.name)) & _ARITHMETIC
        case "FuncCall":
            return _names(message.funcname)[-1] == "starts_with"
        case kind:
            return kind in _BOOLEAN


def _where(sql: str, node: Node) -> Any:  # noqa: ANN401
    import postgast
    from google.protobuf.message import DecodeError

    try:
        # With parentheses `a; b` and `a ORDER BY b` do not parse; without them `a) OR (b` does not.
        postgast.parse(f"SELECT FROM t WHERE ({sql})")
        statement = postgast.parse(f"SELECT FROM t WHERE {sql}").stmts[0].stmt.select_stmt
    except postgast.PgQueryError as error:
        raise node.wrong(f"expected one SQL expression, got: {error}") from error
    except DecodeError as error:
        raise node.wrong("expected a simple expression, got one that nests too deeply") from error
    if extra := {field.name for field, _ in statement.ListFields()} - _SELECT_FIELDS:
        raise node.wrong(f"expected one SQL expression and nothing after it, got {', '.join(sorted(extra))}")
    return getattr(statement.where_clause, statement.where_clause.WhichOneof("node"))


def _kind(message: Any) -> str:  # noqa: ANN401
    return str(message.DESCRIPTOR.name)


def _refusal(message: Any) -> str | None:  # noqa: ANN401
    """Why one node of the tree cannot be part of a filter; None where it can."""
    match _kind(message):
        case "ColumnRef":
            names = _names(message.fields)
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
    names = _names(message.name)
    if len(names) == 1 and names[0] in _COMPARISONS | _ARITHMETIC | _BETWEEN:
        return None
    return f"the operator {'.'.join(names)} is not allowed"


def _function_refusal(message: Any) -> str | None:  # noqa: ANN401
    names = _names(message.funcname)
    plain = not (
        message.agg_order
        or message.agg_star
        or message.agg_distinct
        or message.agg_within_group
        or message.func_variadic
        or message.HasField("agg_filter")
        or message.HasField("over")
    )
    built_in = len(names) == 1 or (len(names) == 2 and names[0] == "pg_catalog")
    if plain and built_in and names[-1] in _FUNCTIONS:
        return None
    return f"the function {'.'.join(names)} is not allowed"


def _type_refusal(message: Any) -> str | None:  # noqa: ANN401
    names = _names(message.names)
    built_in = len(names) == 1 or (len(names) == 2 and names[0] == "pg_catalog")
    if built_in and names[-1] in _TYPES and not (message.setof or message.pct_type or message.array_bounds):
        return None
    return f"the type {'.'.join(names)} is not allowed"


def _names(nodes: Any) -> list[str]:  # noqa: ANN401
    """The parts of a name; a part that is no name, as the star in `t.*`, is empty."""
    return [item.string.sval if item.WhichOneof("node") == "string" else "" for item in nodes]
