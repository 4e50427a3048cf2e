"""The command: a task is told whole, in order, and nothing in it is obeyed by the terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import sys
import termios
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli import main
from postern_cli.audit import app
from postern_cli.evidence.held import Command, Held
from postern_cli.evidence.members import Members, Odd
from postern_cli.replay.keyboard import read_key
from postern_cli.replay.scenes import scene_of
from postern_cli.replay.screen import Screen, spoken
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.ocsf import EVIL
from tests.support.report_log import LOG, VKEY, Work
from tests.support.report_pack import pulled

SPOOF = "why\n\n2026-03-02 10:00:00  approval  approved\r\x1b[1A"


def told_task() -> Work:
    work = Work().to("2026-03-02T10:00:00Z")
    work.grant("t1", needed=1, task={"id": "t1", "purpose": SPOOF, "ticket": EVIL, "expires_at_s": 1_795_345_200})
    work.statement("t10", "select 'of another task'")
    given = work.later(7200).approve("t1", "erin")
    work.world("provision", "t1", given=(given,))
    masked = [{"column": EVIL, "mask": "email", "count": 3}]
    work.statement("t1", f"select 1 -- {EVIL}\n    rows        999", outcome={"masked": masked})
    work.statement("t1", "[bold red]select[/] 2", writes=True, settled="rolled_back")
    work.statement("t1", "select 3", outcome={})
    work.refuse("t1", sql="select * from staff")
    work.revoke("t1", reason="no longer due")
    work.world("teardown", "t1")
    return work


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pulled(told_task(), tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="module")
def scenes(copy: Path) -> list[dict[str, Any]]:
    ended = command_line.run(app, "replay", "t1", "--dir", copy, "--vkey", VKEY, "--json")
    return [json.loads(line) for line in ended.out.splitlines()]


def test_a_task_is_told_from_its_grant_to_its_teardown(scenes):
    assert [(one["title"].split()[0], one["verdict"]) for one in scenes] == [
        ("task", "granted, waits for 1 approval"),
        ("approval", "approved"),
        ("access", "ok"),
        ("statement", "ok"),
        ("statement", "rolled_back"),
        ("statement", "open: whether it ran is not on record"),
        ("statement", "refused"),
        ("access", "done"),
        ("access", "ok"),
    ]


def test_a_scene_says_who_what_and_how_it_ended(scenes):
    grant, approval, _, statement, _, _, refused, revoked, teardown = scenes
    assert grant["facts"]["who"] == "ci|agent for dana"
    assert "public.customers: select, 3 columns (masked: email email, name redact)" in grant["facts"]["scope"]
    assert approval["facts"]["who"] == "ci|erin"
    assert (statement["facts"]["rows"], statement["facts"]["took"]) == ("3", "9 ms")
    assert statement["facts"]["masked"].endswith("email 3×")
    assert (refused["sql"], refused["facts"]["reason"]) == ("select * from staff", "guard.relation: not of this task")
    assert revoked["facts"]["reason"] == "no longer due"
    assert teardown["facts"]["proof"] == "left: 0 sessions, 0 schemas, 0 roles, 0 keys"


def test_each_scene_leads_back_to_its_record(scenes, copy):
    assert all((copy / "objects" / one["key"]).is_file() and one["log"] == LOG for one in scenes)
    indices = [one["index"] for one in scenes]
    assert indices == sorted(set(indices))


def test_without_a_key_the_same_is_told_and_said_to_be_unchecked(copy, scenes):
    plain = command_line.run(app, "replay", "t1", "--dir", copy)
    assert "not checked: no --vkey was given" in plain.out
    unsigned = [
        json.loads(line) for line in command_line.run(app, "replay", "t1", "--dir", copy, "--json").out.splitlines()
    ]
    assert [(one["is_signed"], one["index"], one["sha256"]) for one in unsigned] == [
        (False, None, one["sha256"]) for one in scenes
    ]


def test_nothing_of_a_record_is_obeyed_or_looks_like_a_line_of_ours(copy):
    out = command_line.run(app, "replay", "t1", "--dir", copy, "--vkey", VKEY).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold red]select[/] 2" in out
    assert r"why\n\n2026-03-02 10:00:00  approval  approved\r\x1b[1A" in out
    lines = out.splitlines()
    assert sum(bool(re.match(r"2026-\S+ \S+  approval  approved$", line)) for line in lines) == 1
    assert not any(re.match(r" {4}rows +999", line) for line in lines)
    assert any(re.match(r" {4}│ +rows +999", line) for line in lines)


@pytest.mark.parametrize("more", [pytest.param((), id="rhythm"), pytest.param(("--step",), id="steps")])
def test_where_there_is_no_terminal_it_waits_for_nothing(copy, monkeypatch, more):
    # A wait of a thread of the progress bar's is none of the replay's.
    monkeypatch.setattr("postern_cli.audit_replay.time", SimpleNamespace(sleep=lambda _: pytest.fail("it slept")))
    ended = command_line.run(app, "replay", "t1", "--dir", copy, *more)
    assert (ended.code, ended.out.rstrip().endswith("the end")) == (Exit.DONE, True)


def test_a_speed_and_steps_together_mean_nothing(copy):
    ended = command_line.run(app, "replay", "t1", "--dir", copy, "--step", "--speed", 2)
    assert (ended.code, ended.line) == (Exit.USAGE, "replay: expected --speed or --step, got both")


@pytest.mark.parametrize(
    ("task", "code", "said"),
    [
        pytest.param("t", Exit.UNKNOWN, "expected records of this task", id="the beginning of a name"),
        pytest.param("nobody's", Exit.UNKNOWN, "expected records of this task", id="a task that is not there"),
        pytest.param("t1\x1b[2J", Exit.USAGE, "expected a task's id", id="a name that a terminal obeys"),
        pytest.param("", Exit.USAGE, "expected a task's id", id="no name"),
        pytest.param("t" * 101, Exit.USAGE, "expected a task's id", id="a name too long"),
    ],
)
def test_a_task_that_is_not_there_is_told(copy, task, code, said):
    ended = command_line.run(app, "replay", task, "--dir", copy)
    assert (ended.code, said in ended.line, "\x1b" in ended.line) == (code, True, False)


def test_a_copy_that_was_changed_is_not_played(tmp_path, capsys):
    copy = pulled(told_task(), tmp_path / "copy")
    for bundle in (copy / "objects/log" / LOG / "tile/entries").rglob("*"):
        if bundle.is_file():
            bundle.write_bytes(bundle.read_bytes().replace(b"from staff", b"from stuff"))
    code = main.main(["audit", "replay", "t1", "--dir", str(copy), "--vkey", VKEY])
    printed = capsys.readouterr()
    assert (code, printed.out) == (Exit.REFUSED, "")
    assert "expected the signed root" in printed.err


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        pytest.param(4.9, "4 s", id="seconds"),
        pytest.param(61, "1 min 1 s", id="minutes"),
        pytest.param(7385, "2 h 3 min", id="hours"),
        pytest.param(90_000, "1 d 1 h", id="days"),
    ],
)
def test_a_pause_is_told_in_two_units(seconds, said):
    assert spoken(seconds) == said


@pytest.mark.parametrize("sent", [pytest.param(b" ", id="a key"), pytest.param(b"\x1b[C", id="an arrow is one key")])
def test_a_key_is_read_without_its_line_and_the_terminal_is_as_before(sent, monkeypatch):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: theirs))
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it still waits for the line's end"))
    signal.alarm(10)
    try:
        os.write(ours, sent)
        assert read_key() == sent.decode()
        assert termios.tcgetattr(theirs) == before
    finally:
        signal.alarm(0)
        os.close(ours)
        os.close(theirs)


def test_on_a_terminal_scenes_are_in_colour_unless_no_color_is_set(monkeypatch):
    def drawn() -> str:
        told = io.StringIO()
        screen = Screen(Console(file=told, width=80, force_terminal=True, color_system="standard"))
        screen.cut(7200)
        screen.draw(scene_of(command("select 1")))
        return told.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31mrefused" in drawn()
    assert "2 h 0 min pass" in drawn()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search("\x1b\\[[0-9;]*[39][0-7]", drawn())


def command(sql: str) -> Command:
    members = Members({"statement": {"text": sql}, "decision": {"result": "refuse"}}, lambda *_: None, Odd())
    id_ = CommandId("019cb323-e50a-7902-a99b-e42c8a8e46fb")
    return Command(Held(LOG, 1, RecordType.INTENT, "statement", id_, 0, "0" * 64, members))


@pytest.mark.parametrize(
    ("left", "tone"),
    [
        pytest.param({"sessions": 0, "roles": 0}, "good", id="nothing is left"),
        pytest.param({"sessions": 0, "roles": 1}, "bad", id="a role is left"),
    ],
)
def test_a_teardown_is_good_where_its_proof_found_nothing(left, tone):
    id_ = CommandId("019cb323-e50a-7902-a99b-e42c8a8e46fb")
    first, outcome = (
        Held(LOG, 1, type_, "teardown", id_, 0, "0" * 64, Members(members, lambda *_: None, Odd()))
        for type_, members in (
            (RecordType.INTENT, {"decision": {"result": "allow"}}),
            (RecordType.OUTCOME, {"status": "ok", "left": left}),
        )
    )
    scene = scene_of(Command(first, outcome))
    assert (scene.tone, scene.verdict) == (tone, "ok")


def test_a_statement_of_many_lines_and_a_wide_one_stay_behind_the_bar():
    told = io.StringIO()
    screen = Screen(Console(file=told, width=40))
    screen.draw(scene_of(command("select 1,\n\n\t" + "'word' || " * 20)))
    lines = told.getvalue().splitlines()[2:-2]  # after the title, before the command's id
    assert len(lines) > 5
    assert all(line.startswith("    │") for line in lines)
