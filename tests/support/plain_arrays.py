"""PostgreSQL's array text read the plain way, a character at a time: what the product's reader is held against."""

from __future__ import annotations

import re

from postern.value_arrays import Elements

_BOUNDS = re.compile(r"(?:\[[+-]?\d+:[+-]?\d+\])+=")


def plain_array(text: str, delimiter: str) -> Elements:
    """The elements as nested lists, None for NULL. Raises `ValueError` where the text is not an array's."""
    if bounds := _BOUNDS.match(text):
        text = text[bounds.end() :]
    if text[:1] != "{" or text[-1:] != "}":
        raise ValueError(text)
    body = text[1:-1]
    if not any(sign in body for sign in '"{}'):
        return [None if element == "NULL" else element for element in body.split(delimiter)] if body else []
    root: Elements = []
    stack, place = [root], 0
    while place < len(text):
        if len(stack) == 1 and root:
            raise ValueError(text)
        if text[place] == "{":
            stack[-1].append([])
            stack.append(stack[-1][-1])  # type: ignore[arg-type]
        elif text[place] == "}":
            stack.pop()
        elif text[place] != delimiter:
            element, place = _element(text, place, '{}"' + delimiter)
            stack[-1].append(element)
            continue
        place += 1
    if len(stack) != 1 or not isinstance(root[0], list):
        raise ValueError(text)
    return root[0]


def _element(text: str, place: int, ends: str) -> tuple[str | None, int]:
    """The element that begins here, and the place behind it."""
    characters: list[str] = []
    if text[place] != '"':
        while place < len(text) and text[place] not in ends:
            characters.append(text[place])
            place += 1
        return (None if characters == [*"NULL"] else "".join(characters)), place
    place += 1
    while text[place : place + 1] != '"':
        place += text[place : place + 1] == "\\"
        if place >= len(text):
            raise ValueError(text)
        characters.append(text[place])
        place += 1
    return "".join(characters), place + 1
