"""PostgreSQL's csvlog: a message is one CSV record, and what stands in quotes may run over many lines.

A record ends where its quotes are closed, so no line that a statement holds can pass for one of the log's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from postern.errors import IntegrityError
from postern.reconcile.entries import MAX_ENTRY_BYTES, Entry, Lines, decoded, unreadable
from postern.reconcile.stamps import STAMP, parse_stamp

# fmt: off
_COLUMNS = (
    "time", "user", "database", "pid", "remote", "session", "number", "tag", "started", "vxid", "xid", "severity",
    "sqlstate", "message", "detail", "hint", "internal", "internal_at", "context", "statement", "statement_at",
    "location", "application", "backend", "leader", "query",
)
# fmt: on
_FIELD = r'(?:"([^"]*(?:""[^"]*)*)"|([^",\n]*))'
# A later version may add columns at the end.
_RECORD = re.compile(",".join([_FIELD] * len(_COLUMNS)) + f"(?:,{_FIELD})*")
_START = re.compile(rf"{STAMP},".encode())
_AT = {name: 2 * index + 1 for index, name in enumerate(_COLUMNS)}


def parse_csvlog(lines: Lines, file: str) -> Iterator[Entry]:
    """The messages of a csvlog, as far as it is complete: one that is still being written is left out.

    Raises `UnreadableLog` at what is no csvlog.
    """
    number = 0
    for line in lines:
        number += 1
        start, parts, quotes, size = number, [line], line.count(b'"'), len(line)
        while quotes % 2:
            more = next(lines, None)
            if more is None:
                _check_unfinished(parts, file, start)
                return
            number += 1
            parts.append(more)
            quotes += more.count(b'"')
            size += len(more)
            if size > MAX_ENTRY_BYTES:
                raise unreadable(
                    file, start, "a record whose quotes are closed", f"none within {MAX_ENTRY_BYTES} bytes"
                )
        entry = _parse_record(b"\n".join(parts), file, start)
        yield entry


def _check_unfinished(parts: Sequence[bytes], file: str, line: int) -> None:
    """A last record may be unfinished; what would hide others behind quotes that are never closed is none."""
    if any(_START.match(part) for part in parts[1:]):
        raise unreadable(file, line, "a record whose quotes are closed", "none before others begin")


def _parse_record(data: bytes, file: str, line: int) -> Entry:
    match = _RECORD.fullmatch(decoded(data))
    if match is None:
        raise unreadable(file, line, f"a csvlog record of {len(_COLUMNS)} columns", "another form")

    def field(name: str) -> str:
        quoted: str | None = match[_AT[name]]
        return match[_AT[name] + 1] if quoted is None else quoted.replace('""', '"')

    try:
        number, session = int(field("number")), field("session")
        return Entry(
            file=file,
            line=line,
            time_us=parse_stamp(field("time")),
            session=session,
            pid=int(field("pid")),
            user=field("user"),
            severity=field("severity"),
            message=field("message"),
            statement=field("statement") or None,
            application=field("application"),
            started_s=int(session.partition(".")[0], 16),
            numbers=(number, number),
            xid=int(field("xid") or 0),
        )
    except ValueError as error:
        raise unreadable(file, line, "numbers where csvlog has them", "something else") from error
    except IntegrityError as error:
        raise unreadable(file, line, "a time", error.detail) from error
