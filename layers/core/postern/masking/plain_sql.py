"""A language so small that everybody who reads it sees the same tokens: what an operator's SQL may be written in.

No comments, no dollar quotes, no prefixed strings, no brackets, no backslash, and no colon inside quotes: whoever
replaces a parameter (`:name`) or a word by something else, by whatever means, replaces the same places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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


class NotPlain(ValueError):
    """Raised where an expression is not of this language; the message tells what was expected, and quotes little."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression; `kind` is a group of the pattern above. Together they are the whole expression."""

    kind: str
    text: str


def parse_tokens(expression: str) -> tuple[Token, ...]:
    """The expression in pieces. Raises `NotPlain`."""
    tokens = [Token("space", "")]
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None or match.lastgroup is None:
            raise NotPlain(_unexpected(expression[place:]))
        token = Token(match.lastgroup, match.group())
        _check_neighbours(tokens[-1], token)
        tokens.append(token)
        place = match.end()
    return tuple(tokens[1:])


def _unexpected(rest: str) -> str:
    if rest.startswith(":"):
        return (
            f"`:` must be a cast (`::type`) or begin a parameter (`:name`, lower-case letters, digits and `_`), "
            f"got {rest[:20]!r}"
        )
    if rest[0] in "'\"":
        return f"quotes must be closed, without colon or backslash inside; a parameter needs none, got {rest[:20]!r}"
    return f"expected a plain SQL expression, got {rest[:20]!r}"


def _check_neighbours(before: Token, token: Token) -> None:
    if token.kind == "string" and before.kind in {"word", "number", "quoted"}:
        raise NotPlain(f"strings must be plain `'…'` without a prefix, got {before.text + token.text[:10]!r}")
    if token.kind == "parameter" and before.kind != "space" and before.text not in _BEFORE_PARAMETER:
        raise NotPlain(
            f"a parameter must stand after a space, a comparison, `(` or `,`, got {before.text + token.text!r}"
        )
    if before.text + token.text in {"--", "/*"}:
        raise NotPlain("comments are not allowed")
