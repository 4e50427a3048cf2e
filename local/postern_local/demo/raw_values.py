"""What the database really holds, read as its superuser: to see that none of it was delivered."""

from __future__ import annotations

from collections.abc import Iterable

import pg8000.native

from postern_local.postgres import PostgresServer

_COLUMNS = (
    ("customers", "full_name"),
    ("customers", "email"),
    ("customers", "phone"),
    ("customers", "birth_date::text"),
    ("payments", "card_number"),
    ("payments", "iban"),
)


def read(server: PostgresServer, sql: str, **parameters: object) -> list[list[object]]:
    """Rows as the superuser sees them."""
    connection = pg8000.native.Connection(
        "postgres", database="shop", unix_sock=f"{server.socket_dir}/.s.PGSQL.{server.port}"
    )
    try:
        rows = connection.run(sql, **parameters)
        return [list(row) for row in rows or ()]
    finally:
        connection.close()


def sensitive_values(server: PostgresServer) -> frozenset[str]:
    """Every value of the masked columns that is long enough not to stand in a text by chance."""
    found = (
        str(value)
        for table, column in _COLUMNS
        for (value,) in read(server, f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
    )
    # A year's first day is what the mask of a birth date makes of it.
    return frozenset(value for value in found if len(value) > 6 and not value.endswith("-01-01"))


def leaked(delivered: str, values: Iterable[str]) -> list[str]:
    """The values that stand in what was delivered."""
    return [value for value in values if value in delivered]
