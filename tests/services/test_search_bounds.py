"""What a search among the log's records costs, where its pages end, and where it goes on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from postern.audit.record_query import Place, RecordQuery
from postern.errors import BadRequest, IntegrityError
from postern.services import joined_entries, log_entries, search_records
from postern.tlog.tiles import TILE_WIDTH
from tests.support import records
from tests.support.audit import BASE_US
from tests.support.domain import OTHER
from tests.support.receipts import LOG
from tests.support.records import ALMA, LAB_TASK, SHOP_TASK, SVEN, Ledger, Shelf, asking
from tests.support.search_logs import HOUR_US, WIDTH, add, day, long_log, narrow_bundles, sequenced, sought


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    with narrow_bundles():
        yield


def test_pages_follow_each_other_without_a_gap():
    shelf = Shelf()
    add(shelf, day(), sequenced(0))
    for query in (asking(), asking(is_descending=False)):
        page = shelf.page(ALMA, query, limit=20)
        looked = [(page.from_index, page.to_index)]
        while page.next is not None:
            page = shelf.page(ALMA, query, page.next, limit=20)
            looked.append((page.from_index, page.to_index))
        looked.sort()
        assert (looked[0][0], looked[-1][1]) == (0, len(shelf.entries))
        assert all(one[1] == other[0] for one, other in pairwise(looked))


@pytest.mark.parametrize("bundles", [4, 32, 512])
@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
def test_what_a_search_by_time_reads_grows_with_the_digits_of_the_logs_length(bundles, descending):
    shelf = long_log(bundles)
    number = bundles // 3
    at_us = BASE_US + number * 3 * HOUR_US // 2
    shelf.store.requests.clear()
    page = shelf.page(SVEN, asking(from_us=at_us, to_us=at_us + 1, is_descending=descending))
    assert [one.index for one in page.found] == [number * WIDTH]
    assert page.next is None
    assert shelf.store.requests["get"] <= 1 + math.ceil(math.log2(bundles)) + 7  # newest; bisection; the wave around it
    assert shelf.store.requests["get checkpoint"] == 1


@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
def test_a_call_looks_through_64_bundles_and_the_next_goes_on(descending):
    shelf = long_log(150)
    query, counts, place = asking(kind="none", is_descending=descending), [], None
    while True:
        shelf.store.requests.clear()
        page = shelf.page(SVEN, query, place)
        counts.append((shelf.store.requests["get"] - 1, page.to_index - page.from_index))
        if page.next is None:
            break
        place = page.next
    assert counts == [(64, 64 * WIDTH), (64, 64 * WIDTH), (22, 22 * WIDTH)]


def test_a_page_that_is_soon_full_reads_little():
    shelf = Shelf()
    add(shelf, day(), sequenced(0))
    shelf.store.requests.clear()
    assert len(shelf.page(ALMA, asking(), limit=3).found) == 3
    assert shelf.store.requests["get"] == 2  # the newest time, and one bundle


def test_a_call_that_runs_out_of_time_says_where_to_go_on(monkeypatch):
    shelf = long_log(40)
    read = search_records.JoinedEntries.read

    def slow(self: Any, numbers: Any) -> Any:
        shelf.clock.at_s += 12.0
        return read(self, numbers)

    monkeypatch.setattr(search_records.JoinedEntries, "read", slow)
    page = shelf.page(SVEN, asking(kind="none"), time_s=28.0)
    assert page.next == Place(40 * WIDTH, (40 - 3) * WIDTH)  # a wave of one bundle, and one of two
    assert shelf.page(SVEN, asking(kind="none"), page.next, time_s=0.0).next == Place(40 * WIDTH, 36 * WIDTH)


def test_a_page_has_no_more_bytes_than_an_answer_may_have(monkeypatch):
    shelf = Shelf()
    add(shelf, day(), sequenced(0))
    monkeypatch.setattr(search_records, "MAX_BYTES", 10_000)
    page = shelf.page(ALMA, asking())
    lengths = [len(one.data) for one in page.found]
    assert sum(lengths) <= 10_000 < sum(lengths) + 2_000
    monkeypatch.setattr(search_records, "MAX_BYTES", 1)
    assert len(shelf.page(ALMA, asking()).found) == 1
    assert shelf.indexes(ALMA, asking(kind="none")) == []
    assert shelf.indexes(LAB_TASK.principal, asking(code="guard.column", is_descending=False)) == [
        at for at, name in enumerate(sequenced(0)) if sought(name, LAB_TASK.principal, asking(code="guard.column"))
    ]


# Places, and logs that are none.
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(Place(11, 3), id="a larger tree"),
        pytest.param(Place(10, 11), id="past the tree"),
        pytest.param(Place(10, -1), id="before the first"),
        pytest.param(Place(-1, -1), id="a tree that is none"),
        pytest.param(Place(2**70, 2**70), id="past every tree"),
    ],
)
def test_goes_on_from_no_place_that_is_none(place):
    shelf = Shelf()
    shelf.publish([b"?"] * 10)
    with pytest.raises(BadRequest):
        shelf.page(ALMA, asking(), place)


def test_a_place_in_a_tree_that_was_never_published_shows_what_any_other_would():
    shelf = Shelf()
    shelf.publish([b"?"] * 300)
    for is_descending, expected in ((True, [1, 0]), (False, [2, 3, 4, 5, 6])):
        page = shelf.page(ALMA, asking(is_descending=is_descending), Place(7, 2))
        assert [one.index for one in page.found] == expected


def test_an_empty_log_has_nothing():
    shelf = Shelf()
    for log in (LOG, "prod-1999"):
        page = shelf.page(ALMA, RecordQuery(log))
        assert (page.found, page.next, page.size, page.newest_us, page.from_index, page.to_index) == (
            *((), None, 0, None),
            *(0, 0),
        )


@pytest.mark.parametrize("log", ["", "a/b", "A", "a" * 41, "..", "a\n"])
def test_a_log_is_named_as_one(log):
    with pytest.raises(BadRequest):
        Shelf().page(ALMA, RecordQuery(log))


def test_nothing_is_shown_of_a_log_whose_head_nobody_signed():
    shelf = Shelf()
    shelf.publish([b"?"])
    note = shelf.store.latest[LOG][-1]
    shelf.store.latest[LOG].append(note.replace(b"\n1\n", b"\n2\n"))
    with pytest.raises(IntegrityError):
        shelf.page(ALMA, asking())


def test_a_bundle_that_was_changed_in_length_stops_the_search():
    shelf = Shelf()
    shelf.publish([b"?"] * 3)
    (key,) = shelf.store.objects
    shelf.store.objects[key] += b"x"
    with pytest.raises(IntegrityError):
        shelf.page(ALMA, asking())


def test_the_newest_time_is_the_latest_of_the_last_bundle():
    ledger, shelf = Ledger(), Shelf()
    for at in (5, 9, 7):
        ledger.statement(str(at), SHOP_TASK, BASE_US + at)
    shelf.publish_all(ledger)
    assert shelf.page(OTHER, asking()).newest_us == BASE_US + 9


def test_bundles_are_as_wide_as_the_log_has_them(monkeypatch):
    """Two full ones and a partial one, as the sequencer writes them."""
    for module in (log_entries, joined_entries, search_records, records):
        monkeypatch.setattr(module, "TILE_WIDTH", TILE_WIDTH)
    ledger, shelf = Ledger(), Shelf()
    ledger.statement("sound", SHOP_TASK, BASE_US)
    shelf.publish([ledger.entries["sound"], *[b"?"] * 599])
    assert sorted(path for _, path in shelf.store.objects) == [
        *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88")
    ]
    assert shelf.indexes(SVEN, asking()) == [0]
    assert len(shelf.indexes(ALMA, asking())) == 600
