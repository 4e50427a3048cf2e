"""The questions of docs/analytics.md, asked with DuckDB of an export, and Athena's, as far as DuckDB can tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.ocsf.conftest import PARTITIONS, run_export
from tests.support.duckdb_process import ask
from tests.support.report_log import Work
from tests.support.report_pack import pulled
from tests.support.stack import PROJECT
from tests.support.stacks import stack

PAGE = (PROJECT / "docs/analytics.md").read_text()
QUESTIONS = dict(re.findall(r"^### (.+?)\n.*?```sql\n(.*?);\n```", PAGE, re.MULTILINE | re.DOTALL))
NAMED = {
    one["Name"]: one
    for one in stack("infra/analytics.yaml", Regions="eu-central-1", Accounts="123456789012")
    .of_type("AWS::Athena::NamedQuery")
    .values()
}
TIME = re.compile(r"20\d\d-\d\d-\d\d \d\d:")
AGENT, BOT, PERSON = "ci|agent", "ci|bot", "dana"
DAYS = ("20260302", "20260331")
# By the page's title: the named query, the values that it asks for, and the first columns of each row of the log below.
ASKED: dict[str, tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = {
    "Who read a table": (
        "who-read-a-table",
        ("public.customers", *DAYS),
        [(AGENT, PERSON, 2, 6), (BOT, None, 1, 3)],
    ),
    "Refusals by reason": (
        "refusals-by-reason",
        (*DAYS, *DAYS),
        [
            ("statement", "guard.relation", 2, 1),
            ("approval", "approval.own", 1, 1),
            ("refusal", "policy.refused", 1, 1),
        ],
    ),
    "Masked values by class": (
        "masked-values-by-class",
        DAYS,
        [("pii.email", "email", 5, 1), ("pii.name", "redact", 2, 1), (None, "detected:iban", 1, 1)],
    ),
    "Unmasked access": (
        "unmasked-access",
        DAYS,
        [(None, AGENT, PERSON, "why is the order stuck", "body", "text.free", 7)],
    ),
    "Slowest statements": ("slowest-statements", DAYS, [(900, AGENT, "shop"), (9, AGENT, "shop"), (9, BOT, "shop")]),
    "Statements outside hours": ("statements-outside-hours", DAYS, [(None, AGENT, PERSON), (None, BOT, None)]),
    "Agents by person": ("agents-by-person", DAYS, [(PERSON, AGENT, 1, 4, 2)]),
}


def asked_log() -> Work:
    """Two agents, one of which acts for a person; two days of March, and one statement of April."""
    work = Work().to("2026-03-02T10:00:00Z")  # a Monday
    work.grant("t1", needed=1)
    work.approve("t1", "agent", "refuse", code="approval.own")
    masked = [
        {"column": "email", "mask": "email", "count": 5},
        {"column": "name", "mask": "redact", "count": 2},
        {"column": "body", "mask": "unmasked", "count": 7},
        {"column": "elsewhere", "mask": "detected:iban", "count": 1},
    ]
    work.statement(
        "t1", "select email from customers", ("public.customers",), outcome={"masked": masked, "duration_ms": 900}
    )
    work.refuse("t1")
    work.refuse("t1")
    work.to("2026-03-03T19:00:00Z").statement("t1", "select 1", ("public.customers", "public.orders"))
    work.to("2026-03-07T12:00:00Z").statement("t2", "select 2", ("public.customers",), who="bot")
    work.refuse_task("bot")
    work.to("2026-04-02T10:00:00Z").statement("t3", "select 3", ("public.customers",), who="later")
    return work


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asked")
    assert run_export(pulled(asked_log(), place / "copy"), place / "lake", *PARTITIONS).code == 0
    assert run_export(place / "copy", place / "events").code == 0
    return place


def in_duckdb(query: str) -> str:
    """Athena's query in DuckDB's words: rows of an array are spread by another form of UNNEST, days are numbers."""
    spread = re.sub(r"UNNEST\((\S+)\) AS", r"LATERAL (SELECT unnest(\1, recursive := true)) AS", query)
    return spread.replace("eventday", "eventDay::VARCHAR")


ATHENAS = (
    "CREATE MACRO from_unixtime(s) AS make_timestamp((s * 1000000)::BIGINT)",
    "CREATE MACRO day_of_week(t) AS isodow(t)",
)


@pytest.fixture(scope="module")
def answers(asked: Path) -> dict[str, Any]:
    """Of all queries, begun as the page says, from where its folders are."""
    (begin,) = re.findall(r"```sql\n(CREATE VIEW.*?)```", PAGE, re.DOTALL)
    (lines,) = re.findall(r"`(read_json\(.*?\))`", PAGE)
    queries: dict[str, tuple[str, tuple[str, ...]]] = {title: (query, ()) for title, query in QUESTIONS.items()}
    queries |= {name: (in_duckdb(NAMED[name]["QueryString"]), values) for name, values, _ in ASKED.values()}
    classes = f"SELECT class_uid, count(*) FROM {lines} GROUP BY 1 ORDER BY 1"
    queries["json lines"] = (classes.replace("'events/", f"'{asked}/events/"), ())
    return ask([begin.replace("'lake/", f"'{asked}/lake/"), *ATHENAS], queries)


def test_each_question_of_the_page_has_a_named_query_and_an_answer_here():
    assert QUESTIONS.keys() == ASKED.keys()
    assert NAMED.keys() == {name for name, _, _ in ASKED.values()}
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE)) == NAMED.keys()


def shown(answer: Any, wanted: list[tuple[Any, ...]]) -> Any:
    """So many columns of each row as are told above; None in the place of a time. A complaint is told as it is."""
    if isinstance(answer, str):
        return answer
    return [tuple(None if TIME.match(str(one)) else one for one in row[: len(wanted[0])]) for row in answer]


@pytest.mark.parametrize("title", ASKED)
def test_a_question_is_answered_on_a_laptop(answers, title):
    wanted = ASKED[title][2]
    assert shown(answers[title], wanted) == wanted


@pytest.mark.parametrize("title", ASKED)
def test_the_named_query_has_the_same_answer(answers, title):
    name, _, wanted = ASKED[title]
    assert shown(answers[name], wanted) == wanted


@pytest.mark.parametrize("name", NAMED)
def test_a_named_query_asks_for_its_days_and_says_so(name):
    query, told = NAMED[name]["QueryString"], NAMED[name]["Description"]
    assert query.count("eventday BETWEEN ? AND ?") == query.count("FROM ")
    assert "first day, last day" in told


def test_json_lines_are_read_as_the_page_says(answers):
    assert answers["json lines"] == [[3003, 3], [6005, 6]]
