"""Lists of names, written as text."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The names in a text, divided by white space."""
    return frozenset(text.split())
