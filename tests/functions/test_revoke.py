"""The revoking function: which bodies it takes, which statuses it answers, and what its answers hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from functions.revoke import handler as function

from postern.edges.revocation_contract import REVOCATION, revoked_of
from postern.errors import BadRequest, DatabaseUnavailable
from postern.identity.context import format_principal
from postern.services.stopwatch import Stopwatch
from tests.support.domain import NOW_S, TASK_ID
from tests.support.revoking import HOLD, OLGA, PRINCIPAL, SAM, Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def call(bench: Bench, method: str, path: str, body: object = None, *, who=OLGA, **parameters: str) -> tuple[int, Any]:
    event = {
        "httpMethod": method,
        "resource": path,
        "body": None if body is None else json.dumps(body),
        "pathParameters": parameters,
        "requestContext": {"authorizer": {"principal": format_principal(who)}},
    }
    services = function.Services(
        bench.revoke_service, bench.release_service, bench.operators, bench.denials, bench.clock
    )
    answer = function.respond(event, services, Stopwatch(bench.clock, budget_s=27))
    return answer["statusCode"], json.loads(answer["body"])


def test_answers_with_the_proof_of_each_task(bench):
    bench.task()
    status, answer = call(bench, "POST", "/v1/revocations", {"principal": PRINCIPAL.name, "reason": "drill"})
    assert status == 200
    assert (answer["kind"], answer["name"], answer["recorded"], answer["whole"]) == (
        "principal",
        PRINCIPAL.name,
        True,
        True,
    )
    [ended] = answer["tasks"]
    assert (ended["task_id"], ended["role"], ended["state"]) == (TASK_ID, f"task_{TASK_ID}", "revoked")
    assert ended["left"] == {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0}
    assert set(ended["steps"]) == {"nologin_ms", "terminated_ms", "dropped_ms", "verified_ms"}


def test_answers_202_with_what_remains(bench):
    bench.task()
    bench.worlds.tear_down_fails = DatabaseUnavailable("database.unavailable", "away")
    status, answer = call(bench, "POST", "/v1/revocations", {"task": TASK_ID, "reason": "drill"})
    assert (status, answer["tasks"]) == (202, [])
    assert answer["remaining"] == [{"task_id": TASK_ID, "code": "database.unavailable"}]


def test_lists_what_stands_and_lifts_it(bench):
    call(bench, "POST", "/v1/revocations", {"issuer": "ci", "reason": "drill", "expires_s": 60})
    call(bench, "POST", "/v1/revocations", {"database": "shop", "hold": True, "reason": "drill"})
    _, listed = call(bench, "GET", "/v1/revocations")
    assert [(one["kind"], one["name"]) for one in listed["revocations"]] == [("issuer", "ci"), ("hold", "shop")]
    assert [one["expires_at"] is None for one in listed["revocations"]] == [False, True]
    _, seen = call(bench, "GET", "/v1/revocations", who=SAM)
    assert [one["kind"] for one in seen["revocations"]] == ["hold"]
    for one in listed["revocations"]:
        assert call(bench, "DELETE", "/v1/revocations/{id}", id=one["id"])[0] == 200
    assert call(bench, "GET", "/v1/revocations")[1] == {"revocations": []}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"task": "a"}, id="no reason"),
        pytest.param({"reason": "x"}, id="nothing to revoke"),
        pytest.param({"reason": "", "task": "a"}, id="an empty reason"),
        pytest.param({"reason": "x", "task": "a", "issuer": "b"}, id="two things"),
        pytest.param({"reason": "x", "task": "a", "hold": True}, id="hold of a task"),
        pytest.param({"reason": "x", "issuer": "a", "hold": True}, id="hold of an issuer"),
        pytest.param({"reason": "x", "task": "a", "expires_s": 60}, id="a task for a while"),
        pytest.param({"reason": "x", "issuer": "a", "expires_s": 59}, id="too short"),
        pytest.param({"reason": "x", "principal": "olga"}, id="a principal without issuer"),
        pytest.param({"reason": "x", "task": "a", "force": True}, id="an unknown field"),
        pytest.param({"reason": "x" * 2001, "task": "a"}, id="a long reason"),
    ],
)
def test_refuses_a_body_that_is_not_exactly_one_thing(bench, body):
    with pytest.raises(BadRequest):
        call(bench, "POST", "/v1/revocations", body)
    assert bench.events() == []


def test_a_hold_is_of_a_database():
    body = REVOCATION.decode(json.dumps({"reason": "x", "database": "shop", "hold": True}))
    assert revoked_of(body) == HOLD


def test_stands_on_the_time_that_the_principal_has_left(bench):
    bench.clock.at_us = (NOW_S + 600) * 1_000_000
    with pytest.raises(Exception, match=r"token\.expired"):
        call(bench, "GET", "/v1/revocations")
