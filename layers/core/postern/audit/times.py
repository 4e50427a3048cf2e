"""Times as text: RFC 3339 in UTC with exactly six digits and `Z`, so that text order is time order."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from postern.audit.canonical import malformed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_MINUTE_US = 60_000_000
_WITHIN_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_OFFSET_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def format_time(time_us: int) -> str:
    """`2026-11-22T10:00:00.000000Z`. Raises `IntegrityError` outside the years 1 to 9999."""
    try:
        moment = _EPOCH + timedelta(microseconds=time_us)
    except OverflowError as error:
        raise malformed("time", "a year from 1 to 9999", "one outside") from error
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> int:
    """Microseconds since the epoch of a time in exactly the form above. Raises `IntegrityError`."""
    if _WITHIN_HOUR.fullmatch(text) is not None:
        return time_within_hour(text)
    if _FORM.fullmatch(text) is None:
        raise malformed("time", "RFC 3339 in UTC with six digits and Z", "another form")
    return _to_us(text)


def time_within_hour(text: str) -> int:
    """What `parse_time` gives, for a text of its form with minutes and seconds below sixty: nobody else may call."""
    return _hour_us(text[:13]) + int(text[14:16]) * _MINUTE_US + int(text[17:19] + text[20:26])


@lru_cache(maxsize=1024)
def _hour_us(text: str) -> int:
    return _to_us(f"{text}:00:00.000000Z")


@lru_cache(maxsize=4096)  # a bucket's times are whole seconds, and locks end together
def parse_any_time(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time with any offset and precision. Raises `IntegrityError`."""
    if _OFFSET_FORM.fullmatch(text) is None:
        raise malformed("time", "RFC 3339 with an offset", "another form")
    return _to_us(text)


def _to_us(text: str) -> int:
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError) as error:
        raise malformed("time", "a moment of the calendar", "none") from error
