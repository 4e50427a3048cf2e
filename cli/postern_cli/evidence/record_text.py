"""Text of records on its way out: no character that a terminal obeys, no longer than an OCSF string may be."""

from __future__ import annotations

from postern_cli.terminal import printable

# A string_t holds 65,535 bytes and a character takes at most 4 of them. The record has the text whole.
MAX_CHARACTERS = 15_000
_KEPT = "\n\t"


def shown(text: str) -> str:
    """The text with controls and marks of direction escaped, but for line feeds and tabs, and cut with a note."""
    return _visible(text, _KEPT)


def one_line(text: str) -> str:
    """The same with line feeds and tabs escaped, too: for where a line of its own would be taken for ours."""
    return _visible(text, "")


def maybe_shown(text: str | None) -> str | None:
    """The same of a member that may be missing."""
    return None if text is None else shown(text)


def _visible(text: str, keep: str) -> str:
    if text.isprintable() and len(text) <= MAX_CHARACTERS:
        return text
    whole = printable(text[: MAX_CHARACTERS + 1], keep=keep)
    if len(text) <= MAX_CHARACTERS and len(whole) <= MAX_CHARACTERS:
        return whole
    return f"{whole[:MAX_CHARACTERS]} … [{len(text):,} characters]"
