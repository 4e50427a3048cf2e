"""The second net: values that look sensitive are cut out of delivered text, whatever column they came through.

The first net is the masked view. This one sees what is delivered, so it cannot stop an agent that takes a value apart
first; it stops the value in a note, a log line or a document that nobody classified.

A column is looked over joined, a chunk of cells at a time: RE2 tells in one pass which kinds may be in a chunk, and
only those are looked for. NUL joins the cells, since no text of PostgreSQL's holds it and no pattern matches it.

Check digits and registries cost more than the scan, and a text can be made of nothing but candidates. So an answer has
an `Effort`; where it is used up, the cells in which something may be are withheld whole (`UNCHECKED`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice

import re2

from postern.masking.detector_checks import Spans
from postern.masking.detector_patterns import DEFAULT_DETECTORS, PATTERNS, DetectorKind, Pattern
from postern.value_arrays import Elements, format_array, parse_array

__all__ = [
    "DEFAULT_DETECTORS",
    "EFFORT",
    "UNCHECKED",
    "DetectorKind",
    "Effort",
    "Found",
    "marker",
    "redact_column",
    "redact_joined",
    "redact_joined_json",
    "redact_json_array_column",
    "redact_json_column",
    "redact_text",
]

Cells = list["str | None"]
Found = Counter[str]  # by kind, and `UNCHECKED`

UNCHECKED = "unchecked"  # stands for a whole cell that could not be looked over in time
EFFORT = 1_000_000  # about as many microseconds on one core of 2020; the scan itself comes to a tenth of that

# Of a chunk in which something may be, all is searched for each kind that may be in it: the smaller, the less there is
# to search, and the more often a search begins.
_CHUNK_BYTES = 4_096
_BEHIND_BYTES = 80
_CELL_BOUNDARY = b"\0"
# Strings, and integers that stand alone and are as long as a card's: what is between is passed over.
_JSON_VALUE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])[0-9]{13,19}(?![\w.+-])', re.DOTALL)
_SHORTEST_JSON_VALUE = 8  # `"a@b.de"`
_JSON_VALUE_COST = 2
_JSON_VALUES_AT_ONCE = 4_096  # a document may be a megabyte of short ones
_ARRAYS_AT_ONCE = 64
_ARRAY_COST, _ARRAY_COST_A_QUOTE, _ARRAY_COST_A_BRACE = 8, 3, 2


class Effort:
    """What looking over one answer may still cost."""

    __slots__ = ("left",)

    def __init__(self, left: int = EFFORT) -> None:
        self.left = left


_RedactChunk = Callable[[bytes, frozenset[DetectorKind], Found, Effort], bytes]


class _Exhausted(Exception):
    """Raised inside this module where the effort is used up."""


def marker(kind: str) -> str:
    """What stands where a value was. It is valid inside JSON strings, arrays and records, and no detector finds it."""
    return f"[detected:{kind}]"


def redact_column(cells: Cells, enabled: frozenset[DetectorKind], effort: Effort | None = None) -> tuple[Cells, Found]:
    """The cells with what the enabled detectors found replaced by markers, and how often each found something.

    For columns of text, and of arrays and records of text. The list given is returned where nothing was found.
    """
    return _redact_cells(cells, enabled, effort or Effort(), _redact_chunk)


def redact_joined(data: bytes, enabled: frozenset[DetectorKind], found: Found, effort: Effort) -> bytes:
    """As `redact_column`, for cells in UTF-8 with a NUL between them; adds to `found`.

    The bytes given are returned where nothing was found.
    """
    return _redact_joined(data, enabled, found, effort, _redact_chunk)


def redact_joined_json(data: bytes, enabled: frozenset[DetectorKind], found: Found, effort: Effort) -> bytes:
    """As `redact_json_column`, for cells in UTF-8 with a NUL between them; otherwise as `redact_joined`."""
    return _redact_joined(data, enabled, found, effort, _redact_json_chunk)


def redact_json_column(
    cells: Cells, enabled: frozenset[DetectorKind], effort: Effort | None = None
) -> tuple[Cells, Found]:
    """As `redact_column`, for columns of JSON: inside its strings and names, whatever their escapes hide, and integers.

    What is returned is valid JSON where what was given is; everything but what was found stays as it was. A number
    that was found becomes a string.
    """
    return _redact_cells(cells, enabled, effort or Effort(), _redact_json_chunk)


def redact_json_array_column(
    cells: Cells, enabled: frozenset[DetectorKind], effort: Effort | None = None
) -> tuple[Cells, Found]:
    """As `redact_json_column`, for columns of arrays of JSON."""
    if not enabled or not _may_hold_json(cells, enabled):
        return cells, Counter()
    effort = effort or Effort()
    found: Found = Counter()
    redacted: Cells = []
    for start in range(0, len(cells), _ARRAYS_AT_ONCE):
        redacted += _redact_json_arrays(cells[start : start + _ARRAYS_AT_ONCE], enabled, found, effort)
    return redacted if found else cells, found


def redact_text(text: str, enabled: frozenset[DetectorKind] = DEFAULT_DETECTORS) -> str:
    """One text with what was found replaced by markers."""
    redacted, _ = redact_column([*text.split("\0")], enabled)
    return "\0".join([part or "" for part in redacted])


def _redact_json_arrays(cells: Cells, enabled: frozenset[DetectorKind], found: Found, effort: Effort) -> Cells:
    """The cells with what was found replaced; the list given where nothing was. Adds to `found`."""
    if not _may_hold_json(cells, enabled):
        return cells
    effort.left -= sum([_array_cost(cell) for cell in cells if cell])
    if effort.left < 0:
        withheld = format_array([json.dumps(marker(UNCHECKED))])
        found[UNCHECKED] += sum(bool(cell) for cell in cells)
        return [withheld if cell else cell for cell in cells]
    try:
        arrays = [None if cell is None else parse_array(cell) for cell in cells]
    except ValueError:  # not an array's text: as text, then
        redacted, found_here = redact_column(cells, enabled, effort)
        found.update(found_here)
        return redacted
    documents: Cells = [document for array in arrays if array is not None for document in _leaves(array)]
    looked_over, found_here = redact_json_column(documents, enabled, effort)
    if not found_here:
        return cells
    found.update(found_here)
    replacements = iter(looked_over)
    return [None if array is None else format_array(_replaced(array, replacements)) for array in arrays]


def _may_hold_json(arrays: Cells, enabled: frozenset[DetectorKind]) -> bool:
    return _may_hold(_joined(arrays), enabled, escape=b"\\" * 2)


def _array_cost(cell: str) -> int:
    """What it costs to take an array apart and to put it together again: there are two quotes to most elements."""
    quotes = cell.count('"') - cell.count('\\"')
    return _ARRAY_COST + _ARRAY_COST_A_QUOTE * quotes + _ARRAY_COST_A_BRACE * cell.count("{")


def _json_text(value: str) -> str:
    if "\\" in value:
        return str(json.loads(value)).replace("\0", "\ufffd")  # `json` can name the character that joins cells
    return value.strip('"')


def _leaves(array: Elements) -> Iterator[str | None]:
    for element in array:
        if isinstance(element, list):
            yield from _leaves(element)
        else:
            yield element


def _replaced(array: Elements, replacements: Iterator[str | None]) -> Elements:
    return [_replaced(element, replacements) if isinstance(element, list) else next(replacements) for element in array]


def _redact_cells(
    cells: Cells,
    enabled: frozenset[DetectorKind],
    effort: Effort,
    redact_chunk: _RedactChunk,
) -> tuple[Cells, Found]:
    found: Found = Counter()
    redacted = _redact_joined(_joined(cells), enabled, found, effort, redact_chunk)
    if not found:
        return cells, found
    texts: Cells = [*redacted.decode("utf-8", "surrogatepass").split("\0")]
    return [None if cell is None else text for cell, text in zip(cells, texts, strict=True)], found


def _redact_joined(
    data: bytes, enabled: frozenset[DetectorKind], found: Found, effort: Effort, redact_chunk: _RedactChunk
) -> bytes:
    if not enabled or not _may_hold(data, enabled, escape=b"\\"):
        return data
    found_here: Found = Counter()
    redacted = _CELL_BOUNDARY.join([redact_chunk(chunk, enabled, found_here, effort) for chunk in _chunks(data)])
    found.update(found_here)
    return redacted if found_here else data


def _joined(cells: Cells) -> bytes:
    # JSON can name half a surrogate pair: it passes through as it came.
    return "\0".join([cell or "" for cell in cells]).encode("utf-8", "surrogatepass")


def _may_hold(data: bytes, enabled: frozenset[DetectorKind], *, escape: bytes) -> bool:
    return escape in data or _sign_set(enabled).Match(data) is not None


def _chunks(data: bytes) -> Iterator[bytes]:
    """Whole cells of about `_CHUNK_BYTES` together; a longer cell is a chunk of its own."""
    start = 0
    while (end := data.find(_CELL_BOUNDARY, start + _CHUNK_BYTES)) != -1:
        yield data[start:end]
        start = end + 1
    yield data[start:]


def _redact_chunk(chunk: bytes, enabled: frozenset[DetectorKind], found: Found, effort: Effort) -> bytes:
    signs = _sign_set(enabled).Match(chunk)
    if signs is None:
        return chunk
    found_here: Found = Counter()
    redacted = chunk
    try:
        for index in sorted(signs):
            redacted = _redact_kind(redacted, _ordered(enabled)[index], found_here, effort)
    except _Exhausted:
        return _withheld(chunk, marker(UNCHECKED).encode(), found)
    found.update(found_here)
    return redacted


def _redact_json_chunk(chunk: bytes, enabled: frozenset[DetectorKind], found: Found, effort: Effort) -> bytes:
    if not _may_hold(chunk, enabled, escape=b"\\"):
        return chunk
    document = chunk.decode("utf-8", "surrogatepass")
    places = (match.span() for match in _JSON_VALUE.finditer(document))
    long_enough = (span for span in places if span[1] - span[0] >= _SHORTEST_JSON_VALUE)
    found_here: Found = Counter()
    parts: list[str] = []
    copied = 0
    while spans := list(islice(long_enough, _JSON_VALUES_AT_ONCE)):
        effort.left -= _JSON_VALUE_COST * len(spans)
        if effort.left < 0:
            return _withheld(chunk, json.dumps(marker(UNCHECKED)).encode(), found)
        texts: Cells = [_json_text(document[start:end]) for start, end in spans]
        looked_over, found_in_these = redact_column(texts, enabled, effort)
        found_here.update(found_in_these)
        pieces: list[str] = []
        for (start, end), before, after in zip(spans, texts, looked_over, strict=True):
            if before != after:
                pieces += (document[copied:start], json.dumps(after))
                copied = end
        if pieces:
            parts.append("".join(pieces))
    found.update(found_here)
    return "".join([*parts, document[copied:]]).encode("utf-8", "surrogatepass") if parts else chunk


def _withheld(chunk: bytes, withheld: bytes, found: Found) -> bytes:
    cells = chunk.split(_CELL_BOUNDARY)
    found[UNCHECKED] += sum(bool(cell) for cell in cells)
    return _CELL_BOUNDARY.join([withheld if cell else cell for cell in cells])


def _redact_kind(data: bytes, kind: DetectorKind, found: Found, effort: Effort) -> bytes:
    pattern = PATTERNS[kind]
    form = _compiled(pattern.form)
    search, groups = form.search, form.groups
    replacement = marker(kind).encode()
    parts: list[bytes] = []
    copied = position = count = 0
    while (match := search(data, position)) is not None:
        place, position = match.span(groups)
        if place == -1:
            place, position = match.span(1)
        effort.left -= pattern.cost + (position - place) * pattern.cost_a_byte
        if effort.left < 0:
            raise _Exhausted
        for start, end in _values(data, place, position, pattern):
            parts += (data[copied:start], replacement)
            copied = end
            count += 1
            effort.left -= pattern.cost_a_value
        position = max(copied, _resume(data, place, position, pattern))
    if not parts:
        return data
    found[kind] += count
    return b"".join([*parts, data[copied:]])


def _values(data: bytes, place: int, end: int, pattern: Pattern) -> Spans:
    """The places of the values in a candidate, in bytes."""
    candidate = data[place:end].decode("utf-8", "surrogatepass")
    spans = pattern.check(candidate)
    if len(candidate) == end - place:  # every character is one byte
        spans = [(place + first, place + last) for first, last in spans]
    else:
        spans = [(place + _bytes(candidate[:first]), place + _bytes(candidate[:last])) for first, last in spans]
    return [span for span in spans if not _stands_in_more(data, *span, pattern)]


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _resume(data: bytes, place: int, end: int, pattern: Pattern) -> int:
    """Where to look on: a value can begin in the end of a candidate of bounded length, after a space."""
    if pattern.overlap == 0:
        return end
    space = data.find(b" ", max(place + 1, end - pattern.overlap), end)
    return end if space == -1 else space + 1


def _stands_in_more(data: bytes, start: int, end: int, pattern: Pattern) -> bool:
    """Whether the value is a part of something longer, such as a decimal number or a version."""
    if start and data[start - 1] in pattern.not_before:
        return True
    if pattern.not_behind is not None and pattern.not_behind.search(data, max(start - _BEHIND_BYTES, 0), start):
        return True
    return end + 1 < len(data) and data[end] in pattern.not_after and data[end + 1 : end + 2].isdigit()


@lru_cache(maxsize=16)
def _ordered(enabled: frozenset[DetectorKind]) -> tuple[DetectorKind, ...]:
    return tuple(kind for kind in DetectorKind if kind in enabled)


@lru_cache(maxsize=16)
def _sign_set(enabled: frozenset[DetectorKind]) -> re2.Set:
    """Tells, in one pass, whose signs are in a text: the places in `_ordered`."""
    signs = re2.Set.SearchSet()
    for kind in _ordered(enabled):
        signs.Add(PATTERNS[kind].sign)
    signs.Compile()
    return signs


@lru_cache(maxsize=32)
def _compiled(pattern: bytes) -> re2._Regexp:
    return re2.compile(pattern)
