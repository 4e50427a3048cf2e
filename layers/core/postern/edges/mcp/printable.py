"""Text of strangers on one line, with nothing in it that is not seen as it is.

A control character can move a terminal's cursor, a format character can turn a line around or hide text in a tag that a
model reads and a person does not, and a line break can begin a line of ours. All are shown by their code points. Pure.
"""

from __future__ import annotations

import unicodedata

# Control, format, surrogate, private use, not assigned; line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}


def printable(text: str, *, at_most: int) -> str:
    """One line of at most about `at_most` characters; a longer text ends by how much of it is left out."""
    shown = text[:at_most]
    cut = f"…(+{len(text) - at_most})" if len(text) > at_most else ""
    if shown.isascii() and shown.isprintable() and "\\" not in shown:
        return shown + cut
    return "".join(map(_seen, shown)) + cut


def _seen(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if unicodedata.category(character) in _HIDDEN:
        return f"\\u{{{ord(character):x}}}"
    return character
