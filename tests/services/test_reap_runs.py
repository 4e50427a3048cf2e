"""Runs whose function died: closed when none can live any more, settled by asking the database, under their kind."""

from __future__ import annotations

import pytest

from postern.audit.run_bodies import DRY_RUN, RUN_ONCE, run_intent
from postern.audit.statements import Asked
from postern.ports import TransactionMark
from postern.reap_ports import Fate
from postern.services.run_once_journal import RunCommand, RunJournal, RunUnit
from postern.types import CommandId, Sha256Hex
from tests.support.dead_calls import begun_site
from tests.support.domain import ADDRESS, DIGEST, a_task
from tests.support.reap_site import Site

MARK = TransactionMark("742", 17, "2026-11-22T10:00:00.000000Z", "7", 3)


@pytest.fixture
def site() -> Site:
    return begun_site()


def begun(site: Site, kind: str) -> tuple[RunJournal, RunUnit, RunCommand, Sha256Hex]:
    """A run of one statement whose intent is durable."""
    now_us = site.clock.now_us()
    command = RunCommand(CommandId(site.identifiers.command_id(now_us)), 0, "SELECT 1", b"k" * 32)
    target = {"database": ADDRESS.name, "role": "task_x"}
    unit = RunUnit(kind, a_task(), target, DIGEST, None, "ci|ann", (command,))
    journal = RunJournal(site.records("run"), site.clock)
    return journal, unit, command, journal.intend(unit, command)


@pytest.mark.parametrize("kind", [RUN_ONCE, DRY_RUN])
def test_a_run_without_an_outcome_is_abandoned_after_twenty_minutes_and_not_before(site, kind):
    begun(site, kind)
    for _ in range(4):
        site.wait(299)
        assert site.reap().counts()["Abandoned"] == 0
    site.wait(4)
    assert site.reap().counts()["Abandoned"] == 1
    [outcome] = site.written(status="abandoned")
    assert outcome["kind"] == kind


@pytest.mark.parametrize(("fate", "status"), [(Fate.COMMITTED, "committed"), (Fate.ROLLED_BACK, "rolled_back")])
def test_a_pending_run_is_settled_by_what_the_database_says_and_under_its_kind(site, fate, status):
    journal, unit, command, intent = begun(site, RUN_ONCE)
    journal.pend(unit, command, intent, MARK, affected=1, duration_ms=2)
    site.fates.answer = fate
    site.wait(61)
    assert site.reap().counts()["Settled"] == 1
    written = site.written(id=command.id)
    assert [(one["type"], one.get("status")) for one in written] == [
        *(("intent", None), ("outcome", "pending"), ("settled", status))
    ]
    assert {one["kind"] for one in written} == {RUN_ONCE}


def test_the_records_of_a_run_say_nothing_of_rows_or_parameters():
    asked = Asked("SELECT 1", "SELECT 1", None, [], b"k" * 32)
    record = run_intent(
        RUN_ONCE,
        CommandId("c"),
        1,
        a_task(),
        target={},
        asked=asked,
        decision={"result": "allow"},
        policy_digest=DIGEST,
        place={"id": "c", "index": 0, "count": 1},
        approval=None,
        by="ci|ann",
    )
    assert record.body["statement"]["parameters"]["count"] == 0
    assert record.body["by"] == "ci|ann"
