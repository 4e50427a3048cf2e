"""`postern query`: which task a statement runs in, what is sent, and how its rows come out."""

from __future__ import annotations

import io
import json
import sys

import pytest

from postern_cli.main import main
from postern_cli.stop import Exit
from postern_cli.tasks import awaiting
from tests.support.task_bodies import ACTIVE_BODY, ANSWER, TASK, TASK_BODY

ONE = f"/v1/tasks/{TASK}"
RUN = f"{ONE}/query"
IN_TASK = ["query", "--task", TASK]
OWN = ["query", "select 1", "--database", "shop", "--table", "orders", "--purpose", "look"]
HOSTILE = "\x1b]0;owned\x07\u202e"


class Piped(io.TextIOWrapper):
    """Standard input as a pipe gives it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


@pytest.fixture(autouse=True)
def nothing_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(b""))


@pytest.mark.parametrize("way", ["argument", "file", "pipe", "pipe named"])
def test_a_statement_comes_from_wherever_it_is(gate, way, tmp_path, monkeypatch):
    gate.answer(RUN, ANSWER)
    sql = "select 'ä;'\n  from orders"
    arguments = {"argument": [sql], "file": ["--file", str(tmp_path / "one.sql")], "pipe": [], "pipe named": ["-"]}
    (tmp_path / "one.sql").write_text(sql)
    monkeypatch.setattr(sys, "stdin", Piped(sql.encode()))
    assert main([*IN_TASK, *arguments[way]]) == Exit.DONE
    assert [one.body for one in gate.asked] == [{"sql": sql}]


@pytest.mark.parametrize(
    ("arguments", "piped", "params"),
    [
        (["--param", "7", "--param", ""], b"", ["7", ""]),
        (
            ["--params", "-"],
            b'[1, null, {"lookup": "ref.person", "value": "ann"}]',
            [1, None, {"lookup": "ref.person", "value": "ann"}],
        ),
    ],
    ids=["texts", "JSON"],
)
def test_parameters_are_sent_as_they_were_given(gate, arguments, piped, params, monkeypatch):
    gate.answer(RUN, ANSWER)
    monkeypatch.setattr(sys, "stdin", Piped(piped))
    assert main([*IN_TASK, "select $1", *arguments, "--max-rows", "5", "--idempotency-key", "k1"]) == Exit.DONE
    [asked] = gate.asked
    assert asked.body == {"sql": "select $1", "params": params, "max_rows": 5}
    assert asked.headers["Idempotency-Key"] == "k1"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (ANSWER, 200, Exit.DONE),
        ({"code": "guard.relation", "detail": "no"}, 403, Exit.REFUSED),
        ({"code": "budget.rows", "detail": "no"}, 429, Exit.REFUSED),
        ({"code": "rate.statements", "detail": "no"}, 429, Exit.UNKNOWN),
        ({"code": "outcome.unknown", "detail": "no"}, 503, Exit.UNKNOWN),
        ({"rows": []}, 200, Exit.UNKNOWN),
    ],
    ids=["ran", "refused", "no budget", "rate", "unknown", "no answer"],
)
def test_a_task_that_was_opened_for_it_is_ended_whatever_happens(gate, answer, status, code):
    gate.answer("/v1/tasks", ACTIVE_BODY, status=201)
    gate.answer(RUN, answer, status=status)
    gate.answer(ONE, ACTIVE_BODY)
    assert main(OWN) == code
    assert gate.paths() == ["POST /v1/tasks", f"POST {RUN}", f"DELETE {ONE}"]


def test_a_task_of_ones_own_choice_is_left_alone(gate):
    gate.answer(RUN, ANSWER)
    assert main([*IN_TASK, "select 1"]) == Exit.DONE
    assert gate.paths() == [f"POST {RUN}"]


@pytest.mark.parametrize("wait", [False, True], ids=["not waited", "waited"])
def test_a_task_that_people_must_approve_is_waited_for_only_where_that_is_asked(gate, wait, monkeypatch):
    monkeypatch.setattr(awaiting, "_EVERY_S", 0.0)
    gate.answer("/v1/tasks", TASK_BODY, status=201)
    gate.answer(ONE, ACTIVE_BODY)
    gate.answer(RUN, ANSWER)
    assert main([*OWN, *(["--wait"] if wait else [])]) == (Exit.DONE if wait else Exit.REFUSED)
    between = [f"GET {ONE}", f"POST {RUN}"] if wait else []
    assert gate.paths() == ["POST /v1/tasks", *between, f"DELETE {ONE}"]


def test_who_interrupts_the_wait_for_their_own_task_ends_it(gate, monkeypatch):
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(awaiting.await_decision, "__kwdefaults__", {"sleep": interrupted})
    gate.answer("/v1/tasks", TASK_BODY, status=201)
    gate.answer(ONE, TASK_BODY)
    assert main([*OWN, "--wait"]) == 130
    assert gate.paths() == ["POST /v1/tasks", f"DELETE {ONE}"]


@pytest.mark.parametrize("output", ["table", "csv", "jsonl"])
def test_what_a_reader_must_know_stands_beside_the_rows(gate, output, capsys):
    gate.answer(RUN, {**ANSWER, "truncated": True, "settled": False})
    assert main([*IN_TASK, "select 1", "--output", output]) == Exit.DONE
    said = capsys.readouterr()
    assert "truncated" in said.err
    assert "truncated" not in said.out
    assert "its commit follows" in said.err
    assert ("email [email]" in said.out) if output == "table" else ("masked: email (email, 2)" in said.err)


def test_json_is_the_answer_as_it_came(gate, capsys):
    gate.answer(RUN, ANSWER)
    assert main([*IN_TASK, "select 1", "--json"]) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_the_output_is_what_was_set(gate, monkeypatch, capsys):
    monkeypatch.setenv("POSTERN_OUTPUT", "jsonl")
    gate.answer(RUN, ANSWER)
    assert main([*IN_TASK, "select 1"]) == Exit.DONE
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [1, 2]


@pytest.mark.parametrize("output", ["table", "jsonl", "json"])
def test_rows_and_names_move_no_cursor(gate, output, capsys):
    columns = [{"name": HOSTILE, "type": "text", "mask": HOSTILE}]
    answer = {**ANSWER, "columns": columns, "rows": [[HOSTILE], [{HOSTILE: [HOSTILE]}]], "masked": []}
    gate.answer(RUN, answer)
    assert main([*IN_TASK, "select 1", "--output", output]) == Exit.DONE
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()


def test_csv_on_a_terminal_moves_no_cursor_and_in_a_pipe_is_the_data(gate, capsys, monkeypatch):
    answer = {**ANSWER, "columns": [{"name": "a", "type": "text", "mask": None}], "rows": [[HOSTILE]], "masked": []}
    gate.answer(RUN, answer)
    assert main([*IN_TASK, "select 1", "--output", "csv"]) == Exit.DONE
    assert capsys.readouterr().out == f"a\r\n{HOSTILE}\r\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main([*IN_TASK, "select 1", "--output", "csv"]) == Exit.DONE
    assert capsys.readouterr().out.replace("\r\n", "").isprintable()


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["a prompt", "as JSON"])
def test_a_prompt_is_for_terminals(gate, arguments, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert main([*IN_TASK, *arguments]) == Exit.USAGE
    assert gate.asked == []
