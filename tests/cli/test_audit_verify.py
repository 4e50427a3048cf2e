"""`postern audit verify` on folders: exit codes and words for a log of two epochs, on one process and on several."""

from __future__ import annotations

import json
import os
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from postern.audit.findings import Bounds, Step
from postern.audit.listing import Stretch
from postern.audit.verify import Options, verify
from postern.audit.verify.rows import WIDTHS
from postern.audit.verify.spill import Kind
from postern.tlog.cosignatures import cosign
from postern.tlog.notes import COSIGNATURE, format_note, format_vkey, parse_note
from postern_cli import audit_verify, walk
from postern_cli.audit import app
from postern_cli.processes import processes
from postern_cli.pulled import PulledFolder
from postern_cli.spilled import DiskSpill
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.good_log import FIRST_KEY, NEW, NOW_US, OLD, OLD_KEY, SECOND_KEY, good_copy
from tests.support.log_copy import log_key as signing_key

OLD_VKEY, FIRST_VKEY, SECOND_VKEY = (str(key.verifier) for key in (OLD_KEY, FIRST_KEY, SECOND_KEY))
VKEYS = ["--vkey", OLD_VKEY, "--vkey", FIRST_VKEY, "--vkey", SECOND_VKEY]
WITNESS = signing_key("witness.example", 9)


