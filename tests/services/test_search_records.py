"""What a search among the log's records finds, beside a look at every entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.audit import bodies
from postern.audit.asides import INLINE_BYTES
from tests.support.audit import BASE_US
from tests.support.domain import AGENT, OTHER
from tests.support.records import ALMA, LAB_TASK, SHOP_TASK, SVEN, Ledger, Shelf, asking
from tests.support.search_logs import (
    COMMANDS,
    HOUR_US,
    MINUTE_US,
    WIDTH,
    add,
    day,
    hours,
    narrow_bundles,
    sequenced,
    sought,
)


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    with narrow_bundles():
        yield


MOMENTS = st.none() | st.integers(-2 * HOUR_US, 27 * HOUR_US).map(lambda us: BASE_US + us // MINUTE_US * MINUTE_US)
QUERIES = st.builds(
    asking,
    task=st.sampled_from([None, None, SHOP_TASK.id, LAB_TASK.id, "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15]),
    principal=st.sampled_from([None, None, SHOP_TASK.principal.id, LAB_TASK.principal.id, "ana"]),
    database=st.sampled_from([None, None, "shop", "lab", "none"]),
    table=st.sampled_from([None, None, "public.customers", "customers", "sales.customers", "orders", "sales.orders"]),
    kind=st.sampled_from([None, None, "statement", "grant"]),
    code=st.sampled_from([None, None, "guard.column", "guard.relation", "guard"]),
    from_us=MOMENTS,
    to_us=MOMENTS,
    is_descending=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2),
    begun=st.integers(1, COMMANDS * 2),
    growth=st.sampled_from([0, 1, 30]),
    who=st.sampled_from([ALMA, SVEN, AGENT, LAB_TASK.principal, OTHER]),
    query=QUERIES,
    limit=st.sampled_from([1, 7, 500]),
)
def test_all_pages_together_are_what_a_look_at_every_entry_finds(seed, begun, growth, who, query, limit):
    """In the tree that the search began in, while the log grows under it; no page is longer than asked for."""
    names, ledger, shelf = sequenced(seed), day(), Shelf()
    add(shelf, ledger, names[:begun])
    found, place = [], None
    while True:
        page = shelf.page(who, query, place, limit)
        assert len(page.found) <= limit
        assert page.size == begun
        found += [one.index for one in page.found]
        if page.next is None:
            break
        place = page.next
        add(shelf, ledger, names[len(shelf.entries) :][:growth])

    expected = [at for at, name in enumerate(names[:begun]) if sought(name, who, query)]
    assert found == (expected[::-1] if query.is_descending else expected)


# Times.
def test_a_time_is_from_its_first_moment_and_to_before_its_last():
    ledger, shelf = Ledger(), Shelf()
    for second in range(3):
        ledger.statement(str(second), SHOP_TASK, BASE_US + second)
    shelf.publish_all(ledger)
    assert shelf.indexes(ALMA, asking(from_us=BASE_US + 1, to_us=BASE_US + 2)) == [1]
    assert shelf.indexes(ALMA, asking(from_us=BASE_US + 1, to_us=BASE_US + 1)) == []
    assert shelf.indexes(ALMA, asking(from_us=BASE_US + 2, to_us=BASE_US)) == []
    assert shelf.indexes(ALMA, asking(to_us=-(2**60))) == []
    assert shelf.indexes(ALMA, asking(from_us=2**60)) == []


@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
@pytest.mark.parametrize(("hours_late", "is_found"), [(1, True), (30, False)], ids=["within the slack", "beyond it"])
def test_a_record_that_came_late_is_found_within_the_slack_and_without_times_always(hours_late, is_found, descending):
    at_us = BASE_US + 5 * HOUR_US + MINUTE_US
    shelf = hours(5 + hours_late, at_us)
    place = (5 + hours_late) * WIDTH + 3
    by_time = asking(from_us=at_us, to_us=at_us + 1, is_descending=descending)
    assert shelf.indexes(SVEN, by_time) == ([place] if is_found else [])
    assert place in shelf.indexes(SVEN, asking(is_descending=descending))


@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
def test_whole_bundles_of_late_records_hide_neither_themselves_nor_what_stands_before_them(descending):
    """Each second bundle is one that was held up for an hour, as by an outage: older than those on both its sides."""
    ledger, shelf, times = Ledger(), Shelf(), []
    for number in range(40):
        on_time = BASE_US + number * HOUR_US + 5 * MINUTE_US
        times.append(on_time - HOUR_US - 4 * MINUTE_US if number % 2 else on_time)
        ledger.statement(str(number), SHOP_TASK, times[-1])
        shelf.publish([ledger.entries[str(number)], *[b"?"] * (WIDTH - 1)])
    for number, at_us in enumerate(times):
        found = shelf.indexes(SVEN, asking(from_us=at_us, to_us=at_us + 1, is_descending=descending))
        assert found == [number * WIDTH], number


@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
@pytest.mark.parametrize("number", [19, 20, 25, 29, 30])  # where bisection looks
@pytest.mark.parametrize("years", [-50, 50])
def test_a_record_of_a_made_up_time_hides_no_other(number, years, descending):
    """Who writes records with a time far off, in a bundle that bisection looks at, moves no search by it."""
    shelf = hours(number, BASE_US + years * 365 * 24 * HOUR_US)
    at_us = BASE_US + 21 * HOUR_US
    found = shelf.indexes(SVEN, asking(from_us=at_us, to_us=at_us + 3, is_descending=descending))
    assert sorted(found) == [21 * WIDTH + third for third in range(3)]


# What is sought.
def test_a_table_is_one_schemas_where_it_is_named_with_it():
    ledger, shelf = Ledger(), Shelf()
    for at, table in enumerate(("public.orders", "sales.orders", "public.reorders", "sales.public")):
        ledger.statement(table, SHOP_TASK, BASE_US + at, relations=(table,))
    shelf.publish_all(ledger)
    asked = {"public.orders": [0], "orders": [1, 0], "sales": [], "sales.": [], ".orders": [], "public": [3]}
    assert {table: shelf.indexes(ALMA, asking(table=table)) for table in asked} == asked


def test_a_scope_that_was_too_long_for_its_record_may_be_about_any_table():
    table = SHOP_TASK.grant.tables[0]
    wide = replace(table, columns=tuple(replace(table.columns[0], name=f"c{n:0200}") for n in range(50)))
    task = replace(SHOP_TASK, grant=replace(SHOP_TASK.grant, tables=(wide,)))
    assert len(json.dumps(bodies.scope_member(task.grant))) > INLINE_BYTES
    ledger, shelf = Ledger(), Shelf()
    ledger.put("grant", bodies.grant_event(ledger.id(BASE_US), BASE_US, task, needs_approval=False, reasons=()))
    shelf.publish_all(ledger)
    assert shelf.indexes(AGENT, asking(table="nothing")) == [0]
    assert shelf.indexes(OTHER, asking(table="nothing")) == []


def test_a_bar_inside_a_subject_is_part_of_the_name():
    ledger, shelf = Ledger(), Shelf()
    barred = replace(SHOP_TASK, principal=replace(AGENT, subject="a|b"))
    ledger.statement("barred", barred, BASE_US)
    shelf.publish_all(ledger)
    assert shelf.indexes(ALMA, asking(principal="ci|a|b")) == [0]
    assert shelf.indexes(ALMA, asking(principal="ci|a")) == []
    assert shelf.indexes(replace(AGENT, issuer="ci|a", subject="b"), asking()) == []


def test_a_person_finds_what_agents_did_for_them_only_as_an_auditor():
    ledger, shelf = Ledger(), Shelf()
    ledger.statement("for ana", replace(SHOP_TASK, principal=replace(AGENT, on_behalf_of="ana")), BASE_US)
    shelf.publish_all(ledger)
    assert shelf.indexes(SVEN, asking(principal="ana")) == [0]
    assert shelf.indexes(replace(AGENT, subject="ana"), asking(principal="ana")) == []


def test_what_is_no_record_is_shown_to_who_sees_everything_whatever_is_asked():
    ledger, shelf = Ledger(), Shelf()
    ledger.statement("sound", SHOP_TASK, BASE_US)
    text = ledger.entries["sound"]
    shelf.publish([b"", b"{}", b" " + text, text[:-1], text.replace(b'"v":1', b'"v":2'), text])
    assert shelf.indexes(ALMA, asking(task=LAB_TASK.id, kind="grant", database="lab")) == [4, 3, 2, 1, 0]
    assert shelf.indexes(SVEN, asking()) == [5]


# What nobody may learn.
@cache
def others_did(seed: int, code: str, relations: tuple[str, ...]) -> Shelf:
    """A log of the agent's records among those of others, partly about a task of the same id."""
    random, ledger, shelf = Random(seed), Ledger(), Shelf()
    for at in range(40):
        if random.random() < 0.3:
            ledger.statement(f"{at} mine", SHOP_TASK, BASE_US + at, relations=("public.orders",))
        else:
            task = replace(LAB_TASK, id=SHOP_TASK.id) if random.random() < 0.5 else LAB_TASK
            ledger.statement(f"{at} other's", task, BASE_US + at, relations=relations, code=code)
    shelf.publish_all(ledger)
    return shelf


@settings(max_examples=20, deadline=None)
@given(query=QUERIES, limit=st.sampled_from([1, 2, 500]), seed=st.integers(0, 2))
def test_nothing_of_an_answer_depends_on_records_that_the_caller_may_not_see(query, limit, seed):
    """Two logs that differ in what others did: what an agent is told of both is the same, page by page."""
    one, other = others_did(seed, "", ("public.orders",)), others_did(seed, "guard.column", ())
    place = None
    while True:
        pages = [shelf.page(AGENT, query, place, limit) for shelf in (one, other)]
        told = [(tuple(e.index for e in page.found), page.next, page.from_index, page.to_index) for page in pages]
        assert told[0] == told[1]
        place = pages[0].next
        if place is None:
            break
