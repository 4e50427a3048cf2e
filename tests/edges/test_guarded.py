"""What stands around every call: nothing is raised, nothing is told that must not be, all that helps is logged."""

from __future__ import annotations

import io
import itertools
import json

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from postern.edges import http
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
from postern.services.stopwatch import Stopwatch
from tests.support.fakes import FakeClock

_RUNS = itertools.count()
SECRET = "SELECT 'ada@example.com'"


def run(call):
    """The answer, and the log's lines."""
    out = io.StringIO()
    logger = Logger(service=f"test-{next(_RUNS)}", stream=out)  # a logger is kept by its service's name
    watch = Stopwatch(FakeClock(), budget_s=28)
    with watch.step("guard"):
        pass
    response = guarded(call, logger, watch, "request-1")
    return response, [json.loads(line) for line in out.getvalue().splitlines()]


def raising(error, cause=None):
    def call():
        raise error from cause

    return call


def test_an_answer_passes_with_its_timing():
    response, lines = run(lambda: http.json_answer(200, {}))
    assert response["statusCode"] == 200
    assert response["headers"]["Server-Timing"] == "guard;dur=0.00"
    assert [line["code"] for line in lines] == ["ok"]


def test_an_error_becomes_its_problem_and_is_logged_with_its_command():
    response, lines = run(raising(RefusedByPolicy("guard.kind", "no", command_id="c1")))
    assert response["statusCode"] == 403
    assert (lines[-1]["code"], lines[-1]["command_id"], lines[-1]["status"]) == ("guard.kind", "c1", 403)


def test_a_fault_of_ours_tells_its_caller_nothing_and_its_log_the_place_without_the_text():
    response, lines = run(raising(ValueError(SECRET)))
    assert json.loads(response["body"])["code"] == "internal"
    assert SECRET not in f"{response} {lines}"
    assert lines[0]["fault"] == "ValueError"
    assert any(frame.startswith("test_guarded.py:") for frame in lines[0]["frames"])


def test_a_part_that_is_away_is_logged_with_what_the_sdk_said():
    cause = ClientError({"Error": {"Code": "AccessDenied", "Message": SECRET}}, "PutObject")
    _, lines = run(raising(EvidenceUnavailable("evidence.unavailable", "away"), cause))
    assert lines[0]["causes"] == ["ClientError AccessDenied PutObject"]
    assert SECRET not in str(lines)


def test_a_wrong_policy_file_is_told_to_the_log_and_not_to_the_caller():
    cause = PolicyFileError("catalog/shop.yaml", 7, "tables: expected a column, got none")
    response, lines = run(raising(PolicyUnavailable("policy.unavailable", "tell an operator"), cause))
    assert "catalog/shop.yaml:7" in lines[0]["causes"][0]
    assert "shop.yaml" not in response["body"]


@pytest.mark.parametrize("error", [IntegrityError("evidence.conflict", "other bytes")])
def test_contradicting_evidence_pages_someone(error):
    response, lines = run(raising(error))
    assert response["statusCode"] == 500
    assert lines[0]["level"] == "CRITICAL"


def test_a_cause_that_leads_back_to_itself_is_told_once():
    error = PosternError("internal", "x")
    error.__cause__ = error
    assert causes(error) == []
    other = ValueError("y")
    error.__cause__, other.__cause__ = other, error
    assert causes(error) == ["ValueError"]
