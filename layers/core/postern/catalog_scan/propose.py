"""A class for each column, and a word where nobody should take it without a look.

What is not recognised is hidden rather than shown: a proposal is read in a hurry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postern.catalog_scan.classes import (
    BY_KIND,
    CLASSES,
    DOCUMENT,
    FREE_TEXT,
    HIDDEN,
    PERSON,
    class_of_name,
    is_of_people,
    is_open_name,
)
from postern.catalog_scan.samples import Evidence
from postern.catalog_scan.tables import ColumnKey, ScannedColumn, ScannedTable
from postern.masking.detectors import DEFAULT_DETECTORS
from postern.masking.expressions import fitting_masks
from postern.types import MaskKind

_PLAIN = {"bool", "enum", "uuid", "interval", "time", "timetz", "money", "bit", "varbit", "int4range", "daterange"}
_ADDRESSES = {"inet", "cidr", "macaddr", "macaddr8"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a column should be: of a class, or open where that is None; `unsure` says what to look at."""

    class_name: str | None
    unsure: str | None = None


Proposals = dict[ColumnKey, Proposal]
_Doubt = tuple[str | None, str | None]


def propose(tables: Sequence[ScannedTable], evidence: Mapping[ColumnKey, Evidence]) -> Proposals:
    """A proposal for every column whose type a world supports. Keys that refer to people agree with each other."""
    proposals: Proposals = {}
    people = _people_keys(tables)
    for table in tables:
        for column in table.columns:
            key = (table.schema, table.name, column.name)
            if not column.type.is_foreign:
                proposals[key] = _fitting(column, _judge(table, column, evidence.get(key), is_person=key in people))
    return _agreed(tables, proposals)


def _agreed(tables: Sequence[ScannedTable], proposals: Proposals) -> Proposals:
    """With every foreign key of its target's class, so that what is masked there is not shown here, and joins work."""
    columns = _by_key(tables)
    agreed = dict(proposals)
    for key in proposals:
        end = proposals.get(_end_of(key, columns))
        if columns[key][1].references is not None and end is not None and end.class_name is not None:
            agreed[key] = _fitting(columns[key][1], (end.class_name, end.unsure))
    return agreed


_Columns = Mapping[ColumnKey, tuple[ScannedTable, ScannedColumn]]


def _by_key(tables: Sequence[ScannedTable]) -> _Columns:
    return {(table.schema, table.name, column.name): (table, column) for table in tables for column in table.columns}


def _end_of(key: ColumnKey, columns: _Columns) -> ColumnKey:
    """Where a chain of foreign keys leads to; where it comes round, the least of the ring, for all of them alike."""
    seen = [key]
    while (following := columns[seen[-1]][1].references) is not None and following in columns:
        if following in seen:
            return min(seen[seen.index(following) :])
        seen.append(following)
    return seen[-1]


def _people_keys(tables: Sequence[ScannedTable]) -> set[ColumnKey]:
    """Primary keys of people, and every key that leads to one."""
    columns = _by_key(tables)
    people = set()
    for key in columns:
        table, column = columns[_end_of(key, columns)]
        if column.is_primary and is_of_people(table.name) and len(_primaries(table)) == 1:
            people.add(key)
    return people


def _primaries(table: ScannedTable) -> list[ScannedColumn]:
    return [column for column in table.columns if column.is_primary]


def _judge(table: ScannedTable, column: ScannedColumn, evidence: Evidence | None, *, is_person: bool) -> _Doubt:
    named = class_of_name(column.name)
    if evidence is not None and evidence.whole is not None:
        found = BY_KIND[evidence.whole]
        doubt = (
            None if found == named or evidence.whole in DEFAULT_DETECTORS else f"most values look like {evidence.whole}"
        )
        return found, doubt
    if is_person and MaskKind.TOKEN in fitting_masks(column.type):
        return PERSON, None
    if _is_surrogate(column) and named != "pii.id_number":
        return None, None
    if named is not None and named != FREE_TEXT:
        return named, None
    if column.is_primary or column.references is not None:
        return None, "a key: does it say who somebody is?"
    return _judge_type(table, column, evidence, named)


def _is_surrogate(column: ScannedColumn) -> bool:
    """Whether it is a key that says nothing by itself."""
    is_key = column.is_primary or column.references is not None or column.name.lower().endswith("id")
    return is_key and (column.type.is_integer or column.type.base == "uuid")


def _judge_type(table: ScannedTable, column: ScannedColumn, evidence: Evidence | None, named: str | None) -> _Doubt:
    if column.type.base in _ADDRESSES:
        return "net.ip", None
    if not column.type.is_text:
        return _judge_other(column)
    if evidence is not None and evidence.inside:
        return FREE_TEXT, f"some values hold {', '.join(evidence.inside)}"
    if named == FREE_TEXT:
        return FREE_TEXT, None
    if column.name.lower() == "name":
        return ("pii.name", None) if is_of_people(table.name) else (None, "a name: of a thing, or of a person?")
    if is_open_name(column.name):
        return None, None
    if evidence is not None and evidence.is_category:
        return None, "open because a few values are repeated"
    return FREE_TEXT, "text without a sign of what it holds" if evidence is not None else "not sampled"


def _judge_other(column: ScannedColumn) -> _Doubt:
    if column.type.is_number or column.type.is_date or column.type.base in _PLAIN:
        return None, None
    scrubs = MaskKind.SCRUB in fitting_masks(column.type)
    return FREE_TEXT if scrubs else DOCUMENT, f"{column.type.base}: it may hold anything"


def _fitting(column: ScannedColumn, judged: _Doubt) -> Proposal:
    """The proposal, with a class whose mask can stand on the column's type."""
    name, unsure = judged
    if name is None or CLASSES[name].mask in fitting_masks(column.type):
        return Proposal(name, unsure)
    return Proposal(HIDDEN, unsure or f"{name}, but the type cannot carry its mask")
