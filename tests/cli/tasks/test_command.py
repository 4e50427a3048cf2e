"""`postern task`: what is sent, what is shown, and that a word is about what was shown."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from postern_cli.main import main
from postern_cli.stop import Exit
from postern_cli.tasks import awaiting
from tests.support.task_bodies import ACTIVE_BODY, DIGEST, REVIEW, REVIEWED, TASK, TASK_BODY

ONE = f"/v1/tasks/{TASK}"
OPEN = ["task", "open", "--database", "shop", "--table", "orders", "--purpose", "look"]
HOSTILE = "\x1b]0;owned\x07\u202e\n[bold]x[/bold]"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard input as a person at a terminal would give it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = Terminal()
    monkeypatch.setattr(sys, "stdin", typed)
    return typed


def hostile(value: Any) -> Any:
    """The same value with every free text replaced."""
    if isinstance(value, dict):
        return {name: value[name] if name == "scope_digest" else hostile(value[name]) for name in value}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return HOSTILE if isinstance(value, str) and value not in {"select", "partial"} else value


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ([], {"access": [{"tables": ["orders"], "actions": ["select"]}]}),
        (["--table", "stock"], {"access": [{"tables": ["orders", "stock"], "actions": ["select"]}]}),
        (
            ["--table", "shop.stock:select,update", "--action", "select", "--action", "insert"],
            {
                "access": [
                    {"tables": ["orders"], "actions": ["select", "insert"]},
                    {"tables": ["shop.stock"], "actions": ["select", "update"]},
                ]
            },
        ),
        (["--ttl", "2h", "--ticket", "OPS-7"], {"ttl_s": 7200, "ticket": "OPS-7"}),
        (["--ttl", "90"], {"ttl_s": 90}),
        (["--unmask", "a", "--unmask", "b", "--lookup", "c"], {"unmask": ["a", "b"], "lookup": ["c"]}),
    ],
    ids=["one table", "two tables", "actions of its own", "time and ticket", "seconds", "classes"],
)
def test_the_options_are_the_request(gate, arguments, body):
    gate.answer("/v1/tasks", ACTIVE_BODY, status=201)
    assert main([*OPEN, *arguments]) == Exit.DONE
    [asked] = gate.asked
    whole = {"database": "shop", "purpose": "look", "access": [{"tables": ["orders"], "actions": ["select"]}]}
    assert asked.body == whole | body


def test_a_request_is_sent_as_it_stands_in_the_file(gate, tmp_path):
    gate.answer("/v1/tasks", ACTIVE_BODY, status=201)
    body = {"database": "shop", "purpose": "x", "statements": [{"sql": "ANALYZE"}]}
    (tmp_path / "request.json").write_text(json.dumps(body))
    assert main(["task", "open", "--request", str(tmp_path / "request.json")]) == Exit.DONE
    assert gate.asked[0].body == body


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["pending_approval", "provisioning", "active"], Exit.DONE),
        (["pending_approval", "denied"], Exit.REFUSED),
        (["expired"], Exit.REFUSED),
        (["failed"], Exit.REFUSED),
        (["ending"], Exit.REFUSED),
    ],
    ids=["approved", "denied", "nobody in time", "not built", "ending"],
)
def test_waiting_ends_with_the_decision(gate, states, code, monkeypatch, capsys):
    monkeypatch.setattr(awaiting, "_EVERY_S", 0.0)
    gate.answer("/v1/tasks", TASK_BODY, status=201)
    gate.answer(ONE, *({**TASK_BODY, "state": state} for state in states))
    assert main([*OPEN, "--wait"]) == code
    assert gate.paths() == ["POST /v1/tasks", *[f"GET {ONE}"] * len(states)]
    assert f"task {TASK} waits" in capsys.readouterr().err


def test_a_gate_that_is_away_meanwhile_is_asked_again(gate, monkeypatch):
    monkeypatch.setattr(awaiting, "_EVERY_S", 0.0)
    gate.answer("/v1/tasks", TASK_BODY, status=201)
    gate.answer(ONE, {"code": "state.unavailable", "detail": "away"}, status=503)
    gate.replies[f"/live{ONE}"] += gate.replies[f"/live{ONE}"] * 5
    gate.answer("/after", ACTIVE_BODY)
    gate.replies[f"/live{ONE}"] += gate.replies.pop("/live/after")
    assert main([*OPEN, "--wait"]) == Exit.DONE


def test_an_interrupt_leaves_the_task_waiting(gate, monkeypatch, capsys):
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(awaiting.time, "sleep", interrupted)
    monkeypatch.setattr(awaiting.await_decision, "__kwdefaults__", {"sleep": interrupted})
    gate.answer("/v1/tasks", TASK_BODY, status=201)
    assert main([*OPEN, "--wait"]) == 130
    assert gate.paths() == ["POST /v1/tasks"]
    assert TASK in capsys.readouterr().err


def test_the_whole_request_is_shown_to_its_approver(gate, capsys):
    gate.answer(ONE, REVIEWED)
    assert main(["task", "show", TASK]) == Exit.DONE
    out = capsys.readouterr().out
    for part in (
        "shows raw values of pii.birth",
        "why are orders returned?",
        "OPS-7",
        "ci|repo:acme/shop",
        "dana",
        "repository = acme/shop",
        "public.customers: select; about 2,000 rows",
        "phone: pii.phone, masked: partial (keep_last 2)",
        "born: pii.birth, RAW",
        "region = $region",
        "region = north",
        "note_change",
        "shop.price",
        "ref.person",
        "7,200 s",
        "2026-11-24T08:00:00Z",
        "people|erin at 2026-11-23T08:10:00Z: as agreed",
        DIGEST,
    ):
        assert part in out, part


def test_statements_are_shown_whole_and_none_passes_for_a_line_of_ours(gate, capsys):
    sql = "ANALYZE\napproved by   people|boss at 2026: fine"
    checked = [{"sql": sql, "sha256": "0" * 64, "kind": "ANALYZE", "in_transaction": True, "effects": ["locks"]}]
    gate.answer(ONE, {**REVIEWED, "statements": checked})
    assert main(["task", "show", TASK]) == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert "              | approved by   people|boss at 2026: fine" in lines
    assert not any(line.startswith("approved by   people|boss") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["show", TASK], ONE, hostile(REVIEWED)),
        (["show", TASK], ONE, hostile(ACTIVE_BODY)),
        (["list"], "/v1/tasks", {"tasks": [hostile(TASK_BODY)]}),
        (["end", TASK], ONE, hostile(ACTIVE_BODY)),
    ],
    ids=["review", "task", "list", "end"],
)
def test_nothing_that_others_wrote_moves_a_cursor(gate, arguments, path, body, capsys):
    gate.answer(path, body)
    assert main(["task", *arguments]) == Exit.DONE
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").isprintable()
    assert "[bold]x[/bold]" in said.out.replace("\n", "")


@pytest.mark.parametrize("decision", ["approve", "deny"])
def test_a_word_is_about_what_was_shown(gate, decision, terminal, capsys):
    gate.answer(ONE, REVIEWED)
    gate.answer(f"{ONE}/approval", {**ACTIVE_BODY, "approvals": {"needed": 2, "given": 2}})
    terminal.write("as agreed\ny\n")
    terminal.seek(0)
    assert main(["task", decision, TASK]) == Exit.DONE
    assert gate.asked[-1].body == {"decision": decision, "comment": "as agreed", "scope_digest": DIGEST}
    out = capsys.readouterr().out
    assert out.index("shows raw values") < out.index("comment") < out.index(f"{decision} this?")
    assert "active, 2 of 2 approvals" in out


@pytest.mark.parametrize("typed", ["as agreed\nn\n", "as agreed\n\n", "as agreed\n"], ids=["no", "nothing", "the end"])
def test_what_is_not_confirmed_is_not_said(gate, typed, terminal):
    gate.answer(ONE, REVIEWED)
    terminal.write(typed)
    terminal.seek(0)
    assert main(["task", "approve", TASK]) != Exit.DONE
    assert gate.paths() == [f"GET {ONE}"]


def test_a_script_says_yes_and_why(gate, capsys):
    gate.answer(ONE, REVIEWED)
    gate.answer(f"{ONE}/approval", ACTIVE_BODY)
    arguments = ["task", "approve", TASK, "--yes", "--comment", "fine", "--scope-digest", DIGEST, "--json"]
    assert main(arguments) == Exit.DONE
    assert json.loads(capsys.readouterr().out) == ACTIVE_BODY


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        (TASK_BODY, []),
        (REVIEWED, ["--scope-digest", "e" * 64]),
        ({**REVIEWED, "review": {**REVIEW, "scope_digest": "e" * 64}}, ["--scope-digest", DIGEST]),
    ],
    ids=["one's own", "another digest", "changed since"],
)
def test_what_cannot_be_approved_is_not_sent(gate, body, arguments):
    gate.answer(ONE, body)
    assert main(["task", "approve", TASK, "--yes", "--comment", "fine", *arguments]) == Exit.REFUSED
    assert gate.paths() == [f"GET {ONE}"]


def test_an_id_is_a_name_and_no_path(gate):
    gate.answer("/v1/tasks/..%2Frevocations", ACTIVE_BODY)
    assert main(["task", "show", "../revocations"]) == Exit.DONE
    assert gate.paths() == ["GET /v1/tasks/..%2Frevocations"]


def test_live_tasks_are_listed_for_operators(gate, capsys):
    live = {
        "task_id": TASK,
        "state": "active",
        "database": "shop",
        "principal": "ci|x",
        "on_behalf_of": "dana",
        "expires_at": "t",
        "purpose": "look",
        "budgets": {"granted": None, "left": {"rows": 12_345}},
        "may_revoke": True,
    }
    gate.answer("/v1/tasks", {"tasks": [live], "next": "more"})
    assert main(["task", "list", "--live"]) == Exit.DONE
    assert gate.asked[0].query == "state=live"
    out = capsys.readouterr().out
    assert "ci|x for dana" in out
    assert "12,345" in out
    assert "there are more" in out
