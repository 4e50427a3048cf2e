"""The command: what it writes, refuses and says."""

from __future__ import annotations

import hashlib
import json
import sys
from base64 import b64decode
from pathlib import Path
from unittest.mock import ANY

import pytest

from postern_cli import main
from postern_cli.audit import app
from postern_cli.stop import Exit
from tests.cli.ocsf.conftest import PARTITIONS, events_in, run_export
from tests.support import command_line
from tests.support.log_copy import log_key
from tests.support.report_log import VKEY, Work
from tests.support.report_pack import pulled


def digests(out: Path) -> dict[str, str]:
    files = [path for path in out.rglob("*") if path.is_file()]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("name", "more", "keys"),
    [pytest.param("written", (), 2, id="jsonl"), pytest.param("lake", PARTITIONS, 1, id="parquet")],
)
def test_the_same_log_and_arguments_give_the_same_bytes(request, copy, other_key, tmp_path, name, more, keys):
    before = digests(request.getfixturevalue(name))
    assert run_export(copy, tmp_path / "again", *more, vkeys=(VKEY, other_key)[:keys]).code == Exit.DONE
    assert digests(tmp_path / "again") == before != {}


def test_a_file_has_the_events_of_one_day_in_order(written):
    days = set()
    for file in written.glob("*.jsonl"):
        times = [event["metadata"]["original_time"] for event in map(json.loads, file.read_text().splitlines())]
        assert {time[:10] for time in times} == {file.stem}
        assert times == sorted(times)
        days.add(file.stem)
    assert {"2026-03-03", "2026-03-09", "2026-04-01"} <= days


def test_a_further_log_is_exported_with_its_key_and_named_without(copy, other_key, events, tmp_path):
    assert {event["metadata"]["log_name"] for event in events} == {"prod-2026", "prod-2027"}
    ended = run_export(copy, tmp_path / "out")
    assert "log prod-2027: no --vkey was given for it" in ended.out
    only = run_export(copy, tmp_path / "only", "--log", "prod-2027", "--json", vkeys=(VKEY, other_key))
    assert json.loads(only.out)["events"] == {"datastore_activity": 0, "authorize_session": 1}


def test_the_summary_counts_what_was_left_out_and_why(copy, tmp_path):
    summary = json.loads(run_export(copy, tmp_path / "out", "--json").out)
    written = sum(summary["events"].values())
    assert written == len(list(events_in(tmp_path / "out")))
    assert summary["left_out"]["no record: see `postern audit verify`"] == 1
    assert summary["schema"] == "OCSF 1.3.0"
    assert any(reason.startswith("event of-the-future: ") for reason in summary["left_out"])


@pytest.mark.parametrize("name", [pytest.param("written", id="jsonl"), pytest.param("lake", id="parquet")])
def test_the_manifest_has_every_file_and_the_signed_root(request, copy, name):
    out = request.getfixturevalue(name)
    manifest = json.loads((out / "export.json").read_text())
    assert {one["path"]: one["sha256"] for one in manifest["files"]} | {"export.json": ANY} == digests(out)
    note = (copy / "objects/log/prod-2026/checkpoint").read_text().split("\n")
    assert manifest["logs"][0]["size"] == int(note[1])
    assert manifest["logs"][0]["root"] == b64decode(note[2]).hex()


def test_an_export_that_broke_off_has_no_manifest(copy, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "2026-03-03.jsonl")

    monkeypatch.setattr("postern_cli.ocsf.json_lines.JsonLines.write", full)
    ended = run_export(copy, tmp_path / "out")
    assert (ended.code, ended.line) == (
        Exit.UNKNOWN,
        "2026-03-03.jsonl: expected to use it, got No space left on device",
    )
    assert not (tmp_path / "out/export.json").exists()


@pytest.mark.parametrize("more", [pytest.param((), id="jsonl"), pytest.param(PARTITIONS, id="parquet")])
def test_a_changed_entry_stops_it_before_anything_is_written(tmp_path, more, capsys):
    work = Work().to("2026-03-02T10:00:00Z")
    work.statement("t", "select 'one'")
    copy = pulled(work, tmp_path / "copy")
    for bundle in (copy / "objects/log/prod-2026/tile/entries").rglob("*"):
        if bundle.is_file():
            bundle.write_bytes(bundle.read_bytes().replace(b"'one'", b"'two'"))
    code = main.main(
        ["audit", "export", "--ocsf", "--dir", str(copy), "--vkey", VKEY, "--out", str(tmp_path / "out"), *more]
    )
    assert code == Exit.REFUSED
    assert "expected the signed root" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_key_that_did_not_sign_it_is_refused(copy, tmp_path, capsys):
    key = str(log_key("postern.shop/prod-2026", 99).verifier)
    code = main.main(["audit", "export", "--ocsf", "--dir", str(copy), "--vkey", key, "--out", str(tmp_path / "out")])
    assert code == Exit.REFUSED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--format", "parquet"], "--region: expected a region", id="no region"),
        pytest.param([*PARTITIONS[:4]], "--account: expected 12 digits", id="no account"),
        pytest.param([*PARTITIONS[:3], "../../etc", *PARTITIONS[4:]], "--region: expected", id="a path for a region"),
        pytest.param([*PARTITIONS[:5], "external/../x"], "--account: expected", id="a path for an account"),
        pytest.param(["--region", "eu-central-1"], "with --format parquet only", id="a region for JSON lines"),
        pytest.param(["--log", "prod-1999"], "--log: expected a log that a --vkey is of", id="a log without its key"),
        pytest.param(["--from", "yesterday"], "--from: expected a date", id="no date"),
        pytest.param(["--from", "2026-03-04", "--to", "2026-03-03"], "--to: expected a time after", id="no period"),
    ],
)
def test_a_wrong_argument_is_told_before_anything_is_made(copy, tmp_path, arguments, said):
    ended = run_export(copy, tmp_path / "out", *arguments)
    assert (ended.code, said in ended.line) == (Exit.USAGE, True), ended.line
    assert not (tmp_path / "out").exists()


def test_a_schema_must_be_named(copy, tmp_path):
    ended = command_line.run(app, "export", "--dir", copy, "--vkey", VKEY, "--out", tmp_path / "out")
    assert (ended.code, ended.line.startswith("export: expected --ocsf")) == (Exit.USAGE, True)


def test_a_folder_with_something_in_it_is_left_alone(copy, tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    ended = run_export(copy, tmp_path)
    assert (ended.code, [one.name for one in tmp_path.iterdir() if one.name not in ("config", "state")]) == (
        Exit.USAGE,
        ["kept.txt"],
    )


def test_an_unfinished_pull_is_told(tmp_path):
    ended = run_export(tmp_path, tmp_path / "out")
    assert (ended.code, "expected a finished pull" in ended.line) == (Exit.UNKNOWN, True)


def test_without_pyarrow_one_line_says_what_to_install(copy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    ended = run_export(copy, tmp_path / "out", *PARTITIONS)
    assert ended.code == Exit.UNKNOWN
    assert "pip install 'postern[parquet]'" in ended.line
