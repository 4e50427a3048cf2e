"""A statement's answer held against what must be true: each planted fault is told, and what is right is not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from postern_local.demo.caller import Reply
from tests.soak.load import asks
from tests.soak.load.desk import Desk
from tests.soak.load.holding import AFFECTED, ROWS, STATEMENTS, Holding
from tests.soak.load.own_rows import OwnRows
from tests.soak.load.seen import Seen, is_documented

COMMAND = "01998a52-0000-7000-8000-000000000001"
RECEIPT = {"intent_sha256": "a" * 64, "outcome_sha256": "b" * 64, "settled_sha256": "c" * 64}


@dataclass
class ScriptedVoice:
    """Answers as it is told, one reply after another; None is a call that was not answered."""

    replies: list[Reply | None]
    sent: list[object] = field(default_factory=list)

    def send(self, _kind: str, _due_s: float, _method: str, _path: str, body: object, **_: object) -> Reply | None:
        self.sent.append(body)
        return self.replies.pop(0)


@dataclass
class Site:
    """An agent's desk with one task of four statements and one row."""

    seen: Seen = field(default_factory=Seen)
    rows: OwnRows = field(default_factory=OwnRows)
    task: Holding = field(
        default_factory=lambda: Holding("t" * 32, {STATEMENTS: 4, ROWS: 100, AFFECTED: 10}, deadline_s=1e9)
    )

    def __post_init__(self) -> None:
        self.rows.end(self.rows.begin_insert(), 0, is_sure=True)

    def ask(self, ask: asks.Ask, *replies: Reply | None) -> None:
        stopped = threading.Event()
        stopped.set()  # nothing is waited for before a second try
        voice = ScriptedVoice(list(replies))
        Desk(voice, self.seen, stopped).ask(self.task, ask, 0.0)  # type: ignore[arg-type]

    def read(self, change: Callable[[dict[str, Any]], object]) -> None:
        answer = answered([[0, 0, asks.CONTACT]])
        change(answer)
        with self.rows.watched() as watch:
            self.ask(asks.own_entries("agent-01", watch), Reply(200, answer, ""))


@pytest.fixture
def site() -> Site:
    return Site()


def answered(rows: list[list[object]], *, affected: int | None = None, **more: object) -> dict[str, Any]:
    return {
        "command_id": COMMAND,
        "rows": rows,
        "row_count": len(rows),
        "affected": affected,
        "settled": None if affected is None else True,
        "replayed": False,
        "receipt": RECEIPT,
        "truncated": False,
        "masked": [],
    } | more


def refused(status: int, code: str) -> Reply:
    return Reply(status, {"code": code, "command_id": COMMAND}, "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda answer: None, None, id="as it is"),
        pytest.param(lambda answer: answer["rows"].clear(), "got no such row", id="its row is lost"),
        pytest.param(lambda answer: answer["rows"].append([1, 0, asks.CONTACT]), "row 1", id="a row too many"),
        pytest.param(lambda answer: answer["rows"][0].__setitem__(1, 1), "got 1", id="another version"),
        pytest.param(lambda answer: answer["rows"][0].__setitem__(2, "ann@example.com"), "something else", id="raw"),
        pytest.param(lambda answer: answer.pop("rows"), "documented shape", id="no rows"),
    ],
)
def test_a_planted_wrong_answer_is_found(
    site: Site, change: Callable[[dict[str, Any]], object], words: str | None
) -> None:
    site.read(change)
    assert bool(site.seen.wrong) == (words is not None)
    assert words is None or words in site.seen.wrong[0]


