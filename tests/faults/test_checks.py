"""Each check finds what it is there for: a violation is planted in a run that holds, and only that is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.faults import checks
from tests.faults.checks import Left
from tests.faults.evidence import Command
from tests.faults.ledger import Call, Ledger, Opened

FAULT = "planted"


def call(kind: str = "write", status: int = 200, code: str = "none", **more: object) -> Call:
    mark = None if kind == "read" else "m"
    return Call(FAULT, "agent-a", kind, status, code, 0.0, 0.0, task="t", mark=mark, **more)


def command(status: str = "committed", *, id_: str = "c", kind: str = "statement") -> Command:
    records = {
        "intent": {
            "kind": kind,
            "task": {"id": "t"},
            "statement": {"text": "INSERT INTO marks (agent, mark, pad) VALUES (0, 'm', $1)"},
            "decision": {"result": "allow"},
        },
        "outcome": {"kind": kind, "task": {"id": "t"}, "status": "pending", "rows": 1},
        "settled": {"kind": kind, "task": {"id": "t"}, "status": status},
    }
    return Command(id_, records, {"intent": "i", "outcome": "o", "settled": "s"})


RECEIPT = (("c", {"intent_sha256": "i", "outcome_sha256": "o", "settled_sha256": "s"}),)


@dataclass
class Ended:
    """A run that holds: one write that was answered, is on record as committed, and stands."""

    calls: list[Call] = field(default_factory=lambda: [call(receipts=RECEIPT)])
    commands: list[Command] = field(default_factory=lambda: [command()])
    rows: dict[str, int] = field(default_factory=lambda: {"m": 1})
    left: Left | None = field(default_factory=lambda: Left(29, 120))

    def wrong(self) -> list[str]:
        """The checks that found something."""
        ledger = Ledger(self.calls, [Opened("t", "agent-a", 30, 120)])
        by_id = {one.id: one for one in self.commands}
        left = {} if self.left is None else {"t": self.left}
        found = {
            "rows": checks.wrong_rows(ledger, self.rows),
            "records": checks.wrong_records(ledger, self.commands, self.rows),
            "receipts": checks.lost_receipts(ledger, by_id),
            "open": checks.left_open(ledger, self.commands),
            "budgets": checks.wrong_budgets(ledger, ledger.tasks, self.commands, left),
        }
        return [name for name, wrong in found.items() if [fault for fault, _ in wrong]]


def test_a_run_that_holds_is_not_reported() -> None:
    assert Ended().wrong() == []


def _twice(ended: Ended) -> None:
    ended.calls = [call("keyed", 502, key="k"), call("keyed", receipts=RECEIPT, key="k")]
    ended.commands = [command(), command(id_="d")]
    ended.rows = {"m": 2}
    ended.left = Left(28, 120)


def _twice_untold(ended: Ended) -> None:
    ended.calls = [call("keyed", 502, key="k"), call("keyed", 503, "outcome.unknown", key="k")]
    ended.commands = [command(), command(id_="d")]
    ended.rows = {"m": 2}
    ended.left = Left(28, 120)


def _gone(ended: Ended) -> None:
    ended.rows = {}


def _refused_and_written(ended: Ended) -> None:
    ended.calls = [call(status=503, code="evidence.unavailable")]


def _unasked(ended: Ended) -> None:
    ended.rows["n"] = 1


def _unrecorded(ended: Ended) -> None:
    ended.calls = [call(status=0)]
    ended.commands = []


def _recorded_as_undone(ended: Ended) -> None:
    ended.commands = [command("rolled_back")]


def _other_outcome(ended: Ended) -> None:
    ended.commands[0].digests["outcome"] = "another"


def _no_receipt(ended: Ended) -> None:
    ended.calls = [call("write")]


def _never_settled(ended: Ended) -> None:
    ended.calls = [call(status=503, code="outcome.unknown")]
    ended.rows = {}
    del ended.commands[0].records["settled"]


def _too_many_statements(ended: Ended) -> None:
    ended.commands += [replace(command(id_=f"r{n}"), records=_read().records) for n in range(30)]
    ended.left = None


def _given_back_twice(ended: Ended) -> None:
    ended.left = Left(30, 120)


def _too_many_rows(ended: Ended) -> None:
    ended.calls += [call("read", row_count=121, receipts=RECEIPT)]
    ended.left = None


def _read() -> Command:
    read = command("ok")
    read.records["intent"]["statement"]["text"] = "SELECT 1"
    return read


VIOLATIONS: dict[str, tuple[Callable[[Ended], None], list[str]]] = {
    "written-twice": (_twice, ["rows"]),
    "written-twice-under-a-key-that-was-not-told": (_twice_untold, ["rows"]),
    "answered-and-not-there": (_gone, ["rows", "records"]),
    "refused-and-there": (_refused_and_written, ["rows"]),
    "there-unasked": (_unasked, ["rows", "records"]),
    "there-and-not-on-record": (_unrecorded, ["records"]),
    "there-and-recorded-as-undone": (_recorded_as_undone, ["records"]),
    "another-outcome-than-the-receipts": (_other_outcome, ["receipts"]),
    "delivered-without-a-receipt": (_no_receipt, ["receipts"]),
    "never-settled": (_never_settled, ["open"]),
    "more-statements-than-the-budget": (_too_many_statements, ["budgets"]),
    "more-left-than-was-not-used": (_given_back_twice, ["budgets"]),
    "more-rows-than-the-budget": (_too_many_rows, ["budgets"]),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_is_found(name: str) -> None:
    plant, found = VIOLATIONS[name]
    ended = Ended()
    plant(ended)
    assert ended.wrong() == found


def test_a_write_that_nobody_was_told_of_may_stand_or_not() -> None:
    for rows in ({}, {"m": 1}):
        ended = Ended(calls=[call(status=502, code="internal")], rows=rows)
        ended.commands = [command("committed" if rows else "rolled_back")]
        assert ended.wrong() == []
