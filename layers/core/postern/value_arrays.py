"""PostgreSQL's array text, read and written (documentation, section 8.15)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import cast

Elements = list["str | Elements | None"]

_BOUNDS = re.compile(r"(?:\[[+-]?\d+:[+-]?\d+\])+=")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# An array within which there is no other and no quote, a brace, a quoted element without its quotes, or a run of
# elements as they stand; with the delimiters behind each. Possessive: nothing is kept to go back to.
_TOKENS = {
    delimiter: re.compile(
        rf'\{{([^{{}}"]*+)\}}{delimiter}*+|([{{}}]){delimiter}*+|"([^"\\]*+(?:\\.[^"\\]*+)*+)"{delimiter}*+|([^{{}}"]++)',
        re.DOTALL,
    )
    for delimiter in ",;"
}
_FLAT_AT_ONCE = 4_096  # characters of elements that are objects at the same time


_INNERMOST, _BRACE, _QUOTED = 1, 2, 3  # groups of `_TOKENS`


class NotAnArray(ValueError):
    """Raised where a text is not an array's."""


class Mark(Enum):
    """What is no element of an array, as `read_array` gives it."""

    OPENS = "{"
    CLOSES = "}"


Part = Mark | str | list[str | None] | tuple[str | None, ...] | None


def parse_array(text: str, delimiter: str = ",") -> Elements:
    """The elements of `{…}` as nested lists, None for NULL; lower bounds other than 1 are dropped.

    `delimiter` is a comma for every type but `box`, which has a semicolon. Raises `NotAnArray`.
    """
    root: Elements = []
    stack = [root]
    for part in read_array(text, delimiter):
        if part is Mark.OPENS:
            inner: Elements = []
            stack[-1].append(inner)
            stack.append(inner)
        elif part is Mark.CLOSES:
            stack.pop()
        elif isinstance(part, tuple):
            stack[-1].append([*part])
        elif isinstance(part, list):
            stack[-1] += part
        else:
            stack[-1].append(part)
    [array] = root
    return cast("Elements", array)


def short_elements(text: str, delimiter: str = ",") -> list[str | None] | None:
    """The elements of a short array of one dimension without quotes, which is what most are; None for any other."""
    if len(text) > _FLAT_AT_ONCE or text[:1] != "{" or text[-1:] != "}":
        return None
    body = text[1:-1]
    if '"' in body or "{" in body or "}" in body:
        return None
    return [None if element == "NULL" else element for element in body.split(delimiter)] if body else []


def read_array(text: str, delimiter: str = ",") -> Iterator[Part]:
    """What an array's text has, in order: its braces and its elements.

    Elements come one by one, several at once as a list, or as a tuple where they are an array within it. Nothing but
    what is given is kept, however long the text is. Raises `NotAnArray`, maybe after parts were given.
    """
    if text.startswith("[") and (bounds := _BOUNDS.match(text)):
        text = text[bounds.end() :]
    if text[:1] != "{" or text[-1:] != "}":
        raise NotAnArray("array text: expected braces around it")
    if '"' in text or "{" in text[1:] or "}" in text[:-1]:
        return _read_nested(text, delimiter)
    return _read_flat(text, delimiter)


def _read_flat(text: str, delimiter: str) -> Iterator[Part]:
    """One dimension without quotes."""
    yield Mark.OPENS
    if len(text) > len("{}"):
        yield from _runs(text[1:-1], delimiter)
    yield Mark.CLOSES


def _read_nested(text: str, delimiter: str) -> Iterator[Part]:
    depth = position = 0
    for token in _TOKENS[delimiter].finditer(text):
        if token.start() != position or (depth == 0 and position > 0):
            raise NotAnArray("array text: expected an element, and its end after the last brace")
        position = token.end()
        kind, found = token.lastindex, token[token.lastindex or 0]
        if kind == _QUOTED:
            yield _ESCAPE.sub(r"\1", found) if "\\" in found else found
        elif kind == _INNERMOST and len(found) <= _FLAT_AT_ONCE:
            yield tuple(_unquoted(found, delimiter))
        elif kind == _BRACE:
            depth += 1 if found == "{" else -1
            yield Mark.OPENS if found == "{" else Mark.CLOSES
        elif kind == _INNERMOST:
            yield Mark.OPENS
            yield from _long_run(found, delimiter)
            yield Mark.CLOSES
        elif len(found) <= _FLAT_AT_ONCE:
            yield _unquoted(found, delimiter)
        else:
            yield from _long_run(found, delimiter)
    if depth != 0 or position != len(text):
        raise NotAnArray("array text: expected balanced braces")


def _runs(text: str, delimiter: str) -> Iterator[list[str | None]]:
    """The elements of a text without quotes and braces, some at a time."""
    start = 0
    while start <= len(text):
        after = text.find(delimiter, start + _FLAT_AT_ONCE)
        after = len(text) if after == -1 else after
        yield [None if element == "NULL" else element for element in text[start:after].split(delimiter)]
        start = after + 1


def _long_run(text: str, delimiter: str) -> Iterator[list[str | None]]:
    for run in _runs(text, delimiter):
        if elements := [element for element in run if element != ""]:
            yield elements


def _unquoted(text: str, delimiter: str) -> list[str | None]:
    """As `_runs`, all at once, without what is empty: inside of others an array has no such element."""
    return [None if element == "NULL" else element for element in text.split(delimiter) if element]


def format_array(elements: Sequence[str | Sequence[object] | None]) -> str:
    """Array text of elements that are text, None for NULL, or arrays themselves; every text is quoted."""
    parts = []
    for element in elements:
        if element is None:
            parts.append("NULL")
        elif isinstance(element, str):
            escaped = element.replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'"{escaped}"')
        else:
            parts.append(format_array(element))  # type: ignore[arg-type]
    return "{" + ",".join(parts) + "}"
