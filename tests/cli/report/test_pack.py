"""A pack of a log whose content is known: its figures, its files, and what somebody without Postern can check."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from postern_cli.audit import app
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.report_log import VKEY, told_log
from tests.support.report_pack import PERIOD, Made, make, pulled

GOLDEN = Path(__file__).parents[2] / "data/report/told.html"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pulled(told_log(), tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def pack(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(copy, tmp_path_factory.mktemp("made") / "pack", sample=25)


def test_a_log_that_holds_gets_a_pack_and_exit_code_0(pack):
    assert (pack.code, pack.summary["holds"]) == (Exit.DONE, True)
    assert pack.summary["verdict"].startswith("The log verifies")


def test_each_population_has_the_records_of_the_period(pack):
    assert pack.counts() == {
        "tasks": 2,
        "statements": 12,
        "refusals": 4,
        "approvals": 3,
        "provisions": 1,
        "teardowns": 1,
        "revocations": 2,
        "deploys": 1,
        "erasures": 1,
        "open_intents": 1,
        "tasks_carried_over": 1,
        "policies": 1,
        "scope_use": 9,
        "other_records": 1,
    }


FIGURES = {
    "Identities that acted": "5",
    "Statements with an issuer, a subject and the digest of a verified token": "12 of 12",
    "… for which policy asked for approvals of people": "2",
    "Granted tables (task by task) that a statement of the task named": "4 of 9",
    "… granted for writing, that a writing statement named": "1 of 3",
    "Tasks with a grant in the period and no allowed statement up to its end": "1",
    "Statements run, of the statements that these tasks' budgets allowed": "6 of 1,000",
    "Database roles dropped, with nothing left behind": "1",
    "Revocations and holds": "1",
    "Run-once statements, which ran as the owner past every mask and delivered no rows": "1",
    "Entries under a signed checkpoint": "46",
    "Intents of the period without an end on record": "1",
    "Rows delivered": "21",
    "Values in them that the database had masked": "11",
    "Values of classified columns delivered raw, under a granted unmask": "5",
    "Values that detectors replaced in text": "1",
    "Distinct sensitive values counted against budgets (tokens and raw values)": "4",
    "Tasks that were granted a class raw": "2",
}


@pytest.mark.parametrize("what", FIGURES, ids=lambda what: re.sub(r"\W+", "-", what)[:40])
def test_a_figure_is_what_the_log_was_told(pack, what):
    assert pack.figure(what) == FIGURES[what]


def test_a_statement_stands_with_its_outcome_and_settlement(pack):
    write, run = [row for row in pack.rows("statements") if row["settlement"]]

    assert (write["status"], write["settlement"], write["writes"]) == ("pending", "committed", "1")
    assert (run["kind"], run["text_mode"], run["statement"]) == ("run_once", "normalized", "alter table t add c int")
    assert int(write["outcome_index"]) == int(write["index"]) + 1
    assert int(write["settled_index"]) == int(write["index"]) + 2


def test_the_lead_time_of_an_approval_is_told_from_the_grant(pack):
    leads = {(row["decision"], row["lead_seconds"]) for row in pack.rows("approvals")}
    assert leads == {("approve", "120"), ("refuse", "120"), ("deny", "7200")}


def test_the_page_is_the_one_that_a_person_looked_at(pack):
    """After a change, look at the page and copy it: `python -m tests.support.report_golden`."""
    assert pack.page == GOLDEN.read_text("utf-8")


def test_another_process_elsewhere_makes_the_same_bytes(copy, pack, tmp_path):
    """Another hash seed, time zone, locale, working folder and number of processes."""
    surroundings = {**os.environ, "PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8"}
    arguments = ["--dir", str(copy), "--vkey", VKEY, "--from", PERIOD[0], "--to", PERIOD[1], "--out", "pack"]
    command = [
        sys.executable,
        "-c",
        "import sys; from postern_cli.main import main; sys.exit(main(sys.argv[1:]))",
        "audit",
        "report",
        *arguments,
        "--workers",
        "2",
    ]
    subprocess.run(command, cwd=tmp_path, env=surroundings, check=True, capture_output=True)

    assert _bytes(tmp_path / "pack") == _bytes(pack.out)


def test_sha256sum_finds_every_file_in_the_manifest_and_a_change(pack):
    listed = {line[66:] for line in (pack.out / "manifest.sha256").read_text().splitlines()}
    assert listed | {"manifest.sha256"} == set(_bytes(pack.out))
    assert _sha256sum(pack.out).returncode == 0

    file = pack.out / "populations/tasks.csv"
    kept = file.read_bytes()
    file.write_bytes(kept.replace(b"why", b"who"))
    said = _sha256sum(pack.out)
    file.write_bytes(kept)

    assert said.returncode == 1
    assert b"populations/tasks.csv: FAILED" in said.stdout


def test_the_commands_give_the_populations_ids_without_postern(copy, pack):
    if shutil.which("jq") is None and not os.environ.get("CI"):
        pytest.skip("jq is missing: the Debian package jq has it")
    for one in pack.summary["populations"]:
        if one["command"] is not None:
            command = one["command"].replace("DIR", str(copy))
            ids = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout.split()
            assert sorted(ids) == sorted(row["id"] for row in pack.rows(one["name"])), one["name"]


def test_the_sample_can_be_drawn_again_from_what_the_page_says(copy, tmp_path):
    pack = make(copy, tmp_path / "pack", "--seed", "2026/17", sample=4)
    ranks = sorted(
        (hashlib.sha256(f"2026/17/statements/{row['log']}/{row['index']}".encode()).hexdigest(), row["index"])
        for row in pack.rows("statements")
    )
    drawn = {(rank, index) for place, rank, _, index, *_ in _sample(pack, "statements") if _is_intent(pack, index)}

    assert drawn == set(ranks[:4])
    assert pack.summary["seed"] == "2026/17"


def test_without_a_seed_it_follows_from_the_signed_heads(copy, pack):
    text = (copy / "objects/log/prod-2026/checkpoint").read_text().partition("\n\n")[0] + "\n"
    assert pack.summary["seed"] == hashlib.sha256(text.encode()).hexdigest()


def test_every_sampled_record_is_there_with_a_proof_that_holds(pack):
    proofs = sorted((pack.out / "records").glob("*.tlog-proof"))
    records = sorted((pack.out / "records").glob("*.json"))
    ended = command_line.run(app, "check-proof", *proofs, "--vkey", VKEY)

    assert [one.stem for one in proofs] == [one.stem for one in records]
    assert len(proofs) >= 20
    assert ended.code == Exit.DONE
    assert ended.out.count(": holds: entry") == len(proofs)


def test_a_sampled_statement_brings_its_outcome_along(pack):
    types = {row[4] for row in _sample(pack, "statements")}
    assert types == {"intent", "outcome", "settled"}


def test_the_page_runs_nothing_loads_nothing_and_links_only_to_files_of_the_pack(pack):
    seen = _Seen()
    seen.feed(pack.page)

    assert "default-src 'none'" in pack.page
    assert not seen.tags & {"script", "iframe", "object", "embed", "form", "img", "base", "link"}
    assert not {name for name in seen.attributes if name.startswith("on") or name in ("style", "src", "action")}
    files = [link for link in seen.links if not link.startswith("#")]
    assert files
    assert all((pack.out / link).is_file() for link in files)
    assert {link[1:] for link in seen.links if link.startswith("#")} <= seen.ids


def test_every_picture_has_a_table_of_its_figures_beside_it(pack):
    figures = re.findall(r"<figure.*?</figure>", pack.page, re.S)
    assert len(figures) == 8
    assert all(figure.count("<table>") == 1 and figure.count("<svg") == 1 for figure in figures)


def test_nothing_in_a_pack_claims_compliance(pack):
    for name, data in _bytes(pack.out).items():
        assert not re.search(rb"complian|certif|guarante|effective", data, re.I), name


def test_json_says_what_was_written_and_names_the_whole_by_one_digest(copy, tmp_path):
    arguments = ["--dir", copy, "--vkey", VKEY, "--from", PERIOD[0], "--to", PERIOD[1], "--sample", 0]
    ended = command_line.run(app, "report", *arguments, "--out", tmp_path / "pack", "--json")
    said = json.loads(ended.out)

    assert said["manifest_sha256"] == hashlib.sha256((tmp_path / "pack/manifest.sha256").read_bytes()).hexdigest()
    assert {**json.loads((tmp_path / "pack/summary.json").read_text()), "manifest_sha256": said["manifest_sha256"],
            "out": str(tmp_path / "pack")} == said  # fmt: skip


def test_the_verifiers_output_is_part_of_the_pack(copy, pack):
    ended = command_line.run(app, "verify", "--dir", copy, "--vkey", VKEY)
    said = (pack.out / "verification.txt").read_text().splitlines()

    assert [line for line in ended.out.splitlines() if not line.startswith("copied at")] == said[:-1]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _sha256sum(folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sha256sum", "-c", "manifest.sha256"], cwd=folder, capture_output=True, check=False)


def _sample(pack: Made, population: str) -> list[list[str]]:
    lines = (pack.out / f"samples/{population}.csv").read_text().splitlines()
    return [line.split(",") for line in lines[1:]]


def _is_intent(pack: Made, index: str) -> bool:
    return any(row[3] == index and row[4] == "intent" for row in _sample(pack, "statements"))


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        told = dict(attrs)
        self.ids.add(told.get("id", ""))
        if "href" in told:
            self.links.append(told["href"])
