"""The plain log as CloudWatch Logs gives it back, in either of two forms, as lines of the plain log again.

    filter-log-events, get-log-events   JSON, `{"events": [{"message", "timestamp", "logStreamName"?}, …]}`, the bare
                                        list, or an event a line
    create-export-task                  text, each event's first line with its time and a blank before it

An event holds a line or a whole message; the lines of one stream follow each other, whichever it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from postern.reconcile.entries import MAX_ENTRY_BYTES, Lines, UnreadableLog, decoded, encoded, unreadable
from postern.reconcile.plainlog import PlainLine

_BLANK = " \t\r\n,"
_EVENTS = re.compile(r'\s*(?:\{\s*"events"\s*:\s*)?\[')
_BEGINNINGS = ("{", '{"events"', '{"events":')  # of an answer, without blanks: it is written over several lines
_EXPORTED = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z ")


def plain_lines_of_events(lines: Lines, file: str) -> Iterator[PlainLine]:
    """The log's lines in the JSON of an answer or of several. Raises `IntegrityError` (`evidence.malformed`)."""
    reader = _Reader(lines, file)
    while reader.skip_blanks():
        reader.read_on(_BEGINNINGS)
        if match := _EVENTS.match(reader.text):
            reader.drop(match.end())
            while reader.skip_blanks() and not reader.text.startswith("]"):
                yield from _plain_lines(reader.take_object(), file, reader.number)
            reader.drop(1)
            if match[0].lstrip().startswith("{"):
                reader.text = '{"events": 0' + reader.text
                reader.take_object()
        else:
            yield from _plain_lines(reader.take_object(), file, reader.number)


def plain_lines_of_export(lines: Lines) -> Iterator[PlainLine]:
    """The log's lines in the text of an export task."""
    for number, line in enumerate(lines, 1):
        match = _EXPORTED.match(line)
        yield PlainLine(number, line[match.end() :] if match else line)


def _plain_lines(event: object, file: str, number: int) -> Iterator[PlainLine]:
    message = event.get("message") if isinstance(event, dict) else None
    stream = event.get("logStreamName", "") if isinstance(event, dict) else None
    if not isinstance(message, str) or not isinstance(stream, str):
        raise unreadable(file, number, "a log event with a message", "something else")
    for line in message.removesuffix("\n").split("\n"):
        yield PlainLine(number, encoded(line), stream)


@dataclass(slots=True)
class _Reader:
    """Reads JSON values one by one out of lines, holding no more than the one at hand."""

    lines: Lines
    file: str
    text: str = ""
    number: int = 0

    def skip_blanks(self) -> bool:
        """Whether anything is left."""
        while not (stripped := self.text.lstrip(_BLANK)):
            if not self._more():
                return False
        self.text = stripped
        return True

    def read_on(self, beginnings: Collection[str]) -> None:
        """Reads more for as long as there is nothing but one of these, blanks aside."""
        while "".join(self.text.split()) in beginnings and self._more():
            pass

    def drop(self, count: int) -> None:
        self.text = self.text[count:]

    def take_object(self) -> object:
        while True:
            try:
                value, end = json.JSONDecoder().raw_decode(self.text)
            except RecursionError as error:
                raise self._unreadable() from error
            except ValueError as error:
                if len(self.text) > MAX_ENTRY_BYTES or not self._more():
                    raise self._unreadable() from error
                continue
            self.drop(end)
            return value

    def _more(self) -> bool:
        line = next(self.lines, None)
        if line is None:
            return False
        self.number += 1
        self.text += decoded(line) + "\n"
        return True

    def _unreadable(self) -> UnreadableLog:
        return unreadable(self.file, self.number, "the JSON of log events", "something else")
