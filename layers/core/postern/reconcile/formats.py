"""The forms of a database's log, and how a file's is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from postern.reconcile.cloudwatch import plain_lines_of_events, plain_lines_of_export
from postern.reconcile.csvlog import parse_csvlog
from postern.reconcile.entries import Entry, Lines
from postern.reconcile.jsonlog import parse_jsonlog
from postern.reconcile.plainlog import PlainLine, PlainLog
from postern.reconcile.prefix import Prefix
from postern.reconcile.stamps import STAMP


class Format(StrEnum):
    """A form of the log."""

    CSVLOG = "csvlog"
    JSONLOG = "jsonlog"
    STDERR = "stderr"
    CLOUDWATCH = "cloudwatch"


_CSV = re.compile(rf'{STAMP},(?:"|,)'.encode())
_JSON = re.compile(rb'\{"timestamp":"')
_EVENTS = re.compile(rb"\s*[\[{]")
_EXPORT = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z ")


@dataclass(slots=True)
class LogReader:
    """Reads files of one log. `skipped` counts the lines that were no message's."""

    prefixes: Sequence[Prefix]
    skipped: int = 0

    def read(self, format_: Format, head: bytes, lines: Lines, file: str) -> Iterator[Entry]:
        """The messages of a file; `head` are its first bytes. Raises `IntegrityError` (`evidence.malformed`)."""
        match format_:
            case Format.CSVLOG:
                yield from parse_csvlog(lines, file)
            case Format.JSONLOG:
                yield from parse_jsonlog(lines, file)
            case Format.STDERR:
                # A process id tells sessions apart on one server only; a folder holds the files of one.
                folder = file.rpartition("/")[0]
                yield from self._plain((PlainLine(at, line, folder) for at, line in enumerate(lines, 1)), file)
            case Format.CLOUDWATCH:
                is_json = _EVENTS.match(head) is not None
                yield from self._plain(
                    plain_lines_of_events(lines, file) if is_json else plain_lines_of_export(lines), file
                )
            case _:
                assert_never(format_)

    def _plain(self, lines: Iterator[PlainLine], file: str) -> Iterator[Entry]:
        log = PlainLog(file, self.prefixes)
        yield from log.parse(lines)
        self.skipped += log.skipped


def tell_format(head: bytes) -> Format:
    """The form of a file with these first bytes: plain, where it looks like no other."""
    if _CSV.match(head):
        return Format.CSVLOG
    if _JSON.match(head):
        return Format.JSONLOG
    if _EVENTS.match(head) or _EXPORT.match(head):
        return Format.CLOUDWATCH
    return Format.STDERR
