"""What a caller is delivered: values converted, looked over by the detectors, and encoded once.

The bytes that are digested into the outcome are the bytes that leave. A column of a view whose class the task may see
raw (`unmask`) leaves as it is: to redact it would take back what policy gave. It is counted under `unmasked`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postern.masking.detectors import (
    DEFAULT_DETECTORS,
    DetectorKind,
    Effort,
    Found,
    redact_column,
    redact_json_array_column,
    redact_json_column,
)
from postern.ports import Result, ResultColumn
from postern.types import MaskKind, View, ViewColumn
from postern.values import convert_column, encode_rows, is_json, is_json_array, is_text

UNMASKED = "unmasked"  # stands in the place of a mask where a class was seen raw

_TOKEN = re.compile("tok_[0-9a-f]{16}")  # as the mask `token` writes it
_PART_CHARACTERS = 32  # of a computed text that count as one value


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column of an answer. `mask` is None where the values are as the database has them or were computed."""

    name: str
    type: str
    mask: str | None


@dataclass(frozen=True, slots=True)
class Masked:
    """How often a mask stood in a delivered column: a view's mask by its kind, a detector's as `detected:<kind>`.

    `unmasked` counts the values of a class that were delivered raw.
    """

    column: str
    mask: str
    count: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A result as it leaves: `rows_json` is the JSON array of rows.

    `sensitive` is what a budget is charged: the distinct tokens and raw values of classes, and in a task that sees a
    class raw the distinct computed values too, a long one for each 32 characters.
    """

    columns: tuple[AnswerColumn, ...]
    rows_json: bytes
    row_count: int
    truncated: bool
    masked: tuple[Masked, ...]
    sensitive: int = 0


def deliver(result: Result, views: Sequence[View], detectors: Sequence[str] | None = None) -> Delivery:
    """The result as it may leave. The masks of view columns are counted here, not applied: the database did that.

    `detectors` are the kinds that look over it; None: those that are on by default.
    """
    enabled = DEFAULT_DETECTORS if detectors is None else frozenset(map(DetectorKind, detectors))
    by_oid = {view.oid: view for view in views}
    sees_raw = any(_is_raw(column) for view in views for column in view.columns)
    effort = Effort()
    columns: list[AnswerColumn] = []
    values: list[list[object]] = []
    masked: list[Masked] = []
    sensitive: set[str] = set()
    for column, cells in zip(result.columns, result.values, strict=True):
        origin = _origin(column, by_oid)
        mask = None if origin is None or origin.mask is None else MaskKind(origin.mask).value
        columns.append(AnswerColumn(column.name, column.type, mask))
        named = UNMASKED if origin is not None and _is_raw(origin) else mask
        if named is not None:
            masked.append(Masked(column.name, named, sum(cell is not None for cell in cells)))
        looked_over = cells
        if named != UNMASKED:
            looked_over, found = _look_over(column, cells, enabled, effort)
            masked += [Masked(column.name, f"detected:{kind}", count) for kind, count in sorted(found.items())]
        sensitive.update(_sensitive(column, looked_over, origin, sees_raw=sees_raw))
        values.append(convert_column(column.type_oid, looked_over, column.type))
    return Delivery(
        tuple(columns),
        encode_rows(values, result.row_count),
        result.row_count,
        result.truncated,
        tuple(masked),
        len(sensitive),
    )


def _look_over(
    column: ResultColumn, cells: list[str | None], enabled: frozenset[DetectorKind], effort: Effort
) -> tuple[list[str | None], Found]:
    """The second net, over what holds text; numbers, dates and the like pass as they are."""
    if is_json(column.type_oid):
        return redact_json_column(cells, enabled, effort)
    if is_json_array(column.type_oid):
        return redact_json_array_column(cells, enabled, effort)
    if is_text(column.type_oid):
        return redact_column(cells, enabled, effort)
    return cells, Counter()


def _sensitive(
    column: ResultColumn, cells: Sequence[str | None], origin: ViewColumn | None, *, sees_raw: bool
) -> Iterable[str]:
    """The sensitive values of a column, each once or more often."""
    holds_text = any(holds(column.type_oid) for holds in (is_text, is_json, is_json_array))
    is_computed = column.table_oid == 0
    tokens = _TOKEN.findall("\0".join([cell for cell in cells if cell is not None])) if holds_text else []
    if origin is not None and _is_raw(origin):
        return {*tokens, *(cell for cell in cells if cell is not None)}
    if sees_raw and is_computed:
        # What was computed may be made of raw values, of many where it is long.
        return {*tokens, *(part for cell in cells if cell is not None for part in _parts(cell))}
    return tokens


def _parts(cell: str) -> Iterable[str]:
    return (cell[start : start + _PART_CHARACTERS] for start in range(0, len(cell), _PART_CHARACTERS))


def _is_raw(column: ViewColumn) -> bool:
    return column.class_name is not None and column.mask is None


def _origin(column: ResultColumn, views: dict[int, View]) -> ViewColumn | None:
    view = views.get(column.table_oid)
    if view is None or not 0 < column.attribute_number <= len(view.columns):
        return None
    return view.columns[column.attribute_number - 1]
