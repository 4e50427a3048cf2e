"""The day of an event, as the names of files and partitions have it."""

from __future__ import annotations

from postern.audit.times import format_time


def day_of(time_us: int) -> str:
    """`2026-03-03`, in UTC."""
    return format_time(time_us)[:10]
