"""One record for each change of what is deployed, before traffic moves, whoever asks and whatever is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from postern.audit.stored import parse_record
from postern.errors import EvidenceUnavailable, PolicyUnavailable, PosternError, StateUnavailable
from postern.services.record_deploy import REDATED_AFTER_US
from postern.types import Sha256Hex
from tests.support.deploys import CA, Deploying, facts
from tests.support.domain import DIGEST
from tests.support.log_fakes import Wire
from tests.support.reap_fakes import Cut, Died


def recorded(site: Deploying) -> list[dict[str, Any]]:
    """The members of each record, oldest first; each is a record of its form."""
    for data in site.objects.values():
        assert parse_record(data).kind == "deploy"
    return [json.loads(data)["deploy"] for data in site.objects.values()]


def test_records_what_is_deployed_and_that_nothing_is_known_of_before() -> None:
    site = Deploying()

    note = site.asks()[0].run("d-FIRST")

    [told] = recorded(site)
    assert note.is_recorded
    assert told == {
        "before": None,
        "after": {
            "version": "0.1.0+111111111111",
            "code": "1" * 64,
            "template": "2" * 64,
            "policy": DIGEST,
            "authorities": {"ca.pem": CA},
        },
        "deployment": "d-FIRST",
    }


CHANGES: dict[str, Callable[[Deploying], None]] = {
    "code": lambda site: setattr(site, "built", facts(code="4")),
    "template": lambda site: setattr(site, "built", facts(template="5")),
    "policy": lambda site: setattr(site, "policy_digest", Sha256Hex("6" * 64)),
    "authorities": lambda site: setattr(site, "authority", Sha256Hex("7" * 64)),
}


@pytest.mark.parametrize("member", CHANGES)
def test_a_change_of_anything_is_recorded_with_what_stood_before(member: str) -> None:
    site = Deploying()
    site.asks()[0].run("d-FIRST")

    CHANGES[member](site)
    site.asks()[0].run("d-SECOND")

    first, second = recorded(site)
    assert second["before"] == first["after"]
    assert second["after"][member] != first["after"][member]
    assert second["deployment"] == "d-SECOND"


def test_all_functions_of_one_update_make_one_record() -> None:
    site = Deploying()

    notes = [site.asks()[0].run(f"d-{n}") for n in range(9)]

    assert len(recorded(site)) == 1
    assert {note.event_id for note in notes} == {site.kept[-1].event_id}


def test_a_return_to_what_stood_before_is_a_record_again() -> None:
    site = Deploying()
    for code in ("1", "4", "1"):
        site.built = facts(code=code)
        site.asks()[0].run("d-ANY")

    versions = [(told["before"] and told["before"]["code"][0], told["after"]["code"][0]) for told in recorded(site)]
    assert versions == [(None, "1"), ("1", "4"), ("4", "1")]


BROKEN: dict[str, Callable[[Deploying], None]] = {
    "policy layer": lambda site: setattr(site, "loads", False),
    "authorities": lambda site: setattr(site, "authority", None),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_work_is_neither_noted_nor_recorded(what: str) -> None:
    site = Deploying()
    BROKEN[what](site)

    with pytest.raises(PolicyUnavailable):
        site.asks()[0].run("d-FIRST")

    assert (site.kept, list(site.objects)) == ([], [])


@pytest.mark.parametrize("when", ["before", "after"])
def test_without_an_answer_to_the_record_nothing_goes_on_and_the_next_to_ask_finishes_it(when: str) -> None:
    site = Deploying()
    asked, records = site.asks()
    records.fail_next(when)

    with pytest.raises(EvidenceUnavailable):
        asked.run("d-FIRST")
    site.asks()[0].run("d-SECOND")

    [told] = recorded(site)
    assert told["deployment"] == "d-FIRST"
    assert site.kept[-1].is_recorded


@pytest.mark.parametrize("dies", [True, False], ids=["the process dies", "the answer is lost"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [0, 1], ids=["at the note", "at its mark"])
def test_a_fault_at_any_write_ends_in_one_record(at: int, when: str, dies: bool) -> None:
    site = Deploying()
    site.asks()[0].run("d-ZERO")
    site.built = facts(code="4")

    with pytest.raises(Died if dies else PosternError):
        site.asks(Cut(at=at, when=when, dies=dies))[0].run("d-FIRST")
    site.asks()[0].run("d-SECOND")

    first, second = recorded(site)
    assert second["before"] == first["after"]
    assert site.kept[-1].is_recorded


def test_what_was_never_recorded_is_not_what_stood_before() -> None:
    """Its traffic never moved."""
    site = Deploying()
    site.asks()[0].run("d-ZERO")
    site.built = facts(code="4")
    asked, records = site.asks()
    records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        asked.run("d-FIRST")

    site.built = facts(code="5")
    site.asks()[0].run("d-SECOND")

    first, second = recorded(site)
    assert (second["before"], second["after"]["code"]) == (first["after"], "5" * 64)


def test_an_id_that_has_grown_old_is_not_written_under() -> None:
    site = Deploying()
    asked, records = site.asks()
    records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        asked.run("d-FIRST")
    old = site.kept[-1]

    site.clock.at_us += REDATED_AFTER_US + 1
    fresh = site.asks()[0].run("d-SECOND")

    [data] = site.objects.values()
    assert fresh.event_id != old.event_id
    assert parse_record(data).time_us == site.clock.at_us


def test_two_that_ask_at_once_write_one_record() -> None:
    site = Deploying()
    second = site.asks()[0]
    hasten = [lambda: second.run("d-SECOND")]  # between the first's read and its write

    site.asks(Cut(hook=lambda _: hasten.pop()() if hasten else None))[0].run("d-FIRST")

    [told] = recorded(site)
    assert told["deployment"] == "d-SECOND"


def test_stops_where_others_change_the_note_again_and_again() -> None:
    site = Deploying()

    class Busy(Wire):
        def write(self, *_: Any) -> Any:
            return False

    with pytest.raises(StateUnavailable, match="others noted one"):
        site.asks(Busy())[0].run("d-FIRST")
    assert not site.objects
