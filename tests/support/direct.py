"""The database's own answer, by another road than the product's: pg8000's decoders, as the superuser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pg8000.native

# What pg8000 cannot decode or decodes otherwise.
_AS_TEXT = (1082, 1083, 1186, 1266, 1560, 3904, 3912, 600, 650, 2249, *range(4532, 4537), 4451)


@dataclass(frozen=True, slots=True)
class DirectAnswer:
    """What the database says: columns as (name, type) pairs, and rows in the shapes of Postern's contract."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]


def answer(dsn: str, sql: str) -> tuple[list[str], list[list[Any]]]:
    """Column names and rows in the shapes of Postern's contract."""
    given = typed_answer(dsn, sql)
    return [name for name, _ in given.columns], given.rows


def typed_answer(dsn: str, sql: str, *, search_path: str = "public") -> DirectAnswer:
    """The answer with its columns' types, as the database prints them."""
    parts = urlsplit(dsn)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    connection = pg8000.native.Connection(
        options["user"],
        database=parts.path.lstrip("/"),
        unix_sock=f"{options['host']}/.s.PGSQL.{options['port']}",
        ssl_context=False,
    )
    try:
        for oid in _AS_TEXT:
            connection.register_in_adapter(oid, str)
        connection.run(f"SET search_path = {search_path}")
        connection.run("SET TimeZone = 'UTC'")
        # The extended protocol, but not pg8000's own: that one replaces `:name` in the statement.
        context = connection.execute_unnamed(sql)
        columns = [(column["name"], _type_name(connection, column["type_oid"])) for column in context.columns or ()]
        return DirectAnswer(columns, [[plain(value) for value in row] for row in context.rows or ()])
    finally:
        connection.close()


def _type_name(connection: pg8000.native.Connection, oid: int) -> str:
    ((name,),) = connection.run("SELECT format_type(:oid, NULL)", oid=oid)
    return str(name)


def plain(value: Any) -> Any:
    """A decoded value as JSON has it by the contract."""
    if isinstance(value, Decimal):
        return f"{value:f}"  # PostgreSQL writes no exponents
    if isinstance(value, float) and not isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, bool | int | float | str | dict) or value is None:
        return value
    return str(value)
