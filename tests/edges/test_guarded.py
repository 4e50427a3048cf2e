"""What stands around every call: nothing is raised, nothing is told that must not be, all that helps is logged."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from postern.edges import correlation, http
from postern.edges.causes import causes
from postern.edges.guarded import guarded
from postern.errors import (
    EvidenceUnavailable,
    IntegrityError,
    PolicyFileError,
    PolicyUnavailable,
    PosternError,
    RefusedByPolicy,
)
from tests.support.fake_clock import FakeClock
from tests.support.telling import REQUEST_ID, Telling

COMMAND_ID = "019a0000-0000-7000-8000-000000000001"
SECRET = "SELECT 'ada@example.com'"


def run(call):
    """The answer, and the log's lines."""
    telling = Telling()
    told = telling.invocation()
    watch = told.stopwatch(FakeClock())
    with watch.step("guard"):
        pass
    response = guarded(call, told, watch)
    return response, told, telling.lines()


def raising(error, cause=None):
    def call():
        raise error from cause

    return call


def test_an_answer_passes_with_its_timing():
    response, told, lines = run(lambda: http.json_answer(200, {}))
    assert response["statusCode"] == 200
    assert response["headers"]["Server-Timing"] == "guard;dur=0.00"
    assert (told.code, told.status, lines) == ("ok", 200, [])


def test_an_error_becomes_its_problem_and_is_logged_with_its_command():
    correlation.begin({}, REQUEST_ID)
    response, told, _ = run(raising(RefusedByPolicy("guard.kind", "no", command_id=COMMAND_ID)))
    assert (response["statusCode"], told.code, told.status) == (403, "guard.kind", 403)
    assert correlation.ids()["command_id"] == COMMAND_ID


def test_a_fault_of_ours_tells_its_caller_nothing_and_its_log_the_place_without_the_text():
    response, _, lines = run(raising(ValueError(SECRET)))
    assert json.loads(response["body"])["code"] == "internal"
    assert SECRET not in f"{response} {lines}"
    assert lines[0]["fault"] == "ValueError"
    assert any(frame.startswith("test_guarded.py:") for frame in lines[0]["frames"])


def test_a_part_that_is_away_is_logged_with_what_the_sdk_said():
    cause = ClientError({"Error": {"Code": "AccessDenied", "Message": SECRET}}, "PutObject")
    _, _, lines = run(raising(EvidenceUnavailable("evidence.unavailable", "away"), cause))
    assert lines[0]["causes"] == ["ClientError AccessDenied PutObject"]
    assert SECRET not in str(lines)


def test_a_wrong_policy_file_is_told_to_the_log_and_not_to_the_caller():
    cause = PolicyFileError("catalog/shop.yaml", 7, "tables: expected a column, got none")
    response, _, lines = run(raising(PolicyUnavailable("policy.unavailable", "tell an operator"), cause))
    assert "catalog/shop.yaml:7" in lines[0]["causes"][0]
    assert "shop.yaml" not in response["body"]


@pytest.mark.parametrize("error", [IntegrityError("evidence.conflict", "other bytes")])
def test_contradicting_evidence_pages_someone(error):
    response, _, lines = run(raising(error))
    assert response["statusCode"] == 500
    assert lines[0]["level"] == "CRITICAL"


def test_a_cause_that_leads_back_to_itself_is_told_once():
    error = PosternError("internal", "x")
    error.__cause__ = error
    assert causes(error) == []
    other = ValueError("y")
    error.__cause__, other.__cause__ = other, error
    assert causes(error) == ["ValueError"]
