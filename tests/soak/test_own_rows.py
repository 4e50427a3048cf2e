"""An agent's knowledge of its own rows: what is right is let pass, whatever is under way; what is wrong is found."""

from __future__ import annotations

import random

import pytest

from tests.soak.load.own_rows import ABSENT, OwnRows


@pytest.fixture
def rows() -> OwnRows:
    """Three rows, 0 to 2, at version 0."""
    rows = OwnRows()
    for _ in range(3):
        rows.end(rows.begin_insert(), 0, is_sure=True)
    return rows


@pytest.mark.parametrize(
    ("shown", "wrong"),
    [
        pytest.param({0: 0, 1: 0, 2: 0}, 0, id="all of them"),
        pytest.param({0: 0, 1: 0}, 1, id="one lost"),
        pytest.param({0: 0, 1: 7, 2: 0}, 1, id="another version"),
        pytest.param({0: 0, 1: 0, 2: 0, 9: 0}, 1, id="one that was never written"),
        pytest.param({}, 3, id="none"),
    ],
)
def test_a_read_must_show_what_was_written(rows: OwnRows, shown: dict[int, int], wrong: int) -> None:
    with rows.watched() as watch:
        pass
    assert len(watch.wrong(shown)) == wrong


def test_a_write_under_way_may_be_shown_or_not(rows: OwnRows) -> None:
    number, _ = rows.begin_change(random.Random(1)) or (0, 0)
    with rows.watched() as watch:
        pass
    others = {other: 0 for other in range(3) if other != number}
    assert not watch.wrong({number: 0} | others)
    assert not watch.wrong({number: 1} | others)
    assert watch.wrong({number: 2} | others)


def test_a_write_that_began_and_ended_while_a_read_lasted_may_be_shown_or_not(rows: OwnRows) -> None:
    with rows.watched() as watch:
        number = rows.begin_insert()
        rows.end(number, 0, is_sure=True)
    assert not watch.wrong({0: 0, 1: 0, 2: 0})
    assert not watch.wrong({0: 0, 1: 0, 2: 0, number: 0})
    with rows.watched() as later:
        pass
    assert later.wrong({0: 0, 1: 0, 2: 0})


def test_a_write_of_unknown_fate_leaves_both_possible_and_its_row_alone(rows: OwnRows) -> None:
    for _ in range(3):
        number, version = rows.begin_change(random.Random(1)) or (0, 0)
        rows.end(number, version, is_sure=False)
    assert rows.begin_change(random.Random(1)) is None
    assert not rows.all().wrong({0: 0, 1: 1, 2: 0})
    assert rows.all().wrong({0: 0, 1: 1, 2: 2})


def test_a_deleted_row_must_be_gone_and_an_undone_one_never_there(rows: OwnRows) -> None:
    number, _ = rows.begin_change(random.Random(1), delete=True) or (0, 0)
    rows.end(number, ABSENT, is_sure=True)
    undone = rows.begin_insert()
    rows.end(undone, ABSENT, is_sure=True)
    left = {other: 0 for other in range(3) if other != number}
    assert not rows.all().wrong(left)
    assert rows.all().wrong(left | {number: 0})
    assert rows.all().wrong(left | {undone: 0})


def test_no_row_is_written_twice_at_once(rows: OwnRows) -> None:
    taken = [rows.begin_change(random.Random(1)) for _ in range(4)]
    assert len({row[0] for row in taken if row is not None}) == 3
    assert taken[3] is None
