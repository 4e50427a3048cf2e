"""A shop in two editions that a task must not be able to tell apart.

Both hold the same open values, and the same values in columns masked by `token`, whose tokens are then the same too.
They differ in every other masked value, drawn at random so that both have the same image under the mask, and
in the rows that filters hide: how many there are and what they hold. What a column's mask lets through is
therefore all that the two have in common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from postern.types import GrantedTable, Mask, MaskKind, RowFilter
from postern.world.names import quote_literal
from tests.support.world import granted, masked

PEOPLE = 24
ORDERS = 40
VISITS = 18

# No table is ever analysed by itself: see `Twins` for what the planner may know.
SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
CREATE DOMAIN address AS varchar(80) CHECK (VALUE <> 'nowhere');
CREATE TABLE people (
    id integer PRIMARY KEY, nick text, region text NOT NULL, active boolean, joined date,
    email text, work_email address, full_name text, motto varchar(60), initials char(8), phone text, ssn text,
    member_code varchar(20), uid uuid, pin integer, born date, hired timestamp, seen timestamptz,
    salary integer, balance bigint, rank smallint, score numeric(8, 2), ratio double precision, weight real,
    reference text, manager integer, is_ill boolean, feeling mood, ip inet, avatar bytea, profile jsonb, tags text[],
    nap interval, bonus numeric, city varchar(30)
) WITH (autovacuum_enabled = false);
CREATE TABLE orders (
    id integer PRIMARY KEY, person_id integer, reference text, total numeric(10, 2), placed timestamptz, status text,
    labels text[], payload jsonb, discount real, comment text, card text, margin numeric, note text, memo jsonb
) WITH (autovacuum_enabled = false);
CREATE TABLE products (
    id integer PRIMARY KEY, name text, price numeric(8, 2), weight real, since date, kinds text[]
) WITH (autovacuum_enabled = false);
CREATE TABLE visits (
    id integer PRIMARY KEY, person_id integer, country text, at timestamp, pages smallint, spent numeric,
    took interval, agent text, origin inet
) WITH (autovacuum_enabled = false);
CREATE TABLE events (day date NOT NULL, kind text, who text, amount integer, doubled integer
    GENERATED ALWAYS AS (amount * 2) STORED) PARTITION BY RANGE (day);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2024-01-01')
    WITH (autovacuum_enabled = false);
CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2030-01-01')
    WITH (autovacuum_enabled = false);
CREATE TABLE vault (owner text, amount integer);
"""
CATALOGUED = tuple(("public", name) for name in ("people", "orders", "visits", "events", "products"))


def grant_tables() -> tuple[GrantedTable, ...]:
    """What the task is granted: every kind of mask, and row filters over open and over masked columns."""
    return (
        granted("people", _PEOPLE_MASKS),
        granted("orders", _ORDERS_MASKS),
        granted("visits", _VISITS_MASKS, row_filter=RowFilter("country = :country", {"country": "FR"})),
        granted("products", dict.fromkeys(("id", "name", "price", "weight", "since", "kinds"))),
        granted("events", _EVENTS_MASKS, row_filter=RowFilter("kind <> 'audit' AND amount < 1000", {})),
    )


_MONTH, _YEAR, _NULL, _REDACT = (
    masked(kind) for kind in (MaskKind.MONTH, MaskKind.YEAR, MaskKind.NULL, MaskKind.REDACT)
)
_EMAIL, _TOKEN, _SCRUB = (masked(kind) for kind in (MaskKind.EMAIL, MaskKind.TOKEN, MaskKind.SCRUB))

