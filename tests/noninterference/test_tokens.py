"""A token tells that two values are equal, and nothing else.

Two databases hold different values under their tokens, equal where the others are equal, and their tasks have different
keys. What is asked here treats tokens as names, orders rows by something else, and must be delivered the
same up to a renaming. Their order, their digits and their digests are a random function's and differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postern_local.postgres import PostgresServer
from tests.noninterference.shop import Edition
from tests.noninterference.statement import Statement
from tests.noninterference.twins import Delivered, Twins, Wall, difference, twins
from tests.noninterference.writer import predicates, relations_of
from tests.support.servers import Database

_TOKEN = re.compile(rb"tok_[0-9a-f]{16}")

# Frames around generated predicates over `p`, people without their token. A task sees which values are equal.
FRAMES = (
    "SELECT id, reference, reference IS NULL FROM people AS p WHERE {0} ORDER BY id",
    "SELECT o.id, p.id, o.reference FROM orders AS o JOIN people AS p USING (reference) WHERE {0} ORDER BY 1, 2",
    "SELECT min(id), reference, count(*), count(DISTINCT reference) FROM people AS p WHERE {0} GROUP BY reference"
    " ORDER BY 1",
    "SELECT o.id FROM orders AS o WHERE reference IN (SELECT reference FROM people AS p WHERE {0}) ORDER BY 1",
    "SELECT id FROM people AS p WHERE reference NOT IN (SELECT reference FROM orders WHERE reference <> p.reference)"
    " AND {0} ORDER BY 1",
    "SELECT p.id, q.id, p.reference = q.reference, p.reference IS DISTINCT FROM q.reference FROM people AS p"
    " CROSS JOIN people AS q WHERE {0} AND {1} ORDER BY 1, 2",
    "SELECT p.id, first_value(reference) OVER w, count(*) OVER (PARTITION BY reference) FROM people AS p WHERE {0}"
    " WINDOW w AS (ORDER BY id) ORDER BY 1",
    "SELECT count(*), count(DISTINCT reference), max(length(reference)), min(left(reference, 4)) FROM people AS p"
    " WHERE {0} AND {1}",
    "SELECT (SELECT count(*) FROM (SELECT reference FROM people AS p WHERE {0} INTERSECT SELECT reference FROM orders)"
    " AS both), (SELECT count(*) FROM (SELECT reference FROM people EXCEPT ALL SELECT reference FROM orders) AS rest)",
    "SELECT string_agg(reference, ',' ORDER BY id), jsonb_agg(reference ORDER BY id DESC) FROM people AS p WHERE {0}",
    "SELECT reference::int FROM people AS p WHERE {0}",
)


@pytest.fixture(scope="module")
def renamed(postgres: PostgresServer) -> Iterator[Twins]:
    def change_key(database: Database, role: str) -> None:
        database.run(f"UPDATE postern.task_key SET k = sha256(uuid_send(gen_random_uuid())) WHERE role = '{role}'")

    editions = (Edition(0, "one"), Edition(0, "other", reference="another value altogether"))
    with twins(postgres, editions=editions, wall=Wall(finish=change_key)) as pair:
        yield pair


def test_the_tokens_differ(renamed: Twins) -> None:
    asked = Statement("SELECT DISTINCT reference FROM people WHERE reference IS NOT NULL")
    one, other = ({*_TOKEN.findall(rows_of(delivered))} for delivered in renamed.ask(asked))
    assert len(one) == len(other) == 5
    assert not one & other


def test_statements_that_take_tokens_as_names_are_delivered_the_same(renamed: Twins) -> None:
    (people,) = [relation for relation in relations_of(renamed.views) if relation.name == "people"]
    nameless = replace(people, columns=tuple(one for one in people.columns if one.name != "reference"))
    frames = st.sampled_from(FRAMES)

    @settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(frames, predicates(nameless, "p", 2))
    def check(frame: str, where: Statement) -> None:
        first, second = where.sql.split("\n")
        asked = Statement(frame.format(first, second), where.parameters)
        one, other = (named(delivered) for delivered in renamed.ask(asked))
        assert one == other, difference(asked, one, other)

    check()


def rows_of(delivered: Delivered) -> bytes:
    rows = delivered.parts[1]
    assert isinstance(rows, bytes)
    return rows


def named(delivered: Delivered) -> Delivered:
    """Each token replaced by the number of its first appearance."""
    if delivered.outcome != "answer":
        return delivered
    rows = rows_of(delivered)
    numbers = {token: b"token %d" % n for n, token in enumerate(dict.fromkeys(_TOKEN.findall(rows)))}
    renumbered = _TOKEN.sub(lambda match: numbers[match.group()], rows)
    return replace(delivered, parts=(delivered.parts[0], renumbered, *delivered.parts[2:]))
