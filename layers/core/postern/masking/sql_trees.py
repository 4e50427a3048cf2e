"""One SQL expression as PostgreSQL's own tree, and what its nodes are called."""

from __future__ import annotations

from typing import Any

from postern.masking.plain_sql import NotPlain

_SELECT_FIELDS = frozenset({"from_clause", "where_clause", "limit_option", "op"})


def parse_expression(sql: str) -> Any:  # noqa: ANN401 (the parser's messages are untyped)
    """The tree of exactly one expression. Raises `NotPlain` where the text is more, or less, or nests too deeply."""
    import postgast  # 100 ms, needed only where a catalog holds SQL
    from google.protobuf.message import DecodeError

    try:
        # With parentheses `a; b` and `a ORDER BY b` do not parse; without them `a) OR (b` does not.
        postgast.parse(f"SELECT FROM t WHERE ({sql})")
        statement = postgast.parse(f"SELECT FROM t WHERE {sql}").stmts[0].stmt.select_stmt
    except postgast.PgQueryError as error:
        raise NotPlain(f"expected one SQL expression, got: {error}") from error
    except DecodeError as error:
        raise NotPlain("expected a simple expression, got one that nests too deeply") from error
    if extra := {field.name for field, _ in statement.ListFields()} - _SELECT_FIELDS:
        raise NotPlain(f"expected one SQL expression and nothing after it, got {', '.join(sorted(extra))}")
    return unwrapped(statement.where_clause)


def unwrapped(node: Any) -> Any:  # noqa: ANN401
    """What a node of no kind of its own holds."""
    return getattr(node, node.WhichOneof("node"))


def kind_of(message: Any) -> str:  # noqa: ANN401
    """PostgreSQL's name of the node's kind."""
    return str(message.DESCRIPTOR.name)


def names_of(nodes: Any) -> list[str]:  # noqa: ANN401
    """The parts of a name; a part that is no name, as the star in `t.*`, is empty."""
    return [item.string.sval if item.WhichOneof("node") == "string" else "" for item in nodes]


def is_built_in(names: list[str]) -> bool:
    """Whether a name of a function or a type can only mean PostgreSQL's own, while `search_path` is `pg_catalog`."""
    return len(names) == 1 or (len(names) == 2 and names[0] == "pg_catalog")


def is_plain_call(call: Any) -> bool:  # noqa: ANN401
    """Whether a function is called with its arguments and nothing else: no DISTINCT, no OVER, no FILTER."""
    return not (
        call.agg_order
        or call.agg_star
        or call.agg_distinct
        or call.agg_within_group
        or call.func_variadic
        or call.HasField("agg_filter")
        or call.HasField("over")
    )
