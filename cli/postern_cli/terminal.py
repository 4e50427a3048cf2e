"""Text of somebody else's on its way to a terminal."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """The text with every character escaped that is not printable (controls, marks of direction), but for `keep`."""
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)
