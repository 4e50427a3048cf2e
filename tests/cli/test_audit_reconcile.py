"""`postern audit reconcile`: files in, one verdict and one exit code out."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern_cli.main import main
from postern_cli.stop import Exit
from tests.support.denied import denying
from tests.support.reconcile import LOG, Script

TEXT = "SELECT 'it''s\n\"quoted\"'"


@pytest.fixture
def script() -> Script:
    """Five commands within a minute."""
    made = Script()
    made.say(f"connection authorized: user={made.role} database=shop application_name=postern", after_s=0)
    for index in range(5):
        made.read(f"{TEXT} AS q{index}", after_s=10 + index * 10)
    made.say("disconnection: session time: 0:01:00.000", after_s=60)
    return made


@pytest.fixture
def copy(script: Script, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    script.write_copy(folder)
    return folder


def reconcile(copy: Path, *logs: Path, more: tuple[str, ...] = ()) -> int:
    named = [part for log in logs for part in ("--database-log", str(log))]
    return main(["audit", "reconcile", "--dir", str(copy), *named, *more])


def written(folder: Path, data: bytes, name: str = "log") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


FORMS = {
    "csvlog": Script.csvlog,
    "stderr": Script.stderr,
    "stderr of RDS": lambda script: script.stderr("{stamp}:10.0.0.1(5):{role}@shop:[77]:"),
    "gzip": lambda script: gzip.compress(script.csvlog()),
    "CloudWatch": lambda script: (
        json.dumps({"events": [{"message": script.stderr().decode(), "timestamp": 1}]}, indent=4).encode() + b"\n"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_log_and_records_that_agree_exit_with_0(
    script: Script, copy: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reconcile(copy, written(tmp_path, FORMS[form](script))) == Exit.DONE
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "agree"
    assert "5 with their statement" in out


def test_files_are_put_in_order_whatever_order_they_are_named_in(script: Script, copy: Path, tmp_path: Path) -> None:
    lines = script.csvlog().splitlines(keepends=True)
    half = next(index for index, line in enumerate(lines) if b"04:00:30" in line)
    first, second = (
        written(tmp_path, b"".join(part), name) for name, part in (("b", lines[:half]), ("a", lines[half:]))
    )
    assert reconcile(copy, second, first) == Exit.DONE


def test_a_statement_without_a_record_is_named_with_its_place(
    script: Script, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.say("statement: SELECT email FROM customers", after_s=61)
    log = written(tmp_path, script.csvlog())
    assert reconcile(copy, log) == Exit.REFUSED
    said = capsys.readouterr()
    assert f"they differ: {log}:" in said.err
    assert "statement.unrecorded" in said.out
    assert "email" not in said.out + said.err, "no text of a statement is shown"


def test_a_record_without_a_statement_is_named(
    script: Script, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = script.read("SELECT 2", after_s=30, is_logged=False)
    script.write_copy(copy)
    script.messages.sort()
    assert reconcile(copy, written(tmp_path, script.stderr())) == Exit.REFUSED
    assert f"differs: {missing}: on record as ok, and its statement is not in the log" in capsys.readouterr().out


def test_a_database_whose_log_this_is_not_is_hinted_at(
    script: Script, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.read("SELECT 2", after_s=30, is_logged=False, database="crm")
    script.write_copy(copy)
    script.messages.sort()
    log = written(tmp_path, script.stderr())
    assert reconcile(copy, log) == Exit.REFUSED
    assert "hint: none of 1 statements on crm" in capsys.readouterr().out
    assert reconcile(copy, log, more=("--database", "shop")) == Exit.DONE


def test_the_report_for_machines_has_everything(
    script: Script, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.say("statement: SELECT 1", after_s=61)
    log = written(tmp_path, script.csvlog())
    assert reconcile(copy, log, more=("--json",)) == Exit.REFUSED
    report = json.loads(capsys.readouterr().out)
    assert report["agree"] is False
    assert report["found"] == {"statement.unrecorded": 1}
    [finding] = report["findings"]
    assert finding["where"].startswith(f"{log}:")
    assert (report["counts"]["matched"], report["counts"]["logins"]) == (5, 1)
    assert report["log"]["first"] == "2026-11-23T04:00:00.000000Z"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--until", "2026-11-23T04:00:55"), Exit.DONE),
        (("--since", "2026-11-23T04:00:55"), Exit.REFUSED),
        ((), Exit.REFUSED),
    ],
)
def test_a_window_leaves_out_what_is_outside(
    script: Script, copy: Path, tmp_path: Path, more: tuple[str, ...], code: Exit
) -> None:
    script.say("statement: SELECT 1", after_s=61)
    assert reconcile(copy, written(tmp_path, script.csvlog()), more=more) == code


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (b"", "expected a log with messages"),
        (b"2026-11-23 04:00:00.000 UTC [1] LOG:  starting\n", "nothing could be compared"),
        (b'2026-11-23 04:00:00.000 UTC,"x\n', "expected a log with messages"),
        (b'{"timestamp":"2026-11-23 04:00:00.000 CET"}\n', "expected the members of a jsonlog"),
        (b"\x1f\x8bnot gzip", "expected a log that can be read"),
        (gzip.compress(b"x\n" * 9000)[:-20], "expected a log that can be read"),
    ],
    ids=["empty", "no task's", "cut off", "unreadable", "no gzip", "half a gzip"],
)
def test_what_cannot_be_compared_is_no_verdict(
    copy: Path, tmp_path: Path, log: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reconcile(copy, written(tmp_path, log)) == Exit.UNKNOWN
    assert said in capsys.readouterr().err


def test_what_is_not_there_is_no_verdict(
    script: Script, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = written(tmp_path, script.csvlog())
    assert reconcile(copy, tmp_path / "none") == Exit.UNKNOWN
    assert reconcile(tmp_path / "no copy", log) == Exit.UNKNOWN
    (copy / "versions.jsonl").unlink()
    assert reconcile(copy, log) == Exit.UNKNOWN
    assert "run `postern audit pull`" in capsys.readouterr().err


def test_a_log_that_goes_back_in_time_is_not_compared(
    script: Script, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script.say("disconnection: x", after_s=600)
    script.say("disconnection: x", after_s=60)
    assert reconcile(copy, written(tmp_path, script.stderr())) == Exit.UNKNOWN
    assert "sort the log by time" in capsys.readouterr().err


NO_RECORDS = {
    "no JSON": b"{",
    "another form": b'{"kind":"statement"}',
    "empty": b"",
    "too long": b"{" + b" " * 70_000 + b"}",
    "too deep": b"[" * 60_000,
}


@pytest.mark.parametrize("spoiled", NO_RECORDS.values(), ids=NO_RECORDS)
def test_a_statement_whose_intent_is_no_record_is_unrecorded_and_the_rest_is_compared(
    script: Script, copy: Path, tmp_path: Path, spoiled: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    key = record_key(LOG, RecordType.INTENT, script.ids[0])
    written(copy / "objects", spoiled, key)
    assert reconcile(copy, written(tmp_path, script.csvlog())) == Exit.REFUSED
    out = capsys.readouterr().out
    assert f"whose record is none: {key} (statement.unrecorded)" in out
    assert f"unreadable: {key}" in out
    assert "4 with their statement" in out


@pytest.mark.parametrize("spoiled", NO_RECORDS.values(), ids=NO_RECORDS)
def test_an_outcome_that_is_no_record_is_not_told_and_its_statement_is_compared(
    script: Script, copy: Path, tmp_path: Path, spoiled: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    key = record_key(LOG, RecordType.OUTCOME, script.ids[0])
    written(copy / "objects", spoiled, key)
    assert reconcile(copy, written(tmp_path, script.csvlog()), more=("--json",)) == Exit.DONE
    report = json.loads(capsys.readouterr().out)
    assert (report["counts"]["matched"], report["unreadable"], report["not_told"]["unreadable"]) == (5, [key], 1)


@pytest.mark.parametrize(
    "name",
    ["no-id", "0199a0b0-c0d0-4000-8000-00000000000a", "0199a0b0-c0d0-7000-8000-00000000000a", "\x1b[31m"],
    ids=["no id", "no UUIDv7", "of another hour", "moves the cursor"],
)
def test_an_object_at_no_records_key_is_not_told_and_named(
    script: Script, copy: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record_key(LOG, RecordType.INTENT, script.ids[0]).rpartition("/")[0].rpartition("/")[0]
    (copy / "objects" / folder / name).mkdir()
    written(copy / "objects" / folder / name, b"{}", "1-intent.json")
    assert reconcile(copy, written(tmp_path, script.csvlog())) == Exit.DONE
    shown = name.replace("\x1b", "\\x1b")
    assert f"unreadable: {folder}/{shown}/1-intent.json" in capsys.readouterr().out


def test_folders_that_are_no_hours_hold_no_records(script: Script, copy: Path, tmp_path: Path) -> None:
    for name in ("9x/00", "20261345/04", "20261123/24"):
        (copy / "objects/wal/v1" / LOG / "0" / name).mkdir(parents=True)
    assert reconcile(copy, written(tmp_path, script.csvlog())) == Exit.DONE


def test_a_record_that_cannot_be_opened_stops_the_comparison_and_is_named(
    script: Script,
    copy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = record_key(LOG, RecordType.INTENT, script.ids[0])
    monkeypatch.setattr(os, "open", denying(key))
    assert reconcile(copy, written(tmp_path, script.csvlog())) == Exit.UNKNOWN
    assert f"{key}: expected to read it, got Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--log-line-prefix", "%m [%p] "), ("--format", "syslog"), ("--skew", "0")])
def test_an_option_that_cannot_be_meant_is_told(
    script: Script, copy: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    assert reconcile(copy, written(tmp_path, script.csvlog()), more=more) == Exit.USAGE
