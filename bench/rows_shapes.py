"""Answers of every shape: what is usual, what is wide or narrow, and what takes the most memory for its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.services.calls import MAX_BYTES
from postern.types import View, ViewColumn

_OPEN = (
    "i, i * 7 AS a, (i * 1.25)::numeric(12, 2) AS b, 'status ' || i % 7 AS c, md5(i::text) AS d, now() AS e,"
    " current_date AS f, i % 2 = 0 AS g"
)
# As masks write them: a token, stars, a mail address cut, a date cut, a text scrubbed.
_MASKED = (
    "i, 'tok_' || left(md5(i::text), 16) AS a, '***' || i % 100 AS b, left(md5(i::text), 1) || '***@e***.com' AS c,"
    " '[redacted]'::text AS d, date_trunc('year', now())::date AS e, 'note [scrubbed] ' || i AS f, (i % 900)::numeric"
    " AS g"
)
RAW = View("public", "people", "people", (ViewColumn("email", "text", "pii.email", None),), oid=1)


@dataclass(frozen=True, slots=True)
class Shape:
    """A statement over `{rows}` rows, and what its task sees raw."""

    name: str
    sql: str
    rows: int
    views: tuple[View, ...] = ()
    max_bytes: int = MAX_BYTES

    @property
    def statement(self) -> str:
        return self.sql.replace("{rows}", str(self.rows))


def _of(select: str) -> str:
    return f"SELECT {select} FROM generate_series(1, {{rows}}) AS i"


# One row of everything, small: what is imported and made once is there after it.
ONE_ROW = (
    "SELECT 1 AS a, 1.5::float8 AS b, now() AS c, 'ask bob@example.com' AS d,"
    " '{\"a\": \"eve@example.com\"}'::jsonb AS e, array['x y', NULL] AS f, 'é' AS g, 'tok_0123456789abcdef' AS h"
)
RATES = (
    Shape("8 open columns", _of(_OPEN), 10_000),
    Shape("8 masked columns", _of(_MASKED), 10_000),
    Shape("8 open columns", _of(_OPEN), 100_000),
    Shape("8 masked columns", _of(_MASKED), 100_000),
    Shape("integer, text, JSON", _of("i, md5(i::text) AS a, jsonb_build_object('n', i, 't', 'x') AS b"), 10_000),
    Shape(
        "text with addresses in it", _of("'ask user' || i || '@example.com, or nobody' AS a, md5(i::text) AS b"), 10_000
    ),
    Shape("arrays of text", _of("array['a b', i::text, NULL, 'x'] AS a, array[i, i + 1] AS b"), 10_000),
    Shape("1 column of integers", _of("i"), 100_000),
)
# As many rows as come within the bound of bytes that a call has, or enough to tell.
MEMORY: Sequence[Shape] = (
    Shape("8 open columns", _of(_OPEN), 100_000),
    Shape("8 masked columns", _of(_MASKED), 20_000),
    Shape("1 column of integers", _of("i"), 100_000),
    Shape("1 column, 1 letter", _of("'a'::text"), 100_000),
    Shape("1 column, NULL", _of("NULL::text"), 100_000),
    Shape(
        "1,600 columns, 2 letters",
        "SELECT {columns} FROM generate_series(1, {rows}) AS i".replace(
            "{columns}", ", ".join(f"'ab'::text AS c{place}" for place in range(1_600))
        ),
        250,
    ),
    Shape("tokens", _of("'tok_' || left(md5(i::text), 16)"), 100_000),
    Shape("computed beside raw values", _of("md5(i::text)"), 100_000, (RAW,)),
    Shape("every value an address", _of("'user' || i || '@example.com'"), 100_000),
    Shape("JSON", _of("jsonb_build_object('n', i, 't', md5(i::text), 'list', jsonb_build_array(1, 2, NULL))"), 30_000),
    Shape(
        "JSON of 1 MB, short strings",
        "SELECT jsonb_agg('abcdef\"'::text) FROM generate_series(1, 79000) AS i, "
        "generate_series(1, 2) AS j GROUP BY j LIMIT {rows}",
        2,
    ),
    Shape("arrays of text", _of("array['a b', i::text, NULL, 'x']"), 60_000),
    Shape(
        "arrays of 1 MB",
        "SELECT array_agg('ab'::text) FROM generate_series(1, 320000) AS i, generate_series(1, 2) AS j"
        " GROUP BY j LIMIT {rows}",
        2,
    ),
    Shape(
        "nested arrays of 1 MB",
        "SELECT array_agg(array['a','b c']) FROM generate_series(1, 80000) AS i,"
        " generate_series(1, 2) AS j GROUP BY j LIMIT {rows}",
        2,
    ),
    Shape("quotes and backslashes", _of("repeat('\\\"', 50)"), 20_000),
    Shape("control characters", _of("repeat(chr(1), 100)"), 5_000),
    Shape("1 value of 1 MB", _of("repeat('x', 999000)"), 1),
    Shape(
        "1 row of 5 values of 1 MB",
        _of(
            "repeat('x', 990000) a, repeat('y', 990000) b, repeat('z', 990000) c,"
            " repeat('v', 990000) d, repeat('w', 990000) e"
        ),
        1,
    ),
    Shape("5 rows of 1 MB", _of("repeat('x', 999000)"), 5),
    Shape("Latin letters with accents", _of("repeat('é', 50)"), 20_000),
    Shape("a dash in every row", _of("md5(i::text) || ' – ' || md5(i::text)"), 25_000),
    Shape("a smile in every row", _of("md5(i::text) || ' 🙂 ' || md5(i::text)"), 25_000),
)