_PEOPLE_MASKS: dict[str, Mask | None] = {
    **dict.fromkeys(("id", "nick", "region", "active", "joined", "manager", "nap")),
    "email": _EMAIL,
    "work_email": _EMAIL,
    "full_name": _REDACT,
    "motto": _REDACT,
    "initials": _REDACT,
    "phone": masked(MaskKind.PARTIAL, keep_last=2),
    "ssn": _NULL,
    "member_code": masked(MaskKind.PARTIAL, keep_first=2),
    "uid": masked(MaskKind.PARTIAL, keep_first=1, keep_last=4),
    "pin": masked(MaskKind.PARTIAL, keep_last=1),
    "born": _YEAR,
    "hired": _MONTH,
    "seen": _MONTH,
    "salary": masked(MaskKind.RANGE, width=1000),
    "balance": masked(MaskKind.RANGE, width=100),
    "rank": masked(MaskKind.RANGE, width=7),
    "score": masked(MaskKind.RANGE, width=10),
    "ratio": masked(MaskKind.RANGE, width=5),
    "weight": _NULL,
    "reference": _TOKEN,
    "is_ill": _NULL,
    "feeling": _REDACT,
    "ip": _NULL,
    "avatar": _NULL,
    "profile": _REDACT,
    "tags": _NULL,
    "bonus": masked(MaskKind.SQL, expression="CASE WHEN value < 100 THEN 'low' ELSE 'high' END", type="text"),
    "city": masked(MaskKind.SQL, expression="upper(left(value, 1))", type="text"),
}
_ORDERS_MASKS: dict[str, Mask | None] = {
    **dict.fromkeys(("id", "person_id", "total", "placed", "status", "labels", "payload", "discount")),
    "reference": _TOKEN,
    "comment": _REDACT,
    "card": masked(MaskKind.PARTIAL, keep_last=4),
    "margin": masked(MaskKind.RANGE, width=50),
    "note": _SCRUB,
    "memo": _SCRUB,
}
_VISITS_MASKS: dict[str, Mask | None] = {
    **dict.fromkeys(("id", "person_id", "country", "at", "pages", "spent", "took")),
    "agent": _REDACT,
    "origin": _NULL,
}
_EVENTS_MASKS: dict[str, Mask | None] = {**dict.fromkeys(("day", "kind", "amount", "doubled")), "who": _REDACT}


@dataclass(frozen=True, slots=True)
class Edition:
    """One of the two shops. `shared` draws what both have, `own` what only this one has."""

    seed: int
    name: str
    reference: str = "raw-reference"  # what the values begin with that a token stands for

    def fill(self) -> str:
        """The INSERT statements of this edition."""
        own, shared = Random(f"{self.seed}/{self.name}"), Random(self.seed)
        people = [_person(i, shared, own) | self._referring(i, 7, 5) for i in range(1, PEOPLE + 1)]
        people[10]["full_name"] = quote_literal(self.name)  # one value that surely differs
        orders = [_order(i, shared, own) | self._referring(i, 9, 6) for i in range(1, ORDERS + 1)]
        statements = [_insert("people", row) for row in people] + [_insert("orders", row) for row in orders]
        visible = [_visit(i, shared, own) for i in range(1, VISITS + 1)]
        statements += [_insert("visits", row) for row in visible + _hidden_visits(own)]
        statements += [_insert("events", row) for row in _events(shared, own)]
        statements += [_insert("products", _product(i)) for i in range(1, 13)]
        statements += [_insert("vault", {"owner": quote_literal(_word(own)), "amount": str(own.randrange(10**6))})]
        return ";\n".join(statements)

    def _referring(self, i: int, null_every: int, values: int) -> Row:
        return {"reference": "NULL" if i % null_every == 0 else quote_literal(f"{self.reference}-{i % values}")}


Row = dict[str, str]  # column -> SQL literal


def _insert(table: str, row: Row) -> str:
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"


