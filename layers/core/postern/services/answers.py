"""What a caller is delivered: values converted, looked over by the detectors, and encoded once.

The bytes that are digested into the outcome are the bytes that leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from postern.masking.detectors import DEFAULT_DETECTORS, DetectorKind, redact_column, redact_json_column
from postern.ports import Result, ResultColumn
from postern.types import Budgets, CommandId, MaskKind, Receipt, View, ViewColumn
from postern.values import convert_column, encode_rows, is_json, is_text


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column of an answer. `mask` is None where the values are as the database has them or were computed."""

    name: str
    type: str
    mask: str | None


@dataclass(frozen=True, slots=True)
class Masked:
    """How often a mask stood in a delivered column: a view's mask by its kind, a detector's as `detected:<kind>`."""

    column: str
    mask: str
    count: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A result as it leaves: `rows_json` is the JSON array of rows."""

    columns: tuple[AnswerColumn, ...]
    rows_json: bytes
    row_count: int
    truncated: bool
    masked: tuple[Masked, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer to one statement."""

    command_id: CommandId
    delivery: Delivery
    affected: int | None
    remaining: Budgets
    expires_at_s: int
    receipt: Receipt


def deliver(result: Result, views: Sequence[View]) -> Delivery:
    """The result as it may leave. The masks of view columns are counted here, not applied: the database did that."""
    by_oid = {view.oid: view for view in views}
    columns: list[AnswerColumn] = []
    values: list[list[object]] = []
    masked: list[Masked] = []
    for column, cells in zip(result.columns, result.values, strict=True):
        mask = _mask_of(column, by_oid)
        columns.append(AnswerColumn(column.name, column.type, mask))
        if mask is not None:
            masked.append(Masked(column.name, mask, sum(cell is not None for cell in cells)))
        looked_over, found = _look_over(column, cells)
        masked += [Masked(column.name, f"detected:{kind}", count) for kind, count in sorted(found.items())]
        values.append(convert_column(column.type_oid, looked_over, column.type))
    return Delivery(
        tuple(columns), encode_rows(values, result.row_count), result.row_count, result.truncated, tuple(masked)
    )


def _look_over(column: ResultColumn, cells: list[str | None]) -> tuple[list[str | None], Counter[DetectorKind]]:
    """The second net, over what holds text; numbers, dates and the like pass as they are."""
    if is_text(column.type_oid):
        return redact_column(cells, DEFAULT_DETECTORS)
    if is_json(column.type_oid):
        return redact_json_column(cells, DEFAULT_DETECTORS)
    return cells, Counter()


def _mask_of(column: ResultColumn, views: dict[int, View]) -> str | None:
    origin = _origin(column, views)
    return None if origin is None or origin.mask is None else MaskKind(origin.mask).value


def _origin(column: ResultColumn, views: dict[int, View]) -> ViewColumn | None:
    view = views.get(column.table_oid)
    if view is None or not 0 < column.attribute_number <= len(view.columns):
        return None
    return view.columns[column.attribute_number - 1]
