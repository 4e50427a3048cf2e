"""Whether what was typed so far is a whole statement: a `;` at its end that is in no text, name or comment."""

from __future__ import annotations

import re

# PostgreSQL's lexical rules, as far as they say what a `;` stands in: documentation, section 4.1.
_PIECE = re.compile(
    r"""
      [eE]'(?:[^'\\]|''|\\.)*'          # a text with escapes
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$
    | --[^\n]*
    | /\*.*?\*/
    | (?P<end>;)
    | (?P<open>[eE]?'|"|\$(?:[A-Za-z_]\w*)?\$|/\*)   # begun, and not ended
    | \w+ | . | \n
    """,
    re.VERBOSE | re.DOTALL,
)


def is_whole(text: str) -> bool:
    """Whether the text ends with a `;` that ends a statement; white space and comments may follow it."""
    ended = False
    for piece in _PIECE.finditer(text):
        if piece["open"] is not None:
            return False
        if piece["end"] is not None:
            ended = True
        elif not piece[0].isspace() and not piece[0].startswith(("--", "/*")):
            ended = False
    return ended
