"""Walls with a hole in them, which the generator must find: masking by output column, and single broken masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from postern.ports import Result
from postern.types import GrantedTable
from postern.world.names import quote_ident, quote_qualified
from tests.noninterference.shop import grant_tables
from tests.noninterference.twins import Wall
from tests.support.servers import Database


def masking_by_output_column() -> Wall:
    """What brokers do that leave the database as it is: every column is granted raw, and an answer's column is blanked
    where its name is a masked column's.
    """
    masked = {column.name for table in grant_tables() for column in table.columns if column.mask is not None}

    def blank(result: Result) -> Result:
        pairs = zip(result.columns, result.values, strict=True)
        blanked = tuple([None] * len(cells) if column.name in masked else cells for column, cells in pairs)
        return replace(result, values=blanked)

    return Wall(tables=tuple(_raw(table) for table in grant_tables()), change=blank)


def _raw(table: GrantedTable) -> GrantedTable:
    return replace(table, columns=tuple(replace(column, mask=None) for column in table.columns))


@dataclass(frozen=True, slots=True)
class Broken:
    """A view column whose expression, over the table as `raw` and its own view as `v`, lets too much through."""

    table: str
    column: str
    expression: str


BROKEN = {
    "the length of a text": Broken("people", "full_name", "repeat('*', length(raw.full_name))"),
    "whether two values are equal": Broken("orders", "card", "left(md5(raw.card), 9)"),
    "one character more": Broken("people", "email", "left(raw.email, 2) || '***'"),
    "whether there is a value": Broken("people", "ssn", "CASE WHEN raw.ssn IS NOT NULL THEN '-' END"),
    "a month where the year is": Broken("people", "born", "date_trunc('month', raw.born)::date"),
    "the nearest bound, not the lower": Broken("people", "salary", "round(raw.salary, -3)::integer"),
    "the order of values": Broken("orders", "margin", "rank() OVER (ORDER BY raw.margin)"),
    "a short value as it is": Broken(
        "people", "member_code", "CASE WHEN length(raw.member_code) < 4 THEN raw.member_code ELSE v.member_code END"
    ),
    "an error at one value": Broken(
        "people", "full_name", "left('[redacted]', 10 / (CASE WHEN raw.full_name = 'one' THEN 0 ELSE 1 END))"
    ),
}


def broken_mask(hole: Broken) -> Wall:
    """The product's wall with one expression of one view replaced."""

    def finish(database: Database, role: str) -> None:
        view = quote_qualified(role, hole.table)
        ((definition,),) = database.run(f"SELECT rtrim(pg_get_viewdef('{view}'::regclass), ';')")
        columns = [column.name for table in grant_tables() if table.name == hole.table for column in table.columns]
        items = [f"({hole.expression})" if name == hole.column else f"v.{quote_ident(name)}" for name in columns]
        types = _types(database, view)
        shown = ", ".join(
            f"{item}::{types[name]} AS {quote_ident(name)}" for item, name in zip(items, columns, strict=True)
        )
        database.run(
            f"CREATE OR REPLACE VIEW {view} AS SELECT {shown}"
            f" FROM ({definition}) AS v JOIN public.{hole.table} AS raw ON raw.id = v.id"
        )

    return Wall(finish=finish)


def without_row_filter() -> Wall:
    """The product's wall over a catalog whose author forgot the row filters."""
    return Wall(tables=tuple(replace(table, row_filter=None) for table in grant_tables()))


def _types(database: Database, view: str) -> dict[str, str]:
    rows = database.run(
        f"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{view}'::regclass"
        " AND attnum > 0"
    )
    return {str(name): str(type_name) for name, type_name in rows}


HOLES: dict[str, Callable[[], Wall]] = {
    "masking by output column": masking_by_output_column,
    "no row filter": without_row_filter,
    **{name: lambda hole=hole: broken_mask(hole) for name, hole in BROKEN.items()},  # type: ignore[misc]
}
