"""Times as PostgreSQL writes them into its log: local ones, whose zone must be UTC or an offset from it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from postern.audit.canonical import malformed

STAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?"
    r" (?:[A-Za-z]{1,6}|[+-][0-9]{2}(?::?[0-9]{2})?)"
)

_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{3}))?"
    r" (?:(UTC|GMT|Z)|([+-][0-9]{2})(:?[0-9]{2})?)"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1024)  # a busy log has many lines of one moment
def parse_stamp(text: str) -> int:
    """Microseconds since the epoch. Raises `IntegrityError` (`evidence.malformed`).

    An abbreviation other than UTC's means one hour in one place and another elsewhere: it is refused.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise malformed("log time", "one in UTC or with an offset (set log_timezone to UTC)", repr(text[:40]))
    day, clock, milliseconds, _utc, hours, minutes = match.groups()
    offset = timedelta(0)
    if hours is not None:
        size = timedelta(hours=int(hours[1:]), minutes=int((minutes or "0").lstrip(":")))
        offset = -size if hours[0] == "-" else size
    try:
        zone = timezone(offset)
        moment = datetime.fromisoformat(f"{day}T{clock}.{milliseconds or '000'}").replace(tzinfo=zone)
    except ValueError as error:
        raise malformed("log time", "a moment of the calendar", repr(text[:40])) from error
    return (moment - _EPOCH) // _MICROSECOND