@pytest.mark.parametrize(
    ("reply", "is_right"),
    [
        pytest.param(refused(403, "guard.relation"), True, id="as it must be"),
        pytest.param(refused(403, "guard.column"), False, id="for another reason"),
        pytest.param(Reply(200, answered([]), ""), False, id="let through"),
        pytest.param(refused(503, "database.unavailable"), True, id="not served"),
        pytest.param(None, True, id="not heard"),
    ],
)
def test_what_must_be_refused_is_refused_or_not_served(site: Site, reply: Reply | None, is_right: bool) -> None:
    site.ask(asks.REFUSED[0], reply)
    assert (site.seen.wrong == []) == is_right


def test_a_write_that_is_not_settled_or_wrote_another_row_is_found(site: Site) -> None:
    for rows, affected, settled in (([[5, 0, asks.CONTACT]], 1, True), ([[2, 0, asks.CONTACT]], 1, False)):
        reply = Reply(200, answered(rows, affected=affected, settled=settled), "")
        site.ask(asks.insert_entry("agent-01", site.rows, None), reply)
    assert len(site.seen.wrong) == 2


def test_a_refusal_for_a_budget_that_is_not_used_up_is_found(site: Site) -> None:
    site.ask(asks.REFUSED[0], refused(429, "budget.statements"))
    assert "to be left, got a refusal" in site.seen.wrong[0]


def test_a_statement_beyond_the_budget_is_found(site: Site) -> None:
    for _ in range(4):
        site.ask(asks.REFUSED[0], refused(403, "guard.relation"))
    assert site.seen.wrong == []
    site.ask(asks.REFUSED[0], refused(403, "guard.relation"))
    assert "expected a refusal" in site.seen.wrong[0]


def test_the_last_statement_may_be_anybodys_while_two_are_under_way(site: Site) -> None:
    for _ in range(3):
        site.task.begin(1)
        site.task.end(1, is_admitted=True)
    taken_before = site.task.begin(1)
    site.task.begin(1)
    assert list(site.task.wrong_admission(1, taken_before, is_refused=True)) == []
    assert list(site.task.wrong_admission(1, taken_before, is_refused=False)) == []


@pytest.mark.parametrize(
    ("told", "disturbed", "is_right"),
    [
        pytest.param({STATEMENTS: 3, ROWS: 98, AFFECTED: 9}, False, True, id="exact"),
        pytest.param({STATEMENTS: 3, ROWS: 97, AFFECTED: 9}, False, False, id="less"),
        pytest.param({STATEMENTS: 4, ROWS: 98, AFFECTED: 9}, False, False, id="more"),
        pytest.param({STATEMENTS: 2, ROWS: 90, AFFECTED: 9}, True, True, id="less of a task that was not served"),
        pytest.param({STATEMENTS: 4, ROWS: 98, AFFECTED: 9}, True, False, id="more of a task that was not served"),
    ],
)
def test_budgets_are_exact(site: Site, told: dict[str, int], disturbed: bool, is_right: bool) -> None:
    site.task.begin(1)
    site.task.end(1, is_admitted=True, rows=2, affected=1)
    site.task.is_disturbed = disturbed
    assert (list(site.task.wrong_budgets(told)) == []) == is_right


def test_a_keyed_write_that_was_not_served_and_not_sent_again_leaves_its_row_open(site: Site) -> None:
    site.ask(asks.insert_entry("agent-01", site.rows, "key"), None)
    assert site.task.is_disturbed
    assert site.rows.all().wrong({0: 0}) == site.rows.all().wrong({0: 0, 1: 0}) == []


@pytest.mark.parametrize(
    ("reply", "is_right"),
    [
        pytest.param(Reply(200, {}, ""), True, id="success"),
        pytest.param(refused(503, "state.unavailable"), True, id="a code of the table"),
        pytest.param(refused(503, "state.gone"), False, id="a code of no table"),
        pytest.param(refused(500, "internal"), False, id="a fault of ours"),
        pytest.param(Reply(502, {"message": "Bad Gateway"}, ""), False, id="no code"),
    ],
)
def test_only_documented_answers_are_right(reply: Reply, is_right: bool) -> None:
    assert is_documented(reply) == is_right
