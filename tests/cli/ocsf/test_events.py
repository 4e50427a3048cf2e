"""What an event says of its command, and what it never says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from postern.audit.records import Record, RecordType
from postern_cli.evidence.record_text import MAX_CHARACTERS
from postern_cli.ocsf.endings import named
from tests.cli.ocsf.conftest import events_in, run_export
from tests.support.ocsf import EVIL
from tests.support.report_log import Work
from tests.support.report_pack import pulled


def exported(work: Work, tmp_path, *more: object):
    copy = pulled(work, tmp_path / "copy")
    ended = run_export(copy, tmp_path / "out", *more)
    assert ended.code == 0, ended.said
    return list(events_in(tmp_path / "out"))


def test_every_event_leads_back_to_its_records(events, copy):
    for event in events:
        told = event["unmapped"]
        for name in ("", "outcome_", "settled_"):
            if f"{name}key" in told:
                data = (copy / "objects" / told[f"{name}key"]).read_bytes()
                assert hashlib.sha256(data).hexdigest() == told[f"{name}sha256"]


def test_indices_are_the_places_in_the_log(tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    work.statement("t", settled="committed", writes=True)
    (event,) = exported(work, tmp_path)
    told = event["unmapped"]
    assert (told["index"], told["outcome_index"], told["settled_index"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("result", "status_id", "status"),
    [
        pytest.param("ok", 1, "Success", id="ok"),
        pytest.param("committed", 1, "Success", id="committed"),
        pytest.param("refused", 2, "Failure", id="refused"),
        pytest.param("failed", 2, "Failure", id="failed"),
        pytest.param("too_large", 2, "Failure", id="too large"),
        pytest.param("over_budget", 2, "Failure", id="over budget"),
        pytest.param("lost", 2, "Failure", id="lost"),
        pytest.param("stopped", 2, "Failure", id="stopped"),
        pytest.param("not_run", 2, "Failure", id="not run"),
        pytest.param("rolled_back", 2, "Failure", id="rolled back"),
        pytest.param("open", 0, "Unknown", id="open"),
        pytest.param("pending", 0, "Unknown", id="pending"),
        pytest.param("unknown", 0, "Unknown", id="unknown"),
        pytest.param("abandoned", 0, "Unknown", id="abandoned"),
        pytest.param("of_the_future", 99, "of_the_future", id="a word that is new"),
    ],
)
def test_an_ending_has_its_status(result, status_id, status):
    assert (named(result).status_id, named(result).status) == (status_id, status)


@pytest.mark.parametrize(
    ("write", "result"),
    [
        pytest.param({"outcome": {}}, "open", id="no outcome"),
        pytest.param({"outcome": {"status": "pending"}}, "pending", id="no settlement"),
        pytest.param({"settled": "rolled_back"}, "rolled_back", id="a settlement counts over the outcome"),
        pytest.param({"outcome": {"status": "abandoned"}}, "abandoned", id="the reaper's word"),
        pytest.param({"outcome": {}, "decision": {"result": "refuse", "code": "guard.x"}}, "refused", id="refused"),
    ],
)
def test_a_statement_ends_as_its_last_record_says(write, result, tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    work.statement("t", **write)
    (event,) = exported(work, tmp_path)
    assert event["unmapped"]["result"] == result


@pytest.mark.parametrize(
    ("members", "activity"),
    [
        pytest.param({}, (4, "Query"), id="reads"),
        pytest.param({"writes": True}, (5, "Write"), id="writes"),
        pytest.param({"decision": {"result": "refuse"}, "outcome": {}}, (0, "Unknown"), id="refused"),
    ],
)
def test_a_statements_activity_is_what_its_decision_says(members, activity, tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    work.statement("t", **members)
    (event,) = exported(work, tmp_path)
    assert (event["activity_id"], event["activity_name"]) == activity


def test_an_outcome_after_the_period_is_joined_and_an_intent_before_it_is_not_told(tmp_path):
    work = Work().to("2026-03-02T23:59:59Z")
    work.statement("early", "select 'early'")
    work.to("2026-03-03T23:59:59.995Z".replace(".995", "")).later(0.975)
    work.statement("late", "select 'late'")
    (event,) = exported(work, tmp_path, "--from", "2026-03-03", "--to", "2026-03-04")
    assert event["query_info"]["query_string"] == "select 'late'"
    assert event["time"] < 1_772_582_400_000 <= event["end_time"]
    assert event["unmapped"]["result"] == "ok"


def test_an_outcome_that_names_another_intent_is_not_joined(tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    id_ = work.statement("t", outcome={})
    other = {"task": {"id": "t"}, "intent": "0" * 64, "status": "ok", "rows": 999}
    work.write("query", lambda _, at: Record(RecordType.OUTCOME, "statement", id_, at, other), id_)
    (event,) = exported(work, tmp_path)
    assert event["unmapped"]["result"] == "open"
    assert "rows" not in event["unmapped"]


def test_a_record_that_says_it_is_of_another_log_is_not_told(tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    work.statement("t", "select 'here'", outcome={})
    (written,) = [data for data in work.objects.values() if b"'here'" in data]
    work.plant(written.replace(b'"log":"prod-2026"', b'"log":"prod-1999"').replace(b"'here'", b"'there'"))
    (event,) = exported(work, tmp_path)
    assert event["query_info"]["query_string"] == "select 'here'"


def test_events_are_in_the_order_of_their_times_whatever_the_logs_is(tmp_path):
    work = Work().to("2026-03-03T10:00:00Z")
    work.statement("t", "select 'later'")
    work.at_us -= 86_400_000_000
    work.statement("t", "select 'earlier'")
    work.at_us += 90_000_000_000
    work.statement("t", "select 'last'")
    told = [event["query_info"]["query_string"] for event in exported(work, tmp_path)]
    assert told == ["select 'earlier'", "select 'later'", "select 'last'"]


def test_statements_of_a_transaction_say_their_places(events):
    told = [event["unmapped"] for event in events if "transaction" in event["unmapped"]]
    assert [(one["transaction_index"], one["transaction_count"]) for one in told] == [(0, 3), (1, 3), (2, 3)]
    assert len({one["transaction"] for one in told}) == 1


def test_a_masked_column_has_the_class_that_the_tasks_grant_gives(tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    work.grant("t")
    work.to("2026-03-03T10:00:00Z").statement(
        "t", outcome={"masked": [{"column": "email", "mask": "email", "count": 3}]}
    )
    work.statement("other", outcome={"masked": [{"column": "email", "mask": "email", "count": 1}]})
    first, second = exported(work, tmp_path, "--from", "2026-03-03", "--to", "2026-03-04")
    assert first["unmapped"]["masked"] == [{"column": "email", "mask": "email", "class": "pii.email", "count": 3}]
    assert "class" not in second["unmapped"]["masked"][0]


def test_a_column_with_two_classes_has_none(tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    tables = [
        {"table": f"public.{class_}", "actions": [], "columns": [{"name": "email", "class": class_}]} for class_ in "ab"
    ]
    work.grant("t", scope=tables)
    work.statement("t", outcome={"masked": [{"column": "email", "mask": "email", "count": 3}]})
    _, event = exported(work, tmp_path)
    assert "class" not in event["unmapped"]["masked"][0]


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)
    elif isinstance(value, str):
        yield value


def test_no_character_of_a_record_is_obeyed_or_ends_a_line(written, events):
    assert all(file.read_bytes().isascii() for file in written.iterdir() if file.is_file())
    told = list(texts_of(events))
    assert [text for text in told if not text.replace("\n", "").replace("\t", "").isprintable()] == []
    assert any("\\x1b[2J\\u202e" in text for text in told)


def test_a_long_text_is_read_from_its_blob_and_cut(events):
    (long,) = [
        one for event in events if (one := event.get("query_info", {}).get("query_string", "")) and len(one) > 10_000
    ]
    assert long.startswith("select 'xxx")
    assert long.endswith("… [60,009 characters]")
    assert len(long) < MAX_CHARACTERS + 40


def test_a_blob_that_is_not_what_the_record_names_is_not_told(copy, tmp_path):
    (blob,) = (copy / "objects/blob").rglob("0")
    kept = blob.read_bytes()
    try:
        blob.write_bytes(kept.replace(b"x", b"y"))
        run_export(copy, tmp_path / "out")
    finally:
        blob.write_bytes(kept)
    texts = [event["query_info"]["query_string"] for event in events_in(tmp_path / "out") if "query_info" in event]
    assert not any("yyy" in text for text in texts)
    assert any("in a blob: 60009 bytes" in text for text in texts)


def test_a_member_of_another_form_is_left_and_counted(copy, tmp_path):
    ended = run_export(copy, tmp_path / "out", "--json")
    assert json.loads(ended.out)["odd"] == 1


def test_who_did_it_and_for_whom(tmp_path):
    work = Work().to("2026-03-02T10:00:00Z")
    work.grant("t", needed=1)
    work.approve("t", "erin")
    work.approve("t", "frank", "deny")
    work.approve("t", "agent", "refuse", code="approval.own")
    grant, approve, deny, refuse = exported(work, tmp_path)
    assert (grant["user"]["uid"], grant["unmapped"]["on_behalf_of"]) == ("ci|agent", "dana")
    assert (grant["status"], grant["privileges"][0]) == ("needs_approval", "select public.orders")
    assert (approve["actor"]["user"]["uid"], approve["user"]["uid"]) == ("ci|erin", "ci|agent")
    assert [one["activity_name"] for one in (approve, deny, refuse)] == ["Approve", "Deny", "Approve"]
    assert (refuse["status_id"], refuse["status_code"]) == (2, "approval.own")


def test_a_teardown_that_left_something_or_failed_is_of_high_severity(events):
    found = {(one["unmapped"].get("role"), one["severity"]) for one in events if one["unmapped"]["kind"] == "teardown"}
    assert found == {("t1", "Informational"), ("t9", "High")}


def test_what_nobody_asked_for_was_done_by_postern(events):
    (release,) = [one for one in events if one["unmapped"].get("revocation") == "d1" and "user" not in one["actor"]]
    assert release["actor"] == {"app_name": "Postern"}
    assert release["user"]["uid"] == "issuer ci"


def test_hostile_names_stay_in_their_places(events):
    (grant,) = [one for one in events if one.get("user", {}).get("name", "").startswith("\\x1b[2J")]
    assert grant["unmapped"]["kind"] == "grant"
    assert EVIL not in json.dumps(grant, ensure_ascii=False)
