"""Statements of our own, as text: none of them holds a value that came from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pg8000.core import CoreConnection


def run_own(connection: CoreConnection, sql: str) -> list[list[str]]:
    """Runs a statement of our own. Every value in its rows is text (or NULL, where the query says so)."""
    return cast("list[list[str]]", connection.execute_simple(sql).rows or [])
