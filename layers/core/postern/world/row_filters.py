"""A row filter with its parameters put in as literals."""

from __future__ import annotations

import re
from itertools import pairwise

from postern.errors import RefusedByPolicy
from postern.types import RowFilter
from postern.world.names import quote_literal

_Token = tuple[str, int, int]  # PostgreSQL's name of its kind; where it begins and ends, in bytes

_PARAMETER = re.compile(rb"[a-z][a-z0-9_]*")
_REFUSED_TOKENS = frozenset({"SQL_COMMENT", "C_COMMENT", "PARAM", "ASCII_59"})  # comments, $n, a semicolon


def bind_row_filter(row_filter: RowFilter) -> str:
    """The filter in parentheses, each `:name` replaced by the principal's attribute as a literal of unknown type.

    PostgreSQL's own scanner finds the parameters, so a cast (`::`) or a colon inside a string is left alone.
    Raises RefusedByPolicy (`policy.refused`) where an attribute is missing or cannot be a literal: no attribute
    means no access. That it is one boolean expression was checked when the catalog was loaded.
    """
    if "\0" in row_filter.expression:  # where the scanner would stop reading
        raise _refused("expected no NUL character, got one")
    source = row_filter.expression.encode()
    parts: list[bytes] = []
    copied_to = 0
    for start, end in _parameters(source):
        name = source[start + 1 : end].decode()
        parts += [source[copied_to:start], _literal(name, row_filter).encode()]
        copied_to = end
    return f"({b''.join([*parts, source[copied_to:]]).decode()})"


def _literal(name: str, row_filter: RowFilter) -> str:
    value = row_filter.parameters.get(name)
    if value is None:
        raise _refused(f"expected the principal to have the attribute {name}, got none")
    try:
        # In parentheses, so that no word or string beside it can become part of the literal.
        return f" ({quote_literal(value)}) "
    except ValueError as error:
        raise _refused(f"attribute {name}: {error}") from error


def _parameters(source: bytes) -> list[tuple[int, int]]:
    """Where each `:name` begins and ends, in bytes."""
    places = []
    tokens = _scan(source)
    for (kind, start, end), (_, next_start, next_end) in pairwise([*tokens, ("END", -1, -1)]):
        if kind in _REFUSED_TOKENS:
            raise _refused("expected one expression without comments, `$n` and `;`")
        if kind == "ASCII_58":  # a lone colon; `::` is a token of its own
            if next_start != end or not _PARAMETER.fullmatch(source[next_start:next_end]):
                raise _refused("expected `:` to begin a parameter, such as `:region`")
            places.append((start, next_end))
    return places


def _scan(source: bytes) -> list[_Token]:
    import postgast  # takes 100 ms, and is needed only where a table filters rows

    try:
        tokens = postgast.scan(source.decode()).tokens
    except postgast.PgQueryError as error:
        raise _refused(f"expected SQL, got: {error}") from error
    return [(postgast.pg_query_pb2.Token.Name(token.token), token.start, token.end) for token in tokens]


def _refused(detail: str) -> RefusedByPolicy:
    return RefusedByPolicy("policy.refused", f"row filter: {detail}")
