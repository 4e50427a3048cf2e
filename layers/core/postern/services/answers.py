"""What a caller is delivered: values converted, looked over by the detectors, and encoded once.

The bytes that are digested into the outcome are the bytes that leave. A column of a view whose class the task may see
raw (`unmask`) leaves as it is: to redact it would take back what policy gave. It is counted under `unmasked`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.masking.detectors import DEFAULT_DETECTORS, DetectorKind, Effort
from postern.masking.packed_columns import Holds, redact_packed
from postern.packed_cells import packed
from postern.ports import Result, ResultColumn
from postern.row_json import Column, encode_rows
from postern.services.distinct_values import DistinctValues
from postern.services.sensitive_values import add_sensitive
from postern.types import MaskKind, View, ViewColumn
from postern.values import is_json, is_json_array, is_text

UNMASKED = "unmasked"  # stands in the place of a mask where a class was seen raw


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
    # Of weight for what was computed alone: most answers need not go through all columns of a task.
    computes = any(column.table_oid == 0 for column in result.columns)
    sees_raw = computes and any(_is_raw(column) for view in views for column in view.columns)
    effort = Effort()
    columns: list[AnswerColumn] = []
    written: list[Column] = []
    masked: list[Masked] = []
    sensitive = DistinctValues()
    for column, values in zip(result.columns, result.values, strict=True):
        cells, holds, origin = packed(values), _holds(column), _origin(column, by_oid)
        mask = None if origin is None or origin.mask is None else MaskKind(origin.mask).value
        columns.append(AnswerColumn(column.name, column.type, mask))
        is_raw = origin is not None and _is_raw(origin)
        named = UNMASKED if is_raw else mask
        if named is not None:
            masked.append(Masked(column.name, named, len(cells) - len(cells.nulls)))
        if holds is not None and not is_raw:
            cells, found = redact_packed(cells, holds, enabled, effort)
            masked += [Masked(column.name, f"detected:{kind}", count) for kind, count in sorted(found.items())]
        is_made_of_raw = sees_raw and column.table_oid == 0
        add_sensitive(sensitive, cells, holds_text=holds is not None, is_raw=is_raw, is_made_of_raw=is_made_of_raw)
        written.append(Column(column.type_oid, column.type, cells, column.delimiter))
    return Delivery(
        columns=tuple(columns),
        sensitive=sensitive.count(),
        rows_json=encode_rows(written, result.row_count),
        row_count=result.row_count,
        truncated=result.truncated,
        masked=tuple(masked),
    )


def _holds(column: ResultColumn) -> Holds | None:
    """What of a column is looked over; numbers, dates and the like pass as they are."""
    if is_json(column.type_oid):
        return Holds.JSON
    if is_json_array(column.type_oid):
        return Holds.JSON_ARRAYS
    return Holds.TEXT if is_text(column.type_oid) else None


def _is_raw(column: ViewColumn) -> bool:
    return column.class_name is not None and column.mask is None


def _origin(column: ResultColumn, views: dict[int, View]) -> ViewColumn | None:
    view = views.get(column.table_oid)
    if view is None or not 0 < column.attribute_number <= len(view.columns):
        return None
    return view.columns[column.attribute_number - 1]
