"""Rows of signs that PostgreSQL's lexer reads again for each of them, so that the time grows with their square.

It takes a row of operator characters as one operator, then gives back all but what it keeps: of `+++` one sign, of
`/**//**/` one beginning of a comment. Anything else in a row is kept whole, or is an operator too long to be one.
"""

from __future__ import annotations

import re

from postern.guard.verdict import Objection

MAX_SIGNS = 256  # the lexer then spends a quarter of a second on the longest statement, and no more

_ROW = re.compile(rb"[-+*/<>=~!@#%%^&|`?]{%d,}" % MAX_SIGNS)
_NOT_KEPT_WHOLE = re.compile(rb"--|[^-+]")  # what parts pluses and minuses; two minuses begin a comment


def objection_to_signs(encoded: bytes, of: str) -> Objection | None:
    """The refusal of a text that takes long only to be cut into words; to be asked before it is scanned or parsed."""
    longest = max(map(_come_back_to, _ROW.findall(encoded)), default=0)
    if longest <= MAX_SIGNS:
        return None
    reason = f"{of}: expected at most {MAX_SIGNS} of +, - or /* in a row, got {longest}; put spaces between them"
    return Objection("guard.length", reason)


def _come_back_to(row: bytes) -> int:
    """How many signs of a row the lexer begins at, at most."""
    return max(row.count(b"/*"), *map(len, _NOT_KEPT_WHOLE.split(row)))
