"""What stands for a name, a value or a number that is known only when a function is called, in SQL that it builds.

A stand-in holds only if whatever comes in its place is cut from the text as it is: `%I` in a comment, in quotes or in
dollar quotes would let a name end them, and the rest of it would be read as SQL.
"""

from __future__ import annotations

import re

from postern.guard.verdict import Objection
from postern.run_once.tokens import tokens_of

NAME, NUMBER = "any_name", "271828"
_INSIDE = "any_value"
VALUE = f"'{_INSIDE}'"
# By what stands for a name or a number: the same where it may be nothing at all.
OR_NOTHING = {NAME: f"{NAME}_or_nothing", NUMBER: f"{NUMBER}00"}
_GLUED = re.compile(rf"(?<![\s(,.])({'|'.join(OR_NOTHING.values())})|({'|'.join(OR_NOTHING.values())})(?![\s),;.]|$)")


def holds_any(text: str) -> bool:
    """Whether a text has stand-ins in it."""
    return any(part in text for part in (NAME, NUMBER, _INSIDE))


def objection_to_places(text: str) -> Objection | None:
    """A stand-in that is not a word by itself or a part of a plain name."""
    tokens = tokens_of(text)
    if isinstance(tokens, Objection):
        return tokens
    names = sum(token.word.count(NAME) for token in tokens if token.kind == "IDENT" and not token.quoted)
    values = sum(token.kind == "SCONST" and token.word == VALUE for token in tokens)
    # A number ends nothing, but after a minus sign a negative one begins a comment, and a tag of dollar quotes with
    # another number in it is another tag.
    tagged = any(token.word.startswith("$") and NUMBER in token.word for token in tokens)
    is_sound = not tagged and f"-{NUMBER}" not in text
    if is_sound and names == text.count(NAME) and values == text.count(_INSIDE) and not _GLUED.search(text):
        return None
    reason = "EXECUTE: expected names and values outside of quotes and comments, and numbers not after a minus sign"
    return Objection("guard.run_once", f"{reason}; use %I for a name and %L for a value, without quotes around them")
