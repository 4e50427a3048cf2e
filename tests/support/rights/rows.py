"""A row of the table of rights: what is asked, and the roles that may."""

from __future__ import annotations

from dataclasses import dataclass

from .asking import Ask

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """`may`: the roles that must be allowed; every other must be refused."""

    ask: Ask
    may: frozenset[str]


def who(names: str) -> frozenset[str]:
    return frozenset(names.split())
