"""The second net: values that look sensitive are cut out of delivered text, whatever column they came through.

The first net is the masked view. This one sees what is delivered, so it cannot stop an agent that takes a value apart
first; it stops the value in a note, a log line or a document that nobody classified.

A column is scanned once, joined: RE2 finds the cells that show a sign of something, and only those are looked at one by
one. NUL joins them, since no text of PostgreSQL's holds it and no pattern matches it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import re2

from postern.masking.detector_patterns import DEFAULT_DETECTORS, PATTERNS, DetectorKind, Pattern

__all__ = ["DEFAULT_DETECTORS", "DetectorKind", "marker", "redact_column", "redact_json_column", "redact_text"]

Cells = list["str | None"]

_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def marker(kind: DetectorKind) -> str:
    """What stands where a value was. It is valid inside JSON strings, arrays and records, and no detector finds it."""
    return f"[detected:{kind}]"


def redact_column(cells: Cells, enabled: frozenset[DetectorKind]) -> tuple[Cells, Counter[DetectorKind]]:
    """The cells with what the enabled detectors found replaced by markers, and how often each found something.

    For columns of text, and of arrays and records of text. The list given is returned where nothing was found.
    """
    found: Counter[DetectorKind] = Counter()
    redacted = cells
    for index in _cells_with_signs(cells, enabled):
        text = _redact(cells[index] or "", enabled, found)
        if text != cells[index]:
            redacted = redacted if redacted is not cells else list(cells)
            redacted[index] = text
    return redacted, found


def redact_json_column(cells: Cells, enabled: frozenset[DetectorKind]) -> tuple[Cells, Counter[DetectorKind]]:
    """As `redact_column`, for columns of JSON: inside its strings and names, whatever their escapes hide.

    What is returned is valid JSON where what was given is; everything but the strings with findings stays as it was.
    """
    found: Counter[DetectorKind] = Counter()
    redacted = cells
    for index in _cells_with_signs(cells, enabled, also=rb"\\"):
        text = _JSON_STRING.sub(lambda match: _redact_json_string(match[0], enabled, found), cells[index] or "")
        if text != cells[index]:
            redacted = redacted if redacted is not cells else list(cells)
            redacted[index] = text
    return redacted, found


def redact_text(text: str, enabled: frozenset[DetectorKind] = DEFAULT_DETECTORS) -> str:
    """One text with what was found replaced by markers."""
    return _redact(text, enabled, Counter())


def _redact_json_string(literal: str, enabled: frozenset[DetectorKind], found: Counter[DetectorKind]) -> str:
    text = json.loads(literal) if "\\" in literal else literal[1:-1]
    redacted = _redact(text, enabled, found)
    return literal if redacted == text else json.dumps(redacted)


def _cells_with_signs(cells: Cells, enabled: frozenset[DetectorKind], also: bytes = b"") -> Sequence[int]:
    """The places of the cells that may hold something, in order."""
    signs = [PATTERNS[kind].sign for kind in _ordered(enabled)]
    if not signs or not cells:
        return ()
    search = _compiled(b"|".join([*signs, also] if also else signs)).search
    joined = "\0".join([cell or "" for cell in cells]).encode()
    places = []
    index = position = 0
    while (hit := search(joined, position)) is not None:
        index += joined.count(b"\0", position, hit.start())
        places.append(index)
        position = joined.find(b"\0", hit.end()) + 1
        if position == 0:
            break
        index += 1
    return places


def _redact(text: str, enabled: frozenset[DetectorKind], found: Counter[DetectorKind]) -> str:
    if not enabled:
        return text
    # JSON can name half a surrogate pair: it passes through as it came.
    data = original = text.encode("utf-8", "surrogatepass")
    for index in sorted(_sign_set(enabled).Match(data) or ()):
        kind = _ordered(enabled)[index]
        data = _redact_kind(data, kind, PATTERNS[kind], found)
    return text if data is original else data.decode("utf-8", "surrogatepass")


def _redact_kind(data: bytes, kind: DetectorKind, pattern: Pattern, found: Counter[DetectorKind]) -> bytes:
    parts: list[bytes] = []
    copied = 0
    for match in _compiled(pattern.form).finditer(data):
        place, candidate_end = match.span()
        candidate = data[place:candidate_end].decode()
        for first, last in pattern.check(candidate):
            start = place + len(candidate[:first].encode())
            end = place + len(candidate[:last].encode())
            if not _stands_in_more(data, start, end, pattern):
                parts += (data[copied:start], marker(kind).encode())
                copied = end
                found[kind] += 1
    return b"".join([*parts, data[copied:]]) if parts else data


def _stands_in_more(data: bytes, start: int, end: int, pattern: Pattern) -> bool:
    """Whether the value is a part of something longer, such as a decimal number or a version."""
    before, after = data[max(start - 1, 0) : start], data[end : end + 2]
    return bool(before and before in pattern.not_before) or (
        len(after) == 2 and after[:1] in pattern.not_after and after[1:].isdigit()
    )


@lru_cache(maxsize=16)
def _ordered(enabled: frozenset[DetectorKind]) -> tuple[DetectorKind, ...]:
    return tuple(kind for kind in DetectorKind if kind in enabled)


@lru_cache(maxsize=16)
def _sign_set(enabled: frozenset[DetectorKind]) -> re2.Set:
    """Tells, in one pass over a cell, whose signs are in it: the places in `_ordered`."""
    signs = re2.Set.SearchSet()
    for kind in _ordered(enabled):
        signs.Add(PATTERNS[kind].sign)
    signs.Compile()
    return signs


@lru_cache(maxsize=32)
def _compiled(pattern: bytes) -> re2._Regexp:
    return re2.compile(pattern)
