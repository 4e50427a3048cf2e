"""Statements that may not run are refused before anybody is asked, and cost a record as any refusal does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from postern.denials import DenialKey, DenialKind
from postern.errors import PosternError
from postern.services.admit_task import AdmitTask
from postern.services.open_run_once import OpenRunOnce
from postern.services.open_task import OpenTask
from postern.services.statement_texts import StatementTexts
from tests.services.test_open_task import Bench
from tests.support.denials import FakeDenials
from tests.support.fake_clock import FakeClock
from tests.support.policy import bundle, principal, request


@dataclass
class RunBench(Bench):
    """The same bench, asked for statements that run once."""

    def refusal(self, sql: str = "GRANT SELECT ON orders TO PUBLIC") -> str:
        """The code by which the statement is refused."""
        admit = AdmitTask(self.rates, FakeDenials(self.tasks))
        opening = OpenTask(self, self.tasks, admit, self.records, self, self.identifiers, FakeClock())
        service = OpenRunOnce(opening, self, self.records, self.identifiers, FakeClock(), StatementTexts())
        with pytest.raises(PosternError) as caught:
            service.run(principal(), replace(request(), statements=(sql,)))
        return caught.value.code


def test_records_a_statement_that_may_not_run():
    bench = RunBench()
    assert bench.refusal() == "guard.kind"
    assert [one["kind"] for one in bench.records.bodies()] == ["refusal"]


def test_refused_statements_put_no_more_on_record_in_a_minute_than_one_may_ask_for():
    bench = RunBench(policy=bundle(limits="openings: 2\n"))
    assert [bench.refusal() for _ in range(3)] == ["guard.kind"] * 2 + ["rate.openings"]
    assert len(bench.records.bodies()) == 2


def test_who_was_shut_out_puts_nothing_on_record():
    bench = RunBench()
    bench.tasks.denials.add(DenialKey(DenialKind.PRINCIPAL, principal().id))
    assert bench.refusal() == "task.revoked"
    assert bench.records.bodies() == []
