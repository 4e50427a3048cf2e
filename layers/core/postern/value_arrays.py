"""PostgreSQL's array text, read and written (documentation, section 8.15)."""

from __future__ import annotations

import re
from collections.abc import Sequence

Elements = list["str | Elements | None"]

_BOUNDS = re.compile(r"(?:\[[+-]?\d+:[+-]?\d+\])+=")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNQUOTED = {delimiter: re.compile(rf'[^{{}}"{delimiter}]+') for delimiter in ",;"}


def parse_array(text: str, delimiter: str = ",") -> Elements:
    """The elements of `{…}` as nested lists, None for NULL; lower bounds other than 1 are dropped.

    `delimiter` is a comma for every type but `box`, which has a semicolon. Raises `ValueError` where the text
    is not an array's.
    """
    if text.startswith("[") and (bounds := _BOUNDS.match(text)):
        text = text[bounds.end() :]
    if text[:1] != "{" or text[-1:] != "}":
        raise ValueError("array text: expected braces around it")
    body = text[1:-1]
    if '"' in body or "{" in body or "}" in body:
        return _parse_nested(text, delimiter)
    if not body:
        return []
    # One dimension without quotes, which is what most arrays are.
    return [None if element == "NULL" else element for element in body.split(delimiter)]


def _parse_nested(text: str, delimiter: str) -> Elements:
    root: Elements = []
    stack = [root]
    position = 0
    while position < len(text):
        if len(stack) == 1 and root:
            raise ValueError("array text: expected its end after the last brace")
        character = text[position]
        if character == "{":
            inner: Elements = []
            stack[-1].append(inner)
            stack.append(inner)
        elif character == "}":
            stack.pop()
        elif character != delimiter:
            position = _parse_element(text, position, delimiter, stack[-1])
            continue
        position += 1
    if len(stack) != 1 or not isinstance(root[0], list):
        raise ValueError("array text: expected balanced braces")
    return root[0]


def _parse_element(text: str, position: int, delimiter: str, into: Elements) -> int:
    """Appends the element that starts at `position`; returns the place after it."""
    if quoted := _QUOTED.match(text, position):
        into.append(_ESCAPE.sub(r"\1", quoted[1]))
        return quoted.end()
    unquoted = _UNQUOTED[delimiter].match(text, position)
    if unquoted is None:
        raise ValueError("array text: expected an element")
    into.append(None if unquoted[0] == "NULL" else unquoted[0])
    return unquoted.end()


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
