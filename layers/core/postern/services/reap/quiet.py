"""When a log may end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quiet:
    """Everything that was stored in a log until `at_us` is covered and closed; the last of it at `since_us`."""

    since_us: int
    at_us: int
