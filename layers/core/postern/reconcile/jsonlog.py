"""PostgreSQL's jsonlog: a message is one line, a JSON object, whose strings hold no line feed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from postern.errors import IntegrityError
from postern.reconcile.entries import Entry, Lines, unreadable
from postern.reconcile.stamps import parse_stamp


def parse_jsonlog(lines: Lines, file: str) -> Iterator[Entry]:
    """The messages of a jsonlog. Raises `IntegrityError` (`evidence.malformed`) at what is no jsonlog."""
    for number, line in enumerate(lines, 1):
        yield _parse_line(line, file, number)


def _parse_line(data: bytes, file: str, line: int) -> Entry:
    try:
        row = json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise unreadable(file, line, "a JSON object", "something else") from error
    if not isinstance(row, dict):
        raise unreadable(file, line, "a JSON object", "another value")
    try:
        number = _number(row, "line_num")
        return Entry(
            file=file,
            line=line,
            time_us=parse_stamp(_text(row, "timestamp") or ""),
            session=_text(row, "session_id") or "",
            pid=_number(row, "pid"),
            user=_text(row, "user") or "",
            severity=_text(row, "error_severity") or "",
            message=_text(row, "message") or "",
            statement=_text(row, "statement"),
            application=_text(row, "application_name") or "",
            started_s=int((_text(row, "session_id") or "").partition(".")[0], 16),
            numbers=(number, number),
            xid=_number(row, "txid"),
        )
    except ValueError as error:
        raise unreadable(file, line, "the members of a jsonlog", "others") from error
    except IntegrityError as error:
        raise unreadable(file, line, "a time", error.detail) from error


def _text(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(name)
    return value


def _number(row: Mapping[str, object], name: str) -> int:
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(name)