def _person(i: int, shared: Random, own: Random) -> Row:
    return {
        "id": str(i),
        "nick": quote_literal(("ada", "bo", "cy", "42", "", "Éa")[i % 6]),
        "region": quote_literal(("EU", "US", "APAC")[i % 3]),
        "active": ("true", "false", "NULL")[i % 3],
        "joined": f"date '2021-01-01' + {i * 17}",
        "manager": "NULL" if i < 4 else str(i // 4),
        "nap": f"interval '{i % 9} minutes'",
        **_masked_texts(i, shared, own),
        **_masked_moments(i, shared, own),
        **_masked_numbers(i, shared, own),
        # Shown as NULL whatever they hold.
        "ssn": _or_null(own, lambda: quote_literal(f"{own.randrange(1000):03}-{own.randrange(10**4):04}")),
        "weight": _or_null(own, lambda: repr(own.uniform(40, 120))),
        "is_ill": own.choice(("true", "false", "NULL")),
        "feeling": own.choice(("'sad'", "'so so'", "'happy'", "NULL")),
        "ip": _or_null(own, lambda: f"'10.{own.randrange(256)}.0.{own.randrange(256)}'"),
        "avatar": _or_null(own, lambda: f"'\\x{own.randbytes(own.randrange(9)).hex()}'"),
        "profile": own.choice((f"'{{\"a\": {own.randrange(9)}}}'", "'[]'", "'null'", "NULL")),
        "tags": own.choice(("'{}'", f"'{{x,{own.randrange(9)}}}'", "'{NULL}'", "NULL")),
    }


def _masked_texts(i: int, shared: Random, own: Random) -> Row:
    return {
        "email": _email(i, shared, own),
        "work_email": _email(i + 1, shared, own),
        "full_name": _nullable(i, 5, lambda: quote_literal(_odd_text(own))),
        "motto": _nullable(i, 4, lambda: quote_literal(_odd_text(own)[:60])),
        "city": _nullable(i, 8, lambda: quote_literal(shared.choice("abC") + _odd_text(own)[:25])),
        "initials": _nullable(i, 9, lambda: quote_literal(_word(own)[:8])),
        "phone": _nullable(i, 6, lambda: quote_literal(_kept(i, shared, own, keep_last=2))),
        "member_code": quote_literal(_kept(i, shared, own, keep_first=2)),
        "uid": _uuid(shared, own),
        "pin": _nullable(i, 8, lambda: f"{own.randrange(1, 10 ** own.randrange(1, 8))}{shared.randrange(10)}"),
    }


def _masked_moments(i: int, shared: Random, own: Random) -> Row:
    year, month = shared.randrange(1950, 2005), shared.randrange(1, 13)
    return {
        # No year can be told of the last three: all of them are shown as NULL.
        "born": own.choice(("NULL", "'infinity'", "'-infinity'"))
        if i % 6 == 0
        else f"'{year}-{own.randrange(1, 13):02}-{own.randrange(1, 29):02}'",
        "hired": _nullable(
            i, 7, lambda: f"'{year + 20}-{month:02}-{own.randrange(1, 29):02} 10:{own.randrange(60):02}'"
        ),
        "seen": f"'2025-{month:02}-{own.randrange(2, 28):02} {own.randrange(24):02}:00:00+00'",
    }


def _masked_numbers(i: int, shared: Random, own: Random) -> Row:
    step = shared.randrange(-3, 6)
    return {
        "salary": _nullable(i, 5, lambda: str(step * 1000 + own.randrange(1000))),
        "balance": str(step * 100 + own.randrange(100)),
        "rank": str((step + 4) * 7 + own.randrange(7)),
        "bonus": _nullable(i, 6, lambda: repr(own.uniform(-500, 99) if step < 1 else own.uniform(100, 10**7))),
        "score": _nullable(i, 9, lambda: f"{step * 10 + own.randrange(1000) / 100:.2f}"),
        # Infinity and NaN have no bucket, like NULL.
        "ratio": own.choice(("'NaN'", "'Infinity'", "NULL")) if i % 5 == 0 else repr(step * 5 + own.uniform(0, 4.99)),
    }


def _order(i: int, shared: Random, own: Random) -> Row:
    return {
        "id": str(i),
        "person_id": "NULL" if i % 11 == 0 else str(1 + i * 7 % PEOPLE),
        "total": f"{i * 37 % 50}.{i % 10}0",
        "placed": f"timestamptz '2024-01-01 00:00:00+00' + interval '{i * 29} hours'",
        "status": quote_literal(("open", "paid", "returned")[i % 3]),
        "labels": ("'{}'", "'{web}'", "'{web,NULL}'", "NULL")[i % 4],
        "payload": (f'\'{{"n": {i}, "s": "x"}}\'', "'[1, null]'", "'\"t\"'", "NULL")[i % 4],
        "discount": repr(i / 8),
        "comment": _nullable(i, 6, lambda: quote_literal(_odd_text(own))),
        "card": _nullable(i, 4, lambda: quote_literal(_kept(i + 1, shared, own, keep_last=4))),
        "margin": f"{shared.randrange(-4, 9) * 50 + own.uniform(0.01, 49.9):.6f}",
        "note": quote_literal(f"write to {_found(own)} or {_found(own, of=_CARDS)}, paid {i}"),
        "memo": _nullable(i, 5, lambda: f'\'{{"who": "{_found(own)}", "paid": ["{_found(own, of=_IBANS)}", {i}]}}\''),
    }


def _product(i: int) -> Row:
    return {
        "id": str(i),
        "name": quote_literal(("lamp", "chair", "Oak bowl", "")[i % 4]),
        "price": "NULL" if i == 7 else f"{i * 3}.{i % 10}5",
        "weight": repr(i / 4),
        "since": f"date '2020-01-01' + {i * 40}",
        "kinds": ("'{}'", "'{new}'", "'{new,NULL}'")[i % 3],
    }


def _visit(i: int, shared: Random, own: Random, *, country: str = "FR") -> Row:
    return {
        "id": str(i * 10 if country == "FR" else i),
        "person_id": str(1 + shared.randrange(PEOPLE)),
        "country": quote_literal(country),
        "at": f"timestamp '2025-01-01' + interval '{shared.randrange(9999)} minutes'",
        "pages": str(shared.randrange(9)),
        "spent": "NULL" if shared.random() < 0.2 else f"{shared.randrange(900) / 7:.3f}",
        "took": f"interval '{shared.randrange(90)} seconds'",
        "agent": _nullable(i, 5, lambda: quote_literal(_odd_text(own))),
        "origin": _or_null(own, lambda: f"'192.0.2.{own.randrange(256)}'"),
    }


def _hidden_visits(own: Random) -> list[Row]:
    """Rows of other countries, with keys between those of the visible ones: how many there are differs too."""
    keys = own.sample([key for key in range(1, VISITS * 10) if key % 10], own.randrange(3, 15))
    return [_visit(key, own, own, country=own.choice(("DE", "US", "", "fr"))) for key in keys]


def _events(shared: Random, own: Random) -> list[Row]:
    visible = [
        {
            "day": f"'{2022 + i % 4}-0{1 + i % 9}-11'",
            "kind": quote_literal(("login", "buy", "call")[i % 3]),
            "who": _nullable(i, 4, lambda: quote_literal(_odd_text(own))),
            "amount": str(shared.randrange(-5, 40)),
        }
        for i in range(20)
    ]
    hidden = [
        {**visible[0], "kind": own.choice(("'audit'", "'buy'", "'login'")), "amount": str(own.randrange(1000, 10**6))}
        for _ in range(own.randrange(1, 9))
    ]
    return [*visible, *hidden]


def _nullable(i: int, every: int, value: Callable[[], str]) -> str:
    return "NULL" if i % every == 0 else value()


def _or_null(own: Random, value: Callable[[], str]) -> str:
    return "NULL" if own.random() < 0.4 else value()


def _email(i: int, shared: Random, own: Random) -> str:
    if i % 8 == 0:
        return "NULL"
    if i % 6 == 0:
        return quote_literal(own.choice(("no address", "", "a@b", "@", "42", "x y@z.com")))
    user, host = shared.choice("abc1"), shared.choice("dxyz")
    top = shared.choice(("com", "org", "example"))
    return quote_literal(f"{user}{_word(own)}@{host}{_word(own)}.{top}")


def _kept(i: int, shared: Random, own: Random, *, keep_first: int = 0, keep_last: int = 0) -> str:
    """A value whose kept part is shared; one too short for its kept part to be shown, now and then."""
    if i % 7 == 0:
        return "".join(own.choices("0123456789 x", k=own.randrange(2 * (keep_first + keep_last))))
    first, last = ("".join(shared.choices("0123456789ab", k=kept)) for kept in (keep_first, keep_last))
    return first + "".join(own.choices("0123456789 x", k=own.randrange(keep_first + keep_last, 9))) + last


def _uuid(shared: Random, own: Random) -> str:
    return f"'{shared.randrange(16):x}{own.getrandbits(108):027x}{shared.randrange(16**4):04x}'"


def _odd_text(own: Random) -> str:
    """Text that much can be asked of: numbers, dates, patterns, JSON, nothing, other alphabets, many bytes."""
    return own.choice(
        (
            str(own.randrange(-9, 10**6)),
            f"19{own.randrange(10, 99)}-01-01",
            "",
            "%_[(",
            '{"a": 1}',
            "{1,2}",
            "true",
            f"{_word(own)} {_word(own)}",
            "Ж" * own.randrange(1, 9),
            _word(own) * 9,
        )
    )


# Known to be nobody's: what card schemes and the standard give as examples.
_CARDS = ("4111111111111111", "4012 8888 8888 1881", "5500-0055-5555-5559", "378282246310005", "6011111111111117")
_IBANS = ("DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "FR1420041010050500013M02606")


def _found(own: Random, of: tuple[str, ...] = ()) -> str:
    """A value that `scrub` finds: one of the given, or an address."""
    return own.choice(of) if of else f"{_word(own)}.{_word(own)}@{_word(own)}.com"


def _word(own: Random) -> str:
    return "".join(own.choices("abcdefghijklmnopqrstuvwxyz", k=own.randrange(1, 10)))
