"""Calls that are full of literals, each literal told: whatever becomes of them, it is known what to search for.

One number makes all of it: another gives calls of the same shape with other literals, of other lengths too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from postern.ports import Lookup, Parameter
from postern.services.calls import StatementCall
from postern.types import Secret

_LETTERS = "bcdfghjkmpqrtvwxz"


@dataclass
class Literals:
    """Draws literals that nothing else in a record can be, and keeps them."""

    seed: int
    count: int = 0
    drawn: list[str] = field(default_factory=list)

    def _digest(self) -> bytes:
        self.count += 1
        return hashlib.sha256(f"{self.seed} {self.count}".encode()).digest()

    def word(self) -> str:
        digest = self._digest()
        length = 14 + digest[31] % 9
        word = "Q" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])
        self.drawn.append(word)
        return word

    def number(self) -> str:
        digest = self._digest()
        number = str(10**11 + int.from_bytes(digest[:8], "big") % (9 * 10 ** (11 + digest[31] % 3)))
        self.drawn.append(number)
        return number

    def small(self) -> str:
        """A number of few digits: too short to be searched for, so it is not told."""
        return str(1000 + int.from_bytes(self._digest()[:8], "big") % 9000)

    def date(self) -> str:
        digest = self._digest()
        date = f"{3000 + digest[0]}-{1 + digest[1] % 12:02}-{1 + digest[2] % 28:02}"
        self.drawn.append(date)
        return date


Draw = Callable[[Literals], str]

# One statement each. What the guard says to it is not the point: all of them are on record.
TEMPLATES: dict[str, Draw] = {
    "string": lambda v: f"SELECT id FROM customers WHERE email = '{v.word()}'",
    "number": lambda v: f"SELECT id FROM customers WHERE id = {v.number()}",
    "behind a minus": lambda v: f"SELECT id FROM customers WHERE id > -{v.number()} AND id < 5-{v.number()}",
    "decimal": lambda v: f"SELECT {v.number()}.25, .{v.number()}, {v.number()}e3 FROM customers",
    "hexadecimal": lambda v: (
        f"SELECT 0x{v.number()}, 0b101{v.small().translate(str.maketrans('23456789', '01010101'))}"
    ),
    "four digits": lambda v: f"SELECT id FROM customers WHERE id = {v.small()} AND email <> '{v.small()}'",
    "date": lambda v: f"SELECT id FROM customers WHERE date '{v.date()}' > now()",
    "timestamp": lambda v: f"SELECT timestamp '{v.date()} 10:00', time(3) '10:00' FROM customers",
    "interval": lambda v: f"SELECT now() - interval '{v.number()} days', interval '{v.number()}' second(3)",
    "dollar quote": lambda v: f"SELECT id FROM customers WHERE email = $${v.word()}$$ OR email = $q${v.word()}$q$",
    "tag of a dollar quote": lambda v: f"SELECT ${(w := v.word())}$x${w}$ FROM customers",
    "escapes": lambda v: f"SELECT id FROM customers WHERE email = E'{v.word()}\\n' OR email = U&'{v.word()}\\0061'",
    "escape of its own": lambda v: f"SELECT U&'{v.word()}!0061' UESCAPE '!' FROM customers",
    "national": lambda v: f"SELECT N'{v.word()}' FROM customers",
    "continued": lambda v: f"SELECT '{v.word()}'\n'{v.word()}' FROM customers",
    "bits": lambda v: f"SELECT X'{v.number()}', B'1{int(v.small()):b}' FROM customers",
    "line comment": lambda v: f"SELECT id -- {v.word()}\nFROM customers -- {v.word()}",
    "block comment": lambda v: f"/* {v.word()} */ SELECT id /* {v.word()} /* {v.word()} */ */ FROM customers",
    "like": lambda v: f"SELECT id FROM customers WHERE email LIKE '%{v.word()}_' ESCAPE '#'",
    "regular expression": lambda v: f"SELECT id FROM customers WHERE email ~* '^{v.word()}'",
    "list": lambda v: f"SELECT id FROM customers WHERE id IN ({v.number()}, {v.number()}) AND email IN ('{v.word()}')",
    "array": lambda v: f"SELECT id FROM customers WHERE email = ANY (ARRAY['{v.word()}', '{v.word()}'])",
    "array's text": lambda v: f"SELECT id FROM customers WHERE email = ANY ('{{{v.word()},{v.word()}}}'::text[])",
    "values": lambda v: f"VALUES ({v.number()}, '{v.word()}'), (NULL, DEFAULT)",
    "values in from": lambda v: f"SELECT * FROM (VALUES ('{v.word()}')) AS t(x)",
    "with": lambda v: f"WITH q AS (SELECT '{v.word()}' AS x) SELECT x FROM q WHERE x > '{v.word()}'",
    "case": lambda v: f"SELECT CASE email WHEN '{v.word()}' THEN {v.number()} ELSE {v.number()} END FROM customers",
    "cast": lambda v: (
        f"SELECT '{v.word()}'::varchar({v.small()}), CAST('{v.number()}' AS numeric(30, 2)) FROM customers"
    ),
    "json": lambda v: f"""SELECT '{{"a": "{v.word()}"}}'::jsonb -> '{v.word()}' @? '$.x ? (@ == "{v.word()}")'""",
    "limit": lambda v: f"SELECT id FROM customers LIMIT {v.small()} OFFSET {v.number()}",
    "order by": lambda v: f"SELECT id FROM customers ORDER BY email = '{v.word()}', {v.small()}",
    "function": lambda v: f"SELECT replace(email, '{v.word()}', '{v.word()}'), concat('{v.word()}', id) FROM customers",
    "current time": lambda v: f"SELECT current_timestamp({int(v.small()) % 7}), localtime({int(v.small()) % 7})",
    "float": lambda v: f"SELECT id::float({1 + int(v.small()) % 53}) FROM customers WHERE id = {v.number()}",
    "insert": lambda v: f"INSERT INTO customers (id, email) VALUES ({v.number()}, '{v.word()}') RETURNING id",
    "insert without column": lambda v: f"INSERT INTO customers (id) VALUES ({v.number()})",
    "update": lambda v: f"UPDATE customers SET id = {v.number()} WHERE email = '{v.word()}'",
    "delete": lambda v: f"DELETE FROM customers WHERE id = {v.number()}",
    "explain": lambda v: f"EXPLAIN SELECT id FROM customers WHERE email = '{v.word()}'",
    "explain with options": lambda v: f"EXPLAIN (ANALYZE true, FORMAT '{v.word()}') SELECT '{v.word()}'",
    "qualified": lambda v: f"SELECT public.customers.id FROM public.customers WHERE email = '{v.word()}'",
    "sample": lambda v: f"SELECT id FROM customers TABLESAMPLE SYSTEM ({v.small()}) REPEATABLE ({v.number()})",
    "wrong quotes": lambda v: f'SELECT id FROM customers WHERE email = "{v.word()}"',
    "quoted alias": lambda v: f'SELECT email AS "{v.word()}", id AS "{v.word()} {v.number()}" FROM customers',
    "escaped alias": lambda v: f'SELECT email AS U&"{v.word()}\\0061" FROM customers',
    "quoted table": lambda v: f'SELECT * FROM "{v.word()}"',
    "e-mail unquoted": lambda v: f"SELECT id FROM customers WHERE email = {v.word()}@example.com",
    "unknown function": lambda v: f"SELECT pg_read_file('/home/{v.word()}')",
    "sleep": lambda v: f"SELECT pg_sleep({v.number()}), '{v.word()}'",
    "unknown type": lambda v: f"SELECT '{v.word()}'::regclass",
    "growth": lambda v: f"SELECT repeat('{v.word()}', {v.number()})",
    "written back": lambda v: f"UPDATE customers SET id = 1, email = 'a***@e***.com {v.word()}'",
    "several": lambda v: f"SELECT '{v.word()}'; SELECT '{v.word()}'",
    "quote inside": lambda v: f"SELECT id FROM customers WHERE email = '{v.word()}'{v.word()}'",
    "open quote": lambda v: f"SELECT id FROM customers WHERE email = '{v.word()}",
    "slip": lambda v: f"SELECTT '{v.word()}' FRM customers WHERE {v.number()}",
    "junk number": lambda v: f"SELECT {v.number()}abc",
    "prose": lambda v: f"please show me '{v.word()}' of {v.number()}",
    "no statement": lambda v: f"-- {v.word()}",
    "nul": lambda v: f"SELECT '{v.word()}'\0'{v.word()}'",
    "copy": lambda v: f"COPY customers FROM '/tmp/{v.word()}'",
    "comment on": lambda v: f"COMMENT ON TABLE customers IS '{v.word()}'",
    "do": lambda v: f"DO $$ BEGIN PERFORM '{v.word()}'; END $$",
    "set": lambda v: f"SET application_name = '{v.word()}'",
    "password": lambda v: f"CREATE ROLE x PASSWORD '{v.word()}'",
    "prepare": lambda v: f"PREPARE p AS SELECT '{v.word()}'",
    "notify": lambda v: f"NOTIFY c, '{v.word()}'",
    "default": lambda v: f"CREATE TABLE t (x text DEFAULT '{v.word()}' CHECK (x <> '{v.word()}'))",
    "long": lambda v: f"SELECT id FROM customers WHERE email <> '{v.word() * 700}'",
    "long and refused": lambda v: f"SELECT pg_sleep(1), '{v.word() * 700}'",
    "long and broken": lambda v: f"SELECT '{v.word() * 700}",
    "many": lambda v: f"SELECT id FROM customers WHERE id IN ({', '.join(v.number() for _ in range(40))})",
    "long without": lambda v: (
        f"SELECT {', '.join(f'id AS column_{n}' for n in range(900))}, '{v.word()}' FROM customers"
    ),
}


@dataclass(frozen=True)
class Case:
    """A call, and the literals that are in it."""

    name: str
    statements: tuple[StatementCall, ...]
    literals: tuple[str, ...]

    @property
    def secrets(self) -> Iterator[str]:
        """What a plain digest must not be of: each literal, each text, each list of parameters, each body."""
        yield from self.literals
        for one in self.statements:
            yield one.sql
            texts = [parameter.text if isinstance(parameter, Parameter) else None for parameter in one.parameters]
            for dumped in (json.dumps(texts), json.dumps(texts, separators=(",", ":"))):
                if texts:
                    yield dumped
            yield json.dumps({"sql": one.sql})
            yield json.dumps({"sql": one.sql, "params": texts})


def cases(seed: int) -> Iterator[Case]:
    """Every template, and calls with parameters, with lookups and of several statements."""
    values = Literals(seed)

    def case(name: str, *statements: StatementCall) -> Case:
        made = Case(name, statements, tuple(values.drawn))
        values.drawn.clear()
        return made

    for name, draw in TEMPLATES.items():
        yield case(name, StatementCall(draw(values), (), 10))
    by_email = "SELECT id FROM customers WHERE email = $1 AND id > $2"
    yield case("parameters", StatementCall(by_email, (Parameter(values.word()), Parameter(values.number())), 10))
    yield case("null parameter", StatementCall(by_email, (Parameter(None), Parameter(values.small())), 10))
    yield case("parameters refused", StatementCall(f"{by_email} AND pg_sleep(1)", (Parameter(values.word()),), 10))
    yield case("written back", StatementCall("UPDATE customers SET id = $1", (Parameter("tok_" + "a" * 16),), 10))
    person = "SELECT id FROM customers WHERE person = $1"
    yield case("lookup", StatementCall(person, (Lookup("ref.person", Secret(values.word())),), 10))
    yield case("lookup turned round", StatementCall(person, (Lookup(values.word(), Secret("ref.person")),), 10))
    yield case(
        "transaction", *(StatementCall(TEMPLATES[name](values), (), 5) for name in ("string", "update", "delete"))
    )
    yield case("transaction refused", *(StatementCall(TEMPLATES[name](values), (), 5) for name in ("string", "sleep")))
    yield case(
        "transaction broken", *(StatementCall(TEMPLATES[name](values), (), 5) for name in ("update", "open quote"))
    )
