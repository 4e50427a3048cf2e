"""Whose an outcome is: its intent's, wherever that lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from postern.audit import bodies
from tests.support.audit import BASE_US
from tests.support.domain import AGENT
from tests.support.records import ALMA, LAB_TASK, SHOP_TASK, SVEN, Ledger, Shelf, asking
from tests.support.search_logs import WIDTH, narrow_bundles


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    with narrow_bundles():
        yield


# Outcomes and their intents.
def scattered() -> tuple[Shelf, dict[str, int]]:
    """An outcome a bundle before its intent, and a settlement six bundles after."""
    ledger, shelf = Ledger(), Shelf()
    id_, intent = ledger.statement("intent", SHOP_TASK, BASE_US)
    outcome = ledger.outcome("outcome", id_, intent, SHOP_TASK, BASE_US)
    ledger.settled("settled", id_, outcome, SHOP_TASK, BASE_US)
    places = {"outcome": 3, "intent": 2 * WIDTH + 5, "settled": 7 * WIDTH}
    entries = [b"?"] * (8 * WIDTH)
    for name, place in places.items():
        entries[place] = ledger.entries[name]
        shelf.store.places[ledger.keys[name]] = place
    shelf.publish(entries)
    return shelf, places


@pytest.mark.parametrize("who", [AGENT, SVEN], ids=["its agent", "its auditor"])
@pytest.mark.parametrize("descending", [True, False], ids=["down", "up"])
def test_an_outcome_is_its_intents_wherever_that_lies(who, descending):
    shelf, places = scattered()
    for query in (asking(), asking(database="shop"), asking(table="customers"), asking(principal=AGENT.id)):
        found = shelf.indexes(who, replace(query, is_descending=descending))
        assert sorted(found) == sorted(places.values())
        assert set(places.values()) <= set(shelf.indexes(ALMA, replace(query, is_descending=descending)))


def test_an_outcome_whose_intent_is_not_published_yet_is_for_who_sees_everything():
    ledger, shelf = Ledger(), Shelf()
    id_, intent = ledger.statement("intent", SHOP_TASK, BASE_US)
    ledger.outcome("outcome", id_, intent, SHOP_TASK, BASE_US)
    shelf.store.places[ledger.keys["intent"]] = 3 * WIDTH  # committed, and under no checkpoint
    shelf.publish([ledger.entries["outcome"]])
    assert [shelf.indexes(who, asking()) for who in (AGENT, SVEN, ALMA)] == [[], [], [0]]
    assert shelf.indexes(ALMA, asking(database="shop")) == []
    shelf.publish([ledger.entries["intent"]])
    assert [shelf.indexes(who, asking()) for who in (AGENT, SVEN, ALMA)] == [[1, 0]] * 3


def test_an_index_that_points_elsewhere_makes_nobody_an_owner():
    """Whoever can write the log's table could say that another's outcome follows an intent of theirs."""
    ledger, shelf = Ledger(), Shelf()
    ledger.statement("mine", SHOP_TASK, BASE_US)
    id_, intent = ledger.statement("other's", LAB_TASK, BASE_US)
    ledger.outcome("outcome", id_, intent, LAB_TASK, BASE_US)
    shelf.store.places[ledger.keys["other's"]] = WIDTH  # where mine is
    shelf.publish([ledger.entries["outcome"], *[b"?"] * (WIDTH - 1), ledger.entries["mine"]])
    assert shelf.indexes(AGENT, asking()) == [WIDTH]
    assert shelf.indexes(SVEN, asking()) == [WIDTH]


def test_an_outcome_that_names_another_intent_by_digest_is_nobodys():
    ledger, shelf = Ledger(), Shelf()
    id_, intent = ledger.statement("intent", SHOP_TASK, BASE_US)
    ledger.outcome("outcome", id_, type(intent)("0" * 64), SHOP_TASK, BASE_US)
    shelf.publish_all(ledger)
    assert shelf.indexes(AGENT, asking()) == [0]
    assert shelf.indexes(ALMA, asking()) == [1, 0]


def test_an_outcomes_own_words_about_whose_it_is_are_not_believed():
    """A function whose rights were stolen could write an outcome that names a database and a principal."""
    ledger, shelf = Ledger(), Shelf()
    id_, intent = ledger.statement("intent", LAB_TASK, BASE_US)
    said = {"database": "shop", "principal": bodies.principal_member(AGENT), "rows": 1}
    ledger.put("outcome", bodies.statement_outcome(id_, BASE_US, LAB_TASK.id, intent, status="ok", result=said))
    shelf.publish_all(ledger)
    assert shelf.indexes(AGENT, asking()) == []
    assert shelf.indexes(SVEN, asking()) == []
    assert shelf.indexes(LAB_TASK.principal, asking()) == [1, 0]

    alone = Shelf()
    alone.publish([ledger.entries["outcome"]])
    assert [alone.indexes(who, asking()) for who in (AGENT, SVEN, ALMA)] == [[], [], [0]]
