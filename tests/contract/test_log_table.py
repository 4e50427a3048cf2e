"""The log's head and index: one contract, run on the fake and on DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from postern.edges.log_table import DynamoLogTable
from postern.log_ports import Head, LogTable, empty_head
from postern.tlog.hashing import leaf_hash
from tests.support.log_fakes import LogStore, MemoryLogTable
from tests.support.places import places

LOG = "prod-2026"
FIRST = Head(LOG, 3, leaf_hash(b"3"), is_applied=False)
SECOND = Head(LOG, 5, leaf_hash(b"5"), is_applied=False)


@pytest.fixture(params=["fake", *places("dynamodb")])
def table(request: pytest.FixtureRequest) -> LogTable:
    """An empty table."""
    if request.param == "fake":
        return MemoryLogTable(LogStore())
    place = request.getfixturevalue(request.param)
    return DynamoLogTable(place.client("dynamodb"), place.log_table())


def begun(table: LogTable, head: Head = FIRST) -> Head:
    """The table with this head, applied."""
    assert table.commit(empty_head(LOG), head)
    table.mark_applied(head)
    return replace(head, is_applied=True)


def test_a_log_that_has_not_begun_has_the_empty_head(table):
    assert table.head(LOG) == empty_head(LOG)


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_committed_head_stands_as_it_was_given(table, is_closed):
    new = replace(FIRST, is_closed=is_closed)
    assert table.commit(empty_head(LOG), new)
    assert table.head(LOG) == new


def test_a_log_begins_once(table):
    begun(table)
    assert not table.commit(empty_head(LOG), SECOND)
    assert table.head(LOG) == replace(FIRST, is_applied=True)


def test_the_head_moves_on_from_an_applied_one(table):
    head = begun(table)
    assert table.commit(head, SECOND)
    assert table.head(LOG) == SECOND


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(replace(FIRST, size=4), id="another size"),
        pytest.param(replace(FIRST, root=leaf_hash(b"x")), id="another root"),
    ],
)
def test_the_head_does_not_move_from_another_than_stands(table, expected):
    head = begun(table)
    assert not table.commit(expected, SECOND)
    assert table.head(LOG) == head


def test_the_head_does_not_move_from_one_that_is_not_applied(table):
    assert table.commit(empty_head(LOG), FIRST)
    assert not table.commit(replace(FIRST, is_applied=True), SECOND)
    assert table.head(LOG) == FIRST


def test_of_two_from_the_same_head_one_succeeds(table):
    head = begun(table)
    assert table.commit(head, SECOND)
    assert not table.commit(head, replace(SECOND, root=leaf_hash(b"other")))
    assert table.head(LOG) == SECOND


def test_marking_is_without_effect_on_another_head_and_may_be_done_again(table):
    table.mark_applied(FIRST)
    assert table.head(LOG) == empty_head(LOG)
    head = begun(table)
    assert table.commit(head, SECOND)
    table.mark_applied(FIRST)
    table.mark_applied(replace(SECOND, root=leaf_hash(b"other")))
    assert table.head(LOG) == SECOND
    table.mark_applied(SECOND)
    table.mark_applied(SECOND)
    assert table.head(LOG) == replace(SECOND, is_applied=True)


def test_a_mark_keeps_that_the_log_is_closed(table):
    head = begun(table, replace(FIRST, is_closed=True))
    assert table.head(LOG) == head


def test_logs_have_heads_of_their_own(table):
    begun(table)
    assert table.head("prod-2027") == empty_head("prod-2027")


@pytest.mark.parametrize("count", [0, 1, 25, 26, 101])
def test_positions_are_found_for_the_keys_that_have_one(table, count):
    places = {f"wal/v1/{LOG}/{n}": n for n in range(count)}
    table.put_positions(places)
    assert table.positions([*places, "wal/v1/other"]) == places


def test_a_key_asked_for_twice_is_answered_once(table):
    table.put_positions({"wal/a": 0})
    assert table.positions(["wal/a", "wal/a"]) == {"wal/a": 0}


@pytest.mark.parametrize("key", ["wal/☃ +%", "wal/\n\x01", "w" * 1024, "wal/" + "é" * 510])
def test_any_key_that_S3_takes_has_a_position(table, key):  # noqa: N802 - a name
    table.put_positions({key: 7})
    assert table.positions([key]) == {key: 7}


def test_positions_may_be_written_again(table):
    for _ in range(2):
        table.put_positions({"wal/a": 2**53})
    assert table.positions(["wal/a"]) == {"wal/a": 2**53}


def test_of_many_at_once_from_the_same_head_one_succeeds(table):
    head = begun(table)
    heads = [replace(SECOND, root=leaf_hash(bytes([n]))) for n in range(8)]
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda new: table.commit(head, new), heads))
    won = [new for new, is_won in zip(heads, results, strict=True) if is_won]
    assert [table.head(LOG)] == won
