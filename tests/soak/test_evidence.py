"""Lost records, wrong receipts and statements that nobody ran are found in what was pulled and in the two logs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from tests.soak.load.evidence import strange_tasks, wrong_commands, wrong_counts, wrong_reconciliation
from tests.soak.load.holding import AFFECTED, ROWS, STATEMENTS, Holding
from tests.soak.load.seen import Command

LOG = "local"
ID = CommandId("01998a52-0000-7000-8000-000000000001")
DIGESTS = {
    record_key(LOG, type_, ID): name * 64
    for type_, name in ((RecordType.INTENT, "a"), (RecordType.OUTCOME, "b"), (RecordType.SETTLED, "c"))
}
WRITE = Command(
    ID, "t", True, True, {"intent_sha256": "a" * 64, "outcome_sha256": "b" * 64, "settled_sha256": "c" * 64}
)
AGREED: dict[str, Any] = {
    "exit": 0,
    "counts": {"matched": 10},
    "not_told": {"later": 0, "edge": 0, "unreadable": 0, "earlier": 0},
}


@pytest.fixture
def task() -> Holding:
    task = Holding("t" * 32, {STATEMENTS: 9, ROWS: 9, AFFECTED: 9}, 1e9)
    task.begin(3)
    task.end(3, is_admitted=True)
    return task


def on_record(task: Holding, intents: int = 3, **less: int) -> dict[str, Counter[str]]:
    counted = {"statement intent": intents, "grant event": 1, "provision outcome": 1, "teardown outcome": 1}
    return {task.id: Counter(counted | {name.replace("_", " "): count for name, count in less.items()})}


def test_a_command_with_all_its_records_is_right() -> None:
    assert list(wrong_commands(LOG, [WRITE], DIGESTS)) == []


@pytest.mark.parametrize("type_", list(RecordType)[:3], ids=lambda type_: type_.value)
def test_a_lost_record_is_found(type_: RecordType) -> None:
    left = {key: digest for key, digest in DIGESTS.items() if key != record_key(LOG, type_, ID)}
    wrong = list(wrong_commands(LOG, [WRITE], left))
    assert len(wrong) == (type_ in {RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED})


def test_a_receipt_of_other_bytes_is_found() -> None:
    changed = DIGESTS | {record_key(LOG, RecordType.OUTCOME, ID): "f" * 64}
    assert list(wrong_commands(LOG, [WRITE], changed)) == [
        f"{ID}: expected the receipt's outcome in the pulled log, got another"
    ]


def test_what_was_refused_needs_no_outcome() -> None:
    refused = Command(ID, "t", False, False, None)
    assert list(wrong_commands(LOG, [refused], {record_key(LOG, RecordType.INTENT, ID): "a" * 64})) == []


@pytest.mark.parametrize(
    ("intents", "less", "disturbed", "wrong"),
    [
        pytest.param(3, {}, False, 0, id="as many as were admitted"),
        pytest.param(2, {}, False, 1, id="one lost"),
        pytest.param(4, {}, False, 1, id="one that nobody asked for"),
        pytest.param(4, {}, True, 0, id="one more of a task that was not served"),
        pytest.param(2, {}, True, 1, id="one lost of a task that was not served"),
        pytest.param(3, {"teardown_outcome": 0}, False, 1, id="no proof of its end"),
        pytest.param(3, {"grant_event": 0}, False, 1, id="no grant"),
    ],
)
def test_records_of_a_task_are_counted(
    task: Holding, intents: int, less: dict[str, int], disturbed: bool, wrong: int
) -> None:
    task.is_disturbed = disturbed
    assert len(list(wrong_counts([task], on_record(task, intents, **less)))) == wrong


def test_a_task_that_nobody_opened_is_found(task: Holding) -> None:
    by_task = on_record(task) | {"x" * 32: Counter({"grant event": 1}), "None": Counter()}
    assert len(list(strange_tasks([task], by_task, unheard=0))) == 1
    assert list(strange_tasks([task], by_task, unheard=1)) == []


@pytest.mark.parametrize(
    ("change", "is_whole", "is_right"),
    [
        pytest.param({}, True, True, id="they agree"),
        pytest.param({"exit": 1, "findings": [{"kind": "statement.unrecorded"}]}, True, False, id="they differ"),
        pytest.param({"exit": 3, "said": "expected a log"}, True, False, id="it cannot be told"),
        pytest.param({"counts": {"matched": 9}}, True, False, id="one has no statement"),
        pytest.param({"counts": {"matched": 11}}, True, False, id="one that nobody was told of"),
        pytest.param({"counts": {"matched": 11}}, False, True, id="one more where some calls were not served"),
        pytest.param({"not_told": AGREED["not_told"] | {"edge": 1}}, True, False, id="one left untold"),
    ],
)
def test_the_two_logs_agree_to_the_statement(change: dict[str, Any], is_whole: bool, is_right: bool) -> None:
    assert (list(wrong_reconciliation(AGREED | change, 10, is_whole=is_whole)) == []) == is_right
