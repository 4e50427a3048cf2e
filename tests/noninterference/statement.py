"""A statement as an agent sends it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$n`, and what stands for them."""

    sql: str
    parameters: tuple[str | None, ...] = ()
