"""Reads of the shop's own tables, which nobody changes, and what each must give: taken from the database beforehand.

The masks are computed here once more, by their description and not by the product's code.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support import direct

_TOKEN = re.compile(r"tok_[0-9a-f]{16}")
_CUSTOMERS = "SELECT full_name, email, phone, birth_date, region, created_at FROM customers ORDER BY id"


@dataclass(frozen=True, slots=True)
class Read:
    """A statement and the rows that it must give, in any order; `masked` names the columns that the answer must too."""

    kind: str
    sql: str
    params: tuple[object, ...]
    rows: tuple[tuple[object, ...], ...]
    masked: tuple[str, ...] = ()

    def wrong(self, answer: Mapping[str, Any]) -> Iterator[str]:
        """What is not as it must be in the answer."""
        if answer["truncated"]:
            yield f"{self.sql}: expected a whole answer, got a truncated one"
        got, expected = Counter(map(_plain, answer["rows"])), Counter(map(_plain, self.rows))
        if got != expected:
            yield f"{self.sql} {self.params}: expected {_some(expected - got)}, got {_some(got - expected)}"
        named = {one["column"] for one in answer["masked"]}
        if named != set(self.masked):
            yield f"{self.sql}: expected the masked columns {sorted(self.masked)}, got {sorted(named)}"


@dataclass(frozen=True, slots=True)
class ShopTruth:
    """The shop's rows."""

    products: Sequence[Sequence[Any]]
    customers: Sequence[Sequence[Any]]
    orders: Sequence[Sequence[Any]]
    categories: Sequence[Sequence[Any]]

    @classmethod
    def load(cls, dsn: str) -> ShopTruth:
        """Reads them as the superuser."""

        def rows(sql: str) -> list[list[Any]]:
            return direct.answer(dsn, sql)[1]

        return cls(
            rows("SELECT id, name, category, price FROM products ORDER BY id"),
            rows(_CUSTOMERS),
            rows("SELECT id, status, total FROM orders ORDER BY id"),
            rows(_CATEGORIES),
        )

    def point(self, draw: random.Random) -> Read:
        row = draw.choice(self.products)
        sql = "SELECT id, name, category, price FROM products WHERE id = $1"
        return Read("point", sql, (row[0],), (tuple(row),))

    def many(self, draw: random.Random) -> Read:
        first = draw.randrange(len(self.orders) - 500)
        ids = (self.orders[first][0], self.orders[first + 499][0])
        rows = tuple(tuple(row) for row in self.orders[first : first + 500])
        return Read("rows", "SELECT id, status, total FROM orders WHERE id BETWEEN $1 AND $2", ids, rows)

    def join(self, _draw: random.Random) -> Read:
        return Read("join", _CATEGORIES, (), tuple(tuple(row) for row in self.categories))

    def masked(self, draw: random.Random) -> Read:
        """Customers of one instant of registration, every sensitive column masked."""
        at = draw.choice(self.customers)[5]
        rows = tuple(_masked(row) for row in self.customers if row[5] == at)
        sql = "SELECT full_name, email, phone, birth_date, region FROM customers WHERE created_at = $1"
        return Read("masked", sql, (at,), rows, _MASKED)

    def tokens(self, draw: random.Random) -> TokenRead:
        at = draw.choice(self.customers)[5]
        count = sum(row[5] == at for row in self.customers)
        return TokenRead(at, count)


@dataclass(frozen=True, slots=True)
class TokenRead:
    """Customers' numbers as tokens: of the right form, as many as there are, no two alike."""

    at: str
    count: int
    kind: str = "tokens"
    sql: str = "SELECT id FROM customers WHERE created_at = $1"

    @property
    def params(self) -> tuple[object, ...]:
        return (self.at,)

    def wrong(self, answer: Mapping[str, Any]) -> Iterator[str]:
        tokens = [row[0] for row in answer["rows"]]
        if len(set(tokens)) != self.count or len(tokens) != self.count:
            yield f"{self.sql} {self.at}: expected {self.count} different tokens, got {len(tokens)} values"
        if not all(isinstance(one, str) and _TOKEN.fullmatch(one) for one in tokens):
            yield f"{self.sql} {self.at}: expected nothing but tokens, got something else"


_CATEGORIES = (
    "SELECT p.category, count(*) AS lines, sum(l.quantity) AS pieces"
    " FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY 1"
)
_MASKED = ("full_name", "email", "phone", "birth_date")


def _masked(row: Sequence[Any]) -> tuple[object, ...]:
    """A customer as the catalog's masks leave it: redact, email, partial with two kept, year."""
    _, email, phone, born, region, _ = row
    local, _, domain = email.partition("@")
    return (
        "[redacted]",
        f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}",
        None if phone is None else f"***{phone[-2:]}",
        None if born is None else f"{born[:4]}-01-01",
        region,
    )


def _plain(row: Sequence[object]) -> tuple[object, ...]:
    return tuple(row)


def _some(rows: Counter[tuple[object, ...]]) -> str:
    return str(list(rows)[:2]) if rows else "nothing"
