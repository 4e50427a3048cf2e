"""What leaves, held against the plain way of it: looked over, counted and encoded a value at a time."""

from __future__ import annotations

import json
import random

import pytest

from postern.packed_cells import packed
from postern.ports import Result, ResultColumn
from postern.services.answers import deliver
from postern.types import MaskKind, View, ViewColumn
from tests.support.plain_rows import plain_delivery

TYPES = {25: "text", 23: "integer", 3802: "jsonb", 3807: "jsonb[]", 1009: "text[]", 17: "bytea", 2249: "record"}
VIEW = View(
    "public",
    "people",
    "people",
    (ViewColumn("email", "text", "pii.email", None), ViewColumn("person", "text", "ref.person", MaskKind.TOKEN)),
    oid=4711,
)
FOUND = ("ask bob@example.com", "4111 1111 1111 1111", "DE89370400440532013000", "AKIAIOSFODNN7EXAMPLE")
CLEAN = (
    "",
    "x",
    "tok_0123456789abcdef",
    "tok_fedcba9876543210 and tok_0123456789abcdef",
    "é" * 40,
    'a "b" \\c',
    "\x01",
)
TEXTS = (*FOUND, *CLEAN)
VALUES: dict[int, tuple[str, ...]] = {
    25: TEXTS,
    23: ("1", "-7", "4111111111111111"),
    3802: (
        *(json.dumps({"a": text, text: [1]}) for text in TEXTS),
        "4111111111111111",
        '"\\u0062ob@example.com"',
        "[]",
    ),
    3807: ("{" + ",".join(json.dumps(json.dumps(text)) for text in TEXTS) + "}", "{1,NULL}", "{}"),
    1009: ("{" + ",".join(json.dumps(text) for text in TEXTS[:4]) + "}", '{{a,b},{"c@example.com",NULL}}', "{}"),
    17: ("\\x626f62406578616d706c652e636f6d",),
    2249: ("(1,bob@example.com)", '(1,"x ""y""")'),
}


def result(row_count: int, *columns: tuple[int, int], seed: int = 1) -> Result:
    """Of columns of (type, attribute number in the view or 0), whose values are chosen from `VALUES`."""
    chosen = random.Random(seed)
    described = tuple(
        ResultColumn(f"c{place}", oid, TYPES[oid], 4711 if number else 0, number)
        for place, (oid, number) in enumerate(columns)
    )
    values = tuple([chosen.choice((*VALUES[oid], None)) for _ in range(row_count)] for oid, _ in columns)
    return Result(described, values, row_count, None, truncated=False, received_bytes=1)


@pytest.mark.parametrize("row_count", [0, 1, 200], ids=str)
@pytest.mark.parametrize("detectors", [None, (), ("email",)], ids=["default", "none", "one"])
@pytest.mark.parametrize(
    "columns",
    [[(oid, 0)] for oid in TYPES] + [[(25, 1)], [(25, 2)], [(oid, 0) for oid in TYPES] + [(25, 1), (25, 2)]],
    ids=[*TYPES.values(), "raw", "token", "all"],
)
def test_what_leaves_is_what_the_plain_way_delivers(columns, detectors, row_count):
    made = result(row_count, *columns)
    delivery = deliver(made, (VIEW,), detectors)
    rows, found, sensitive = plain_delivery(made, (VIEW,), detectors)
    counted = {
        name.removeprefix("detected:"): sum(one.count for one in delivery.masked if one.mask == name)
        for name in {one.mask for one in delivery.masked if one.mask.startswith("detected:")}
    }
    assert delivery.rows_json == rows
    assert (counted, delivery.sensitive) == (found, sensitive)


def test_where_nothing_is_seen_raw_only_tokens_count():
    made = result(300, *((oid, 0) for oid in TYPES))
    assert deliver(made, ()).sensitive == plain_delivery(made, ())[2] == 2


def test_more_values_than_are_held_at_once_are_counted_exactly():
    texts = [f"tok_{number:016x}" for number in range(4_500)] + [f"person {number} " * 5 for number in range(4_500)]
    made = Result((ResultColumn("c", 25, "text", 0, 0),), (packed(texts),), len(texts), None, False, 1)
    rows, _, sensitive = plain_delivery(made, (VIEW,))
    delivery = deliver(made, (VIEW,))
    assert (delivery.rows_json == rows, delivery.sensitive) == (True, sensitive)


def shown(*columns: tuple[int, list[str | None]]) -> int:
    """The sensitive values of text columns of (attribute number in the view or 0, values)."""
    described = tuple(
        ResultColumn(f"c{place}", 25, "text", 4711 if number else 0, number)
        for place, (number, _) in enumerate(columns)
    )
    values = tuple(cells for _, cells in columns)
    return deliver(
        Result(described, values, len(values[0]), None, truncated=False, received_bytes=1), (VIEW,)
    ).sensitive


def test_null_is_no_raw_value_and_the_empty_text_is_one():
    assert shown((1, ["a", None])) == 1
    assert shown((1, ["a", None, ""])) == 2


def test_null_is_no_raw_value_far_behind_either():
    assert shown((1, ["x" * 1_000] * 100 + [None] * 3 + ["y"])) == 2


def test_a_computed_text_counts_for_each_32_characters_whatever_their_bytes():
    assert shown((0, ["".join(chr(0x100 + number) for number in range(64))])) == 2
    assert shown((0, ["".join(chr(0x40 + number) for number in range(63))])) == 2


def test_a_column_of_a_view_that_is_not_raw_counts_by_its_tokens_alone():
    assert shown((0, ["computed"]), (2, ["no token"])) == 1
