"""A period in steps that a picture has room for: days, weeks, months or years."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from postern_cli.evidence.period import Period

_MOST = 62  # columns; of weeks and months too
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def steps(period: Period, days: Iterable[str]) -> tuple[str, list[str], Callable[[str], str]]:
    """The unit, every step of the period in order, and the step that a day falls into.

    A period of more years than fit has only those that one of `days` is in.
    """
    first, last = date.fromisoformat(period.begin[:10]), _last_day(period)
    span = (last - first).days + 1
    if span <= _MOST:
        return "day", [(first + timedelta(at)).isoformat() for at in range(span)], lambda day: day
    if span <= _MOST * 7:
        monday = first - timedelta(first.weekday())
        return "week", [(monday + timedelta(at)).isoformat() for at in range(0, (last - monday).days + 1, 7)], _week
    if span <= _MOST * 28:
        months = [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(_month(first), _month(last) + 1)]
        return "month", months, lambda day: day[:7]
    years = [f"{year:04}" for year in range(first.year, last.year + 1)]
    return "year", years if len(years) <= _MOST else sorted({day[:4] for day in days})[:_MOST], lambda day: day[:4]


def weekday(day: str) -> str:
    return _WEEKDAYS[date.fromisoformat(day).weekday()]


def weekdays() -> tuple[str, ...]:
    return _WEEKDAYS


def _last_day(period: Period) -> date:
    """The day of the last moment before the end."""
    end = date.fromisoformat(period.end[:10])
    return end - timedelta(1) if period.end[10:] == "T00:00:00.000000Z" else end


def _week(day: str) -> str:
    at = date.fromisoformat(day)
    return (at - timedelta(at.weekday())).isoformat()


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