def run(folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output, and the line on standard error."""
    ended = command_line.run(app, "verify", "--dir", folder, *arguments)
    return ended.code, ended.out, ended.stop or ""


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pulled")
    good_copy().write_to(folder)
    (folder / "pulled.json").write_text(json.dumps({"began_us": NOW_US}))
    return folder


@pytest.fixture
def own(pulled: Path, tmp_path: Path) -> Path:
    """A copy of the copy, to be changed."""
    return Path(shutil.copytree(pulled, tmp_path / "own"))


def test_a_good_log_holds_in_words(pulled: Path) -> None:
    code, out, line = run(pulled, *VKEYS)

    assert (code, line) == (Exit.DONE, "")
    said = out.splitlines()
    assert "entries           299   299 of objects, 0 under no checkpoint yet" in said
    assert f"log {NEW}: 286 entries under its largest checkpoint" in said
    assert "stages             10   1 overtaken" in said
    assert "copied at 2026-11-22T12:00:00.000000Z" in said
    assert "unsequenced: 2 records are under no checkpoint yet" in said
    assert "quarantined: 1 objects are no entries, and the log says so" in said
    assert any(one.startswith(f"opaque: wal/v1/{NEW}/") for one in said)
    unasked = dict.fromkeys((Step.KEPT, Step.WITNESS), "not asked")
    steps = [f"step {step.value:>2} {step.name.lower():<11} {unasked.get(step, 'ok')}" for step in Step]
    assert said[-len(Step) - 1 :] == [*steps, "holds"]


def test_a_good_log_holds_for_machines(pulled: Path) -> None:
    code, out, _ = run(pulled, *VKEYS, "--json")

    report = json.loads(out)
    assert (code, report["holds"], report["findings"], report["untold"]) == (Exit.DONE, True, [], [])
    assert report["logs"] == [{"log": OLD, "size": 13}, {"log": NEW, "size": 286}]
    assert (report["copied_at"], report["odd"], report["unchecked"]) == ("2026-11-22T12:00:00.000000Z", [], [])
    assert (report["counts"]["entries"], len(report["opaque"])) == (299, 1)
    assert unasked_in(out) == ["kept", "witness"]


def unasked_in(out: str) -> list[str]:
    return [one["name"] for one in json.loads(out)["steps"] if one["said"] != "ok"]


def test_a_past_epoch_alone(pulled: Path) -> None:
    assert run(pulled, "--vkey", OLD_VKEY, "--log", OLD)[0] == Exit.DONE


def test_without_a_key_it_is_said_what_cannot_be_told(pulled: Path) -> None:
    code, out, line = run(pulled, "--vkey", OLD_VKEY)

    assert code == Exit.UNKNOWN
    assert line == (
        "nothing is wrong in what was checked; it cannot be told: order and completeness of prod-2026: no --vkey of it"
        " was given"
    )
    assert "holds" not in out.splitlines()
    assert json.loads(run(pulled, "--json")[1])["holds"] is None


def test_one_changed_byte_is_refused_and_its_place_is_named(own: Path) -> None:
    path = own / f"objects/log/{NEW}/tile/entries/000"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)

    code, out, line = run(own, *VKEYS)

    assert code == Exit.REFUSED
    assert line.startswith(f"does not hold: log/{NEW}/tile/entries/000: SHA-256: expected ")
    assert line.endswith("(step 5, bytes)")
    assert "step  5 bytes       1 wrong" in out
    assert json.loads(run(own, *VKEYS, "--json")[1])["first"]["step_name"] == "bytes"


def test_the_checkpoint_that_was_kept(pulled: Path, own: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes((pulled / f"objects/log/{NEW}/checkpoints/263").read_bytes())

    code, out, _ = run(pulled, *VKEYS, "--since", kept, "--json")
    assert (code, unasked_in(out)) == (Exit.DONE, ["witness"])
    shutil.rmtree(own)
    rolled_back = good_copy()
    for size in (263, 286):
        del rolled_back.objects[f"log/{NEW}/checkpoints/{size}"]
    gone = {f"log/{NEW}/checkpoints/{size}" for size in (263, 286)}
    rolled_back.rows = [row for row in rolled_back.rows if row["key"] not in gone]
    latest = [row for row in rolled_back.rows if row["key"] == f"log/{NEW}/checkpoint"]
    rolled_back.rows = [row for row in rolled_back.rows if row not in latest[:2]]
    latest[2]["is_latest"] = True
    rolled_back.objects[f"log/{NEW}/checkpoint"] = rolled_back.objects[f"log/{NEW}/checkpoints/256"]
    rolled_back.write_to(own)
    (own / "pulled.json").write_text(json.dumps({"began_us": NOW_US}))
    code, _, line = run(own, *VKEYS, "--since", kept)
    assert run(own, *VKEYS)[0] == Exit.DONE
    assert (code, "263 entries under a checkpoint, got 256: the log was rolled back" in line) == (Exit.REFUSED, True)


def test_a_cosigned_checkpoint(pulled: Path, tmp_path: Path) -> None:
    note = parse_note((pulled / f"objects/log/{NEW}/checkpoint").read_bytes())
    line = cosign(note.text, WITNESS.name, WITNESS.public, 1_795_350_000, WITNESS.private.sign)
    cosigned = tmp_path / "cosigned"
    cosigned.write_bytes(format_note(note.text, [*note.signatures, line]))
    witness = format_vkey(WITNESS.name, WITNESS.public, COSIGNATURE)
    other = format_vkey("other.example", WITNESS.public, COSIGNATURE)

    code, out, _ = run(pulled, *VKEYS, "--cosigned", cosigned, "--witness", witness, "--json")
    assert (code, unasked_in(out)) == (Exit.DONE, [])
    code, _, said = run(pulled, *VKEYS, "--cosigned", cosigned, "--witness", witness, "--witness", other)
    assert (code, said.endswith("expected one of other.example, got none (step 19, witness)")) == (Exit.REFUSED, True)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--vkey", "nonsense"], id="no key"),
        pytest.param(["--vkey", OLD_VKEY[:-4]], id="a key cut short"),
        pytest.param(["--vkey", format_vkey("x", bytes(32), COSIGNATURE)], id="a witness's key"),
        pytest.param(["--since", "x"], id="a kept checkpoint without a key"),
        pytest.param([*VKEYS, "--cosigned", "x"], id="a cosigned checkpoint without a witness"),
        pytest.param([*VKEYS, "--witness", OLD_VKEY], id="a witness without a checkpoint"),
        pytest.param([*VKEYS, "--cosigned", "x", "--witness", OLD_VKEY], id="a log's key as a witness"),
        pytest.param(["--workers", "0"], id="no process"),
    ],
)
def test_usage(pulled: Path, arguments: list[str]) -> None:
    assert run(pulled, *arguments)[0] == Exit.USAGE


def test_a_kept_checkpoint_that_is_not_there_cannot_be_told(pulled: Path, tmp_path: Path) -> None:
    assert run(pulled, *VKEYS, "--since", tmp_path / "absent")[0] == Exit.UNKNOWN


def test_a_pipe_a_link_or_a_file_without_end_says_nothing_of_when_a_copy_was_made(own: Path) -> None:
    about = own / "pulled.json"
    about.unlink(missing_ok=True)
    os.mkfifo(about)
    assert PulledFolder(own).copied_at_us() is None

    about.unlink()
    about.symlink_to(own / "elsewhere")
    (own / "elsewhere").write_text(json.dumps({"began_us": NOW_US}))
    assert PulledFolder(own).copied_at_us() is None

    about.unlink()
    about.write_text(json.dumps({"began_us": NOW_US}) + " " * 65_536)
    os.truncate(about, 3_000_000_000)
    assert PulledFolder(own).copied_at_us() is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"began_us": "x"}', '{"began_us": 1e400}', "[" * 100_000, "\xff"])
def test_what_is_said_of_the_pull_may_be_nonsense(own: Path, content: str) -> None:
    (own / "pulled.json").write_text(content, "latin-1")

    assert PulledFolder(own).copied_at_us() is None


def test_several_processes_give_the_same_report(pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run(pulled, *VKEYS, "--json", "--workers", "1")
    monkeypatch.setattr(audit_verify, "_STRETCH_BYTES", (20_000, 40_000))

    assert run(pulled, *VKEYS, "--json", "--workers", "2") == alone


def test_little_memory_gives_the_same_report(pulled: Path, tmp_path: Path) -> None:
    spill = DiskSpill(tmp_path, held_bytes=500, portion_bytes=500)
    folder = PulledFolder(pulled)
    options = Options((OLD_KEY.verifier, FIRST_KEY.verifier, SECOND_KEY.verifier))

    with processes(1, lambda _: None) as alone:
        on_disk = verify(folder, Bounds(), now_us=NOW_US, options=options, spill=spill, run=alone, stretches=9)

    assert on_disk == verify(folder, Bounds(), now_us=NOW_US, options=options)
    assert on_disk.holds


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 50, 1000])
def test_stretches_hold_every_line_and_every_file_once_and_divide_no_folder(pulled: Path, wanted: int) -> None:
    folder = PulledFolder(pulled)

    stretches = folder.stretches(wanted)

    assert [line for one in stretches for line in folder.version_lines(one)] == list(folder.version_lines())
    assert [key for one in stretches for key in folder.keys(one)] == list(folder.keys())
    assert len(stretches) == 1 if wanted == 1 else len(stretches) > 1
    for before, after in pairwise(stretches):
        assert before.until == after.first
        first, *_ = folder.version_lines(after)
        *_, last = folder.version_lines(before)
        assert json.loads(first)["key"].rpartition("/")[0] != json.loads(last)["key"].rpartition("/")[0]


def test_stretches_of_a_listing_without_form_hold_every_line(tmp_path: Path) -> None:
    (tmp_path / "versions.jsonl").write_bytes(b"x" * 50_000 + b"\n" + b'{"key":7}\n[]\n' * 50 + b'{"key":"a/b"}\n' * 9)
    folder = PulledFolder(tmp_path)

    lines = [line for one in folder.stretches(5) for line in folder.version_lines(one)]

    assert lines == list(folder.version_lines())


def test_names_past_what_is_held_at_once_come_in_order_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a", "a-", "a.p/1", "a.p/12", "aa/x", "ab", "b/c/d", "b/c-e", "c", "é", "éé/x", "0", "00/1", "000"]
    for name in names:
        path = tmp_path / "objects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    whole = list(PulledFolder(tmp_path).keys())
    assert whole == sorted(names, key=str.encode)

    for held in (1, 2, 3):
        monkeypatch.setattr(walk, "MAX_NAMES", held)
        assert list(PulledFolder(tmp_path).keys()) == whole
        for first in names:
            stretch = Stretch(first=first, until="b/c/d")
            wanted = [key for key in whole if first.encode() <= key.encode() < b"b/c/d"]
            assert list(PulledFolder(tmp_path).keys(stretch)) == wanted


def test_rows_come_back_from_disk_whole(tmp_path: Path) -> None:
    spill = DiskSpill(tmp_path)
    rows = [bytes([number % 256]) * WIDTHS[Kind.PLACE] for number in range(20_000)]
    for row in rows:
        spill.add(Kind.PLACE, 7, row)
    spill.flush()

    pieces = list(spill.rows(Kind.PLACE, 7))

    assert b"".join(pieces) == b"".join(rows)
    assert all(len(piece) % WIDTHS[Kind.PLACE] == 0 for piece in pieces)
    assert (spill.parts(Kind.PLACE, Kind.WAL), spill.parts(Kind.WAL)) == ([7], [])
    spill.drop(Kind.PLACE, 7)
    assert list(spill.rows(Kind.PLACE, 7)) == []


def test_an_error_in_a_process_is_raised_here() -> None:
    with processes(2, lambda _: None) as several, pytest.raises(ZeroDivisionError):
        list(several(divide_by, [2, 1, 0, 5]))


def divide_by(number: int) -> float:
    return 1 / number
