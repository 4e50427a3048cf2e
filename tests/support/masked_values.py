"""A session and a column of each type that masks are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pg8000.native

from postern.masking.column_types import ColumnType
from postern.masking.expressions import mask_expression, mask_misfit
from postern.types import Mask, MaskKind
from postern.world.live import live_tables_sql, parse_live_tables
from postern_local.postgres import PostgresServer
from tests.support.servers import fresh_database

KEY = b"k" * 32
KEY_SQL = f"(SELECT '\\x{KEY.hex()}'::bytea)"

# A column of each type, by the name that the cases below use.
TYPES = {
    "text": "text",
    "varchar": "varchar",
    "varchar5": "varchar(5)",
    "char8": "char(8)",
    "name": "name",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "numeric": "numeric",
    "numeric4_2": "numeric(4, 2)",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "uuid": "uuid",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp0": "timestamp(0)",
    "timestamptz": "timestamptz",
    "time": "time",
    "interval": "interval",
    "bytea": "bytea",
    "inet": "inet",
    "json": "json",
    "jsonb": "jsonb",
    "text_array": "text[]",
    "varchar_array": "character varying(20)[]",
    "int_array": "integer[][]",
    "mood": "mood",
    "mood_array": "mood[]",
    "email_domain": "email_domain",
    "required": "required",
    "nested": "nested",
    "pair": "pair",
    "money": "money",
    "int4range": "int4range",
    "point": "point",
    "tsvector": "tsvector",
    "note": "note",
    "day": "day",
    "document": "document",
    "timetz": "time with time zone",
    "bit3": "bit(3)",
    "xml": "xml",
    "datemultirange": "datemultirange",
}
TYPES_SQL = f"""
CREATE TYPE mood AS ENUM ('sad', 'it''s', '');
CREATE DOMAIN email_domain AS varchar(60) CHECK (VALUE ~ '@');
CREATE DOMAIN required AS text NOT NULL;
CREATE DOMAIN nested AS email_domain CHECK (length(VALUE) > 3);
CREATE DOMAIN note AS text;
CREATE DOMAIN day AS date CHECK (VALUE > '1900-01-01');
CREATE DOMAIN document AS jsonb;
CREATE TYPE pair AS (a text, b int);
CREATE TABLE sample ({", ".join(f"{name} {declared}" for name, declared in TYPES.items())});
"""


@dataclass(frozen=True)
class Values:
    """A session, and the types of the columns of TYPES as a live database describes them."""

    connection: pg8000.native.Connection
    types: dict[str, ColumnType]

    def masked_sql(self, mask: Mask, type_name: str, value: str) -> str:
        masked = mask_expression(mask, "t.v", self.types[type_name], KEY_SQL)
        return f"SELECT {masked.sql} AS m FROM (SELECT CAST({value} AS {TYPES[type_name]}) AS v) AS t"

    def mask(self, mask: Mask, type_name: str, value: str) -> str | None:
        """The masked value as text; `value` is SQL."""
        ((text,),) = self.connection.run(f"SELECT m::text FROM ({self.masked_sql(mask, type_name, value)}) AS s")
        return None if text is None else str(text)

    def fitting(self, type_name: str) -> list[Mask]:
        """Every mask that can stand on the type, with parameters."""
        return [mask for mask in EVERY_MASK if mask_misfit(mask, self.types[type_name]) is None]


def sql_mask(expression: str, type_: str = "text") -> Mask:
    return Mask(MaskKind.SQL, expression=expression, type=type_)


EVERY_MASK = (
    *(Mask(kind) for kind in MaskKind if kind not in {MaskKind.PARTIAL, MaskKind.RANGE, MaskKind.SQL}),
    Mask(MaskKind.PARTIAL, keep_first=2),
    Mask(MaskKind.PARTIAL, keep_last=4),
    Mask(MaskKind.PARTIAL, keep_first=1, keep_last=1),
    Mask(MaskKind.RANGE, width=100),
    sql_mask("CASE WHEN value LIKE 'a%' OR value ~ '^[0-9]+$' THEN left(lower(value), 2) || '***' ELSE 'other' END"),
    sql_mask("regexp_replace(split_part(translate(value, '@', '#'), '#', 2), '(a|b)*[0-9]{1,3}', '', 'g')"),
    sql_mask("substring(upper(value) from 2 for 3) || coalesce(nullif(btrim(value), ''), '-')"),
    sql_mask("char_length(value)", "integer"),
    sql_mask("round(value / 3 * 7 - value % 5, 2) + floor(value) * abs(value)", "numeric"),
    sql_mask("CASE WHEN value BETWEEN 0 AND 10 THEN 'low' ELSE 'high' END"),
    sql_mask("ceil(value)", "text"),
    sql_mask("date_trunc('quarter', value)", "date"),
    sql_mask("date_trunc('week', value)", "timestamp without time zone"),
    sql_mask("extract(isoyear from value) * 100 + extract(dow from value)", "numeric"),
    sql_mask("value < DATE '1990-01-01'", "boolean"),
    sql_mask("CASE value WHEN 'sad' THEN 'blue' WHEN 'true' THEN 'yes' ELSE NULL END"),
    sql_mask("value IS NOT NULL AND NOT (value IS NULL)", "boolean"),
)


@contextmanager
def sample_values(server: PostgresServer) -> Iterator[Values]:
    """A database of its own with the table `sample`, which has a column of each type and no rows."""
    with fresh_database(server) as database:
        database.run(_OWNER_SQL + TYPES_SQL)
        connection = database.connect()
        connection.run("SET search_path = pg_catalog")
        rows = connection.execute_simple(live_tables_sql([("public", "sample")])).rows
        connection.run("SET search_path = public")
        yield Values(connection, dict(parse_live_tables(rows)["public", "sample"].columns))
        connection.close()


# The question about live tables also asks what postern_owner may read.
_OWNER_SQL = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_owner') THEN CREATE ROLE postern_owner; END IF;
END $$;
"""
