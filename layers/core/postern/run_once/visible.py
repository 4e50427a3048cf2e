"""The text that people approve must be the text that they see.

A right-to-left override, a character of no width or a lone carriage return shows one statement and runs another.
"""

from __future__ import annotations

import unicodedata

from postern.guard.verdict import Objection

_OPEN = frozenset({"\t", "\n"})
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp"})  # controls, format controls, separators of lines and paragraphs


def objection_to_hidden(sql: str) -> tuple[Objection, int] | None:
    """The first character of a text that does not show, or shows text in another order, and its place from 1."""
    if sql.isascii() and sql.isprintable():
        return None
    for place, character in enumerate(sql, 1):
        if character in _OPEN or unicodedata.category(character) not in _HIDDEN:
            continue
        if character == "\r" and sql[place : place + 1] == "\n":
            continue
        reason = f"character U+{ord(character):04X}: it does not show as what it is; write it as an escape in E'\\u…'"
        return Objection("guard.run_once", reason), place
    return None
