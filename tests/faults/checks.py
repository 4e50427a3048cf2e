"""What must hold after every fault, from what was answered, what is on record, and what is in the database.

rows       a write that was answered stands once; one that was refused does not; no other stands twice
records    each row has the one command that is on record as committed, and each such command its row
receipts   whatever was delivered names an outcome that is in the log
open       nothing on record is without an end
budgets    no task has used more than it was opened with, nor has more left than its answers leave
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.evidence import Command
from tests.faults.ledger import Call, Ledger, Opened, Written

Wrong = tuple[str, str]  # the fault that was in force, and what does not hold
COMMITTED = "committed"


@dataclass(frozen=True, slots=True)
class Left:
    """What a task has left of its budgets in the end."""

    statements: int
    rows: int


def wrong_rows(ledger: Ledger, rows: Mapping[str, int]) -> Iterator[Wrong]:
    """Writes whose rows are not what their answers said. `rows` counts each mark's."""
    asked = ledger.by_mark()
    for mark, calls in asked.items():
        said, count = [call.written for call in calls], rows.get(mark, 0)
        keyed = calls[0].key is not None
        most = 1 if keyed else len(calls)
        if Written.YES in said:
            right = {1} if keyed else set(range(said.count(Written.YES), most + 1))
        elif Written.MAYBE in said:
            right = set(range(most + 1))
        else:
            right = {0}
        if count not in right:
            told = ", ".join(call.told for call in calls)
            yield calls[0].fault, f"{mark}: expected {sorted(right)} rows after {told}, got {count}"
    for mark in rows.keys() - asked.keys():
        yield "", f"{mark}: expected no row that nobody asked for, got {rows[mark]}"


def wrong_records(ledger: Ledger, commands: Iterable[Command], rows: Mapping[str, int]) -> Iterator[Wrong]:
    """Rows without the record of their commit, and records of commits without their row."""
    statuses: dict[str, Counter[str]] = {}
    marks = ledger.by_mark()
    for command in commands:
        mark = _mark_of(command.text)
        if mark is not None:
            statuses.setdefault(mark, Counter())[command.status] += 1
    for mark in statuses.keys() | rows.keys():
        found, count = statuses.get(mark, Counter()), rows.get(mark, 0)
        fault = marks[mark][0].fault if mark in marks else ""
        if not found[COMMITTED] <= count <= found[COMMITTED] + found["unknown"]:
            yield fault, f"{mark}: expected as many rows as commands on record as committed, got {count}: {dict(found)}"


def _mark_of(text: str) -> str | None:
    _, found, rest = text.partition("INSERT INTO marks (agent, mark, pad) VALUES (")
    return rest.split("'")[1] if found else None


def lost_receipts(ledger: Ledger, commands: Mapping[str, Command]) -> Iterator[Wrong]:
    """Answers whose records are not in the log as their receipts say."""
    for call in ledger.calls:
        if call.status == 200 and call.kind in ("read", "write", "keyed") and not call.receipts:
            yield call.fault, f"{call.who} {call.kind}: expected a receipt with the answer, got none"
        for command_id, receipt in call.receipts:
            command = commands.get(command_id)
            for type_ in ("intent", "outcome", "settled"):
                told = receipt.get(f"{type_}_sha256")
                if told is not None and (command is None or command.digests.get(type_) != told):
                    yield call.fault, f"{command_id}: expected the receipt's {type_} in the pulled log, got another"


def left_open(ledger: Ledger, commands: Iterable[Command]) -> Iterator[Wrong]:
    """Commands that nobody closed."""
    for command in commands:
        if command.status == "open":
            yield _fault_of(ledger, command), f"{command.id} {command.kind}: expected an end on record, got none"


def wrong_budgets(
    ledger: Ledger, tasks: Sequence[Opened], commands: Iterable[Command], left: Mapping[str, Left]
) -> Iterator[Wrong]:
    """Tasks that used more than they had, and tasks that have more left than they should."""
    by_task: dict[str, list[Command]] = {}
    for command in commands:
        if command.kind == "statement" and command.task is not None:
            by_task.setdefault(command.task, []).append(command)
    answered: dict[str, list[Call]] = {}
    for call in ledger.calls:
        if call.status == 200 and call.task is not None and call.kind in ("read", "write", "keyed"):
            answered.setdefault(call.task, []).append(call)
    for task in tasks:
        ran, told = by_task.get(task.id, []), answered.get(task.id, [])
        delivered = sum(call.row_count for call in told if call.kind == "read")
        fault = told[-1].fault if told else ""
        if len(ran) > task.statements or delivered > task.rows:
            yield fault, f"{task.id}: expected at most its budgets, got {len(ran)} statements and {delivered} rows"
        rest = left.get(task.id)
        if rest is None:
            continue
        # A statement that ran is spent, whatever became of it; one without any record may be given back.
        most = Left(task.statements - len({one.id for one in ran}), task.rows - delivered)
        if not (0 <= rest.statements <= most.statements and 0 <= rest.rows <= most.rows):
            yield fault, f"{task.id}: expected at most {most} left, got {rest}"


def _fault_of(ledger: Ledger, command: Command) -> str:
    """The fault under which its task was last asked for something."""
    calls = [call for call in ledger.calls if call.task == command.task]
    return next((call.fault for call in reversed(calls) if call.fault), "")


__all__ = ["Left", "left_open", "lost_receipts", "wrong_budgets", "wrong_records", "wrong_rows"]
