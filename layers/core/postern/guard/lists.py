"""The lists of functions and types that one major version of PostgreSQL is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.guard import closed_functions, functions, types
from postern.server_majors import SUPPORTED_MAJORS


@dataclass(frozen=True, slots=True)
class Lists:
    """What a statement may name of PostgreSQL's own on one major version, and why not what it may not."""

    called: frozenset[str]  # functions
    functions: frozenset[str]  # what may stand before a parenthesis: `called`, parts of operators, types as casts
    closed_functions: Mapping[str, str]  # name to reason
    closed_on_rows: frozenset[str]  # that `table.name` would call
    types: frozenset[str]
    closed_types: Mapping[str, str]


def _read(major: int) -> Lists:
    closed = _reasons(closed_functions.CLOSED, major)
    called = _names(functions.CALLED, major)
    opened = _names(types.OPEN, major)
    return Lists(
        called=called,
        # A type's name called like a function is a cast: `date('2026-01-31')`.
        functions=called | _names(functions.PARTS, major) | (opened - closed.keys()),
        closed_functions=closed,
        closed_on_rows=_names(closed_functions.CLOSED_ON_ROWS, major),
        types=opened,
        closed_types=_reasons(types.CLOSED, major),
    )


def _names(by_versions: Mapping[str, str], major: int) -> frozenset[str]:
    return frozenset(
        name for versions, names in by_versions.items() if str(major) in versions.split() for name in names.split()
    )


def _reasons(groups: Mapping[str, Mapping[str, str]], major: int) -> dict[str, str]:
    return {name: reason for reason, by_versions in groups.items() for name in _names(by_versions, major)}


LISTS: Mapping[int, Lists] = {major: _read(major) for major in SUPPORTED_MAJORS}


def versions_of(function: str) -> list[int]:
    """The supported versions that have a function which may be called."""
    return [major for major, lists in LISTS.items() if function in lists.called]
