"""The prompt: when a statement is whole, what is kept of it, and what ends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postern_cli.gate.client import ApiClient
from postern_cli.query.completeness import is_whole
from postern_cli.query.history import PrivateHistory, history_path
from postern_cli.query.prompt import Prompt
from postern_cli.query.session import Session
from postern_cli.stop import Stop
from tests.support.task_bodies import ANSWER, COLUMNS, TASK

RUN = f"/v1/tasks/{TASK}/query"


WHOLE = [
    "select 1;",
    "select ';';",
    "select 1; -- done",
    "select 1; /* done; */ ",
    "select $$;$$;",
    "select $a$ $$ ; $a$;",
    "select E'\\';';",
    'select ";" from t;',
    "select 'it''s';",
    "select 1;\n",
    "select $1;",
    "select a$b;",
]
UNFINISHED = [
    "",
    "select 1",
    "select ';",
    "select ';'",
    "select 1 -- ;",
    "select /* ;",
    'select ";',
    "select $$ ;",
    "select $a$ ; $b$;",
    "select E'\\';",
    "select 1; select",
    "-- ;",
]


@pytest.mark.parametrize("text", WHOLE)
def test_a_statement_is_whole(text):
    assert is_whole(text)


@pytest.mark.parametrize("text", UNFINISHED)
def test_a_statement_goes_on(text):
    assert not is_whole(text)


@pytest.fixture
def prompt(gate) -> Prompt:
    gate.answer(RUN, ANSWER)
    return Prompt(Session(ApiClient.of(None, None), TASK, None), "table")


def typed(*lines: str | type[BaseException]) -> Callable[[], str]:
    waiting = [*lines, EOFError]

    def ask() -> str:
        line = waiting.pop(0)
        if isinstance(line, str):
            return line
        raise line

    return ask


def test_statements_run_without_their_semicolon(prompt, gate, capsys):
    prompt.run(typed("select 1;", KeyboardInterrupt, "", "select 2\n  ;"))
    assert [one.body["sql"] for one in gate.asked] == ["select 1", "select 2\n  "]
    assert capsys.readouterr().out.count("2 rows") == 2


@pytest.mark.parametrize("word", ["\\q", "exit", "quit;"])
def test_it_is_left_by_a_word(prompt, gate, word):
    prompt.run(typed(word, "select 1;"))
    assert gate.asked == []


def test_a_mistake_is_told_and_the_prompt_goes_on(prompt, gate, capsys):
    gate.answer(RUN, {"code": "sql.syntax", "detail": "no \x1b[2J", "position": 1}, status=422)
    prompt.run(typed("selec;", "\\nope", "\\d nope"))
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert all(line.isprintable() for line in errors)


@pytest.mark.parametrize("code", ["task.expired", "task.revoked", "task.unknown", "task.policy_changed"])
def test_a_task_that_is_no_more_ends_it(prompt, gate, code):
    gate.answer(RUN, {"code": code, "detail": "over"}, status=409)
    with pytest.raises(Stop, match="over"):
        prompt.run(typed("select 1;", "select 2;"))
    assert len(gate.asked) == 1


def test_an_interrupt_while_a_statement_runs_leaves_the_prompt_open(prompt, gate, monkeypatch, capsys):
    real = Session.run

    def interrupted(self: Session, sql: str, *rest: object) -> object:
        if sql == "select 1":
            raise KeyboardInterrupt
        return real(self, sql, *rest)

    monkeypatch.setattr(Session, "run", interrupted)
    prompt.run(typed("select 1;", "select 2;"))
    said = capsys.readouterr()
    assert "may run to its end" in said.err
    assert "2 rows" in said.out


def test_its_commands(prompt, gate, capsys):
    table = {"table": "public.customers", "key": ["id"], "columns": COLUMNS}
    gate.answer(f"/v1/tasks/{TASK}/schema", {"database": "shop", "tables": [table]})
    prompt.run(typed("\\d", "\\d customers", "\\x", "select 1;", "\\timing", "select 1;", "\\?"))
    out = capsys.readouterr().out
    assert "public.customers" in out
    assert "pii.email" in out
    assert "-- row 2" in out
    assert " s\n" in out
    assert "\\timing" in out


def test_history_is_its_owners_and_bounded(monkeypatch):
    monkeypatch.setattr("postern_cli.query.history.MOST_LINES", 3)
    history = PrivateHistory(history_path())
    for number in range(5):
        history.store_string(f"select\n{number};")
    assert history_path().stat().st_mode & 0o777 == 0o600
    kept = list(PrivateHistory(history_path()).load_history_strings())
    assert kept == ["select\n4;", "select\n3;", "select\n2;"]  # the newest first, as prompt_toolkit wants it


def test_what_begins_with_a_space_is_not_kept():
    PrivateHistory(history_path()).store_string(" select 'secret';")
    assert not history_path().exists()


def test_a_history_that_others_can_read_is_refused():
    history = PrivateHistory(history_path())
    history.store_string("select 1;")
    history_path().chmod(0o644)
    with pytest.raises(Stop, match="chmod 0600"):
        history.store_string("select 2;")


def test_a_line_that_is_none_of_ours_is_passed_over():
    history = PrivateHistory(history_path())
    history.store_string("select 1;")
    with history_path().open("a") as file:
        file.write("no json\n7\n")
    assert list(history.load_history_strings()) == ["select 1;"]
