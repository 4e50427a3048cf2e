"""What an answer's rows must be: every value an object of its own, converted and encoded the plain way.

What the product does to columns at once is held against this.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from postern.masking.detectors import (
    DEFAULT_DETECTORS,
    DetectorKind,
    Effort,
    redact_column,
    redact_json_array_column,
    redact_json_column,
)
from postern.ports import Result
from postern.type_names import BUILT_IN
from postern.types import View
from postern.value_arrays import Elements
from postern.values import is_json, is_json_array, is_text
from tests.support.plain_arrays import plain_array

Cells = Sequence["str | None"]

_TOKEN = re.compile("tok_[0-9a-f]{16}")
_JSON_CHARACTER = re.compile(r"\\u(.{4})|\\.|[^\\]", re.DOTALL)
_INTEGERS, _FLOATS, _JSON = {20, 21, 23, 26}, {700, 701}, {114, 3802}
_BOOLEAN, _TIMESTAMP, _TIMESTAMP_WITH_ZONE, _TIME_WITH_ZONE, _BOXES = 16, 1114, 1184, 1266, 1020
_ELEMENTS = {199: 114, 1000: 16, 1005: 21, 1007: 23, 1016: 20, 1021: 700, 1022: 701, 1028: 26} | {
    1115: 1114,
    1185: 1184,
    1270: 1266,
    3807: 3802,
}


def plain_rows(columns: Sequence[tuple[int, str, Cells]], row_count: int) -> bytes:
    """The JSON of columns of (type, its name, values)."""
    converted = [[plain_value(oid, name, cell) for cell in cells] for oid, name, cells in columns]
    return msgspec.json.encode(list(zip(*converted, strict=True)) if columns else [()] * row_count)


def plain_delivery(
    result: Result, views: Sequence[View], detectors: Sequence[str] | None = None
) -> tuple[bytes, dict[str, int], int]:
    """Rows, what the detectors found in all columns, and the number of sensitive values."""
    enabled = DEFAULT_DETECTORS if detectors is None else frozenset(map(DetectorKind, detectors))
    origins = {(view.oid, number): one for view in views for number, one in enumerate(view.columns, 1)}
    raw = {place for place, one in origins.items() if one.class_name is not None and one.mask is None}
    effort, sums, sensitive = Effort(), Counter[str](), set[str]()
    columns: list[tuple[int, str, Cells]] = []
    for column, given in zip(result.columns, result.values, strict=True):
        oid, cells, place = column.type_oid, list(given), (column.table_oid, column.attribute_number)
        redact = next((one for holds, one in _REDACT if holds(oid)), None)
        if redact is not None and place not in raw:
            cells, found = redact(cells, enabled, effort)
            sums.update(found)
        texts = [cell for cell in cells if cell is not None]
        if redact is not None:
            sensitive.update(token for text in texts for token in _TOKEN.findall(text))
        if place in raw:
            sensitive.update(texts)
        elif raw and column.table_oid == 0:
            sensitive.update(text[start : start + 32] for text in texts for start in range(0, len(text), 32))
        columns.append((oid, column.type, cells))
    return plain_rows(columns, result.row_count), dict(sums), len(sensitive)


_REDACT = ((is_json, redact_json_column), (is_json_array, redact_json_array_column), (is_text, redact_column))


def plain_value(oid: int, name: str, cell: str | None) -> object:
    if cell is None:
        return None
    if oid in _INTEGERS:
        return int(cell)
    if BUILT_IN.get(oid, name).endswith("[]"):
        return _array(cell, ";" if oid == _BOXES else ",", _ELEMENTS.get(oid, 25))
    return _ONE_BY_ONE.get(oid, str)(cell)


def _float(cell: str) -> object:
    return float(cell) if math.isfinite(float(cell)) else cell


def _timestamp(cell: str) -> str:
    return cell if cell.endswith("BC") else cell.replace(" ", "T", 1)


def _with_zone(cell: str) -> str:
    return f"{cell}:00" if cell[-3:-2] in ("+", "-") else cell


def _json(cell: str) -> object:
    """As stored; as text where what it escapes, as UTF-16, is none."""
    escaped = [chr(int(digits, 16)) if digits else " " for digits in _JSON_CHARACTER.findall(cell)]
    try:
        "".join(escaped).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return cell
    return msgspec.Raw(cell.encode())


def _array(cell: str, delimiter: str, element_oid: int) -> object:
    def converted(elements: Elements) -> list[object]:
        return [converted(one) if isinstance(one, list) else plain_value(element_oid, "", one) for one in elements]

    try:
        return converted(plain_array(cell, delimiter))
    except ValueError:
        return cell


_ONE_BY_ONE: dict[int, Callable[[str], object]] = {
    **dict.fromkeys(_FLOATS, _float),
    **dict.fromkeys(_JSON, _json),
    _BOOLEAN: lambda cell: {"t": True, "f": False}.get(cell, cell),
    _TIMESTAMP: _timestamp,
    _TIMESTAMP_WITH_ZONE: lambda cell: cell if cell.endswith("BC") else _with_zone(_timestamp(cell)),
    _TIME_WITH_ZONE: _with_zone,
}
