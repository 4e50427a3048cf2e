"""The period of a report: half-open, [from, to), in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.audit.times import format_time, parse_any_time
from postern.errors import IntegrityError
from postern_cli.stop import Exit, Stop

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Period:
    """Both ends as records write times, so that text order is time order."""

    begin: str
    end: str

    def holds(self, time: str) -> bool:
        return self.begin <= time < self.end


def parse_period(begin: str, end: str) -> Period:
    """The period between two dates (their midnights) or RFC 3339 times. Raises `Stop` (usage) where there is none."""
    period = Period(_moment("--from", begin), _moment("--to", end))
    if period.begin >= period.end:
        raise Stop(Exit.USAGE, f"--to: expected a time after --from, {period.begin}, got {period.end}")
    return period


def _moment(option: str, text: str) -> str:
    try:
        return format_time(parse_any_time(f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text))
    except IntegrityError as error:
        raise Stop(
            Exit.USAGE, f"{option}: expected a date as 2026-01-31, or a time as 2026-01-31T12:00:00Z, got {text[:40]!r}"
        ) from error
