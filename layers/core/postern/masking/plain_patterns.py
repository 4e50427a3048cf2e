"""Regular expressions that PostgreSQL is sure to compile: one that it cannot is an error whenever a row meets it.

    .  ^  $  |  ( )  [abc]  [^a-z]
    *  +  ?  {n}  {n,}  {n,m}  after a character, a set or a group; n and m up to 64; never two in a row
    every other character but brackets and control characters: itself

The language that they are written in (`plain_sql`) has no backslash and no colon inside quotes, so there are no escapes
and no named classes.
"""

from __future__ import annotations

import re

_MAX_LENGTH = 200
_MAX_BOUND = 64
# Counted repetitions inside each other multiply the automaton; PostgreSQL refuses one that grows too large.
_MAX_BOUNDED = 2
_SET = r"\[\^?\]?[^\[\]\\\x00-\x1f]*\]"
_REPEAT = r"[*+?]|\{[0-9]{1,2}(?:,(?:[0-9]{1,2})?)?\}"
_PIECE = re.compile(
    rf"(?P<set>{_SET})|(?P<open>\()|(?P<close>\))|(?P<or>\|)|(?P<edge>[\^$])|(?P<repeat>{_REPEAT})"
    r"|(?P<character>[^\[\](){}*+?|^$\\\x00-\x1f])"
)
_REPEATABLE = frozenset({"set", "character", "close"})


def pattern_fault(pattern: str) -> str | None:
    """What in the pattern is not of this form; None where it is."""
    if len(pattern) > _MAX_LENGTH:
        return f"expected a pattern of at most {_MAX_LENGTH} characters, got {len(pattern)}"
    depth = place = bounded = 0
    before = "start"
    while place < len(pattern):
        piece = _PIECE.match(pattern, place)
        if piece is None:
            return f"expected a simple pattern, got {pattern[place : place + 20]!r}"
        kind = str(piece.lastgroup)
        depth += (kind == "open") - (kind == "close")
        bounded += piece.group().startswith("{")
        if depth < 0 or not _may_follow(kind, before, piece.group()):
            return f"expected a simple pattern, got {pattern[place : place + 20]!r} where it cannot stand"
        before, place = kind, piece.end()
    if depth or bounded > _MAX_BOUNDED:
        return f"expected closed brackets and at most {_MAX_BOUNDED} counted repetitions"
    return None if _compiles(pattern) else "expected a simple pattern, got one that is none"


def _may_follow(kind: str, before: str, piece: str) -> bool:
    if kind != "repeat":
        return True
    numbers = [int(number) for number in re.findall("[0-9]+", piece)]
    return before in _REPEATABLE and numbers == sorted(numbers) and max(numbers, default=0) <= _MAX_BOUND


def _compiles(pattern: str) -> bool:
    # Sets whose ranges run backwards, such as `[z-a]`: both refuse them alike.
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
