"""Events in, answers and problem bodies out."""

from __future__ import annotations

import base64
import json

import pytest

from postern import errors
from postern.edges import contract, http
from postern.errors import BadRequest, Unauthenticated

EXPECTED = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.RefusedByPolicy: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unprocessable: 422,
    errors.BudgetExceeded: 429,
    errors.EvidenceUnavailable: 503,
    errors.StateUnavailable: 503,
    errors.DatabaseUnavailable: 503,
    errors.DatabaseHeld: 503,
    errors.DatabaseLost: 503,
    errors.OutcomeUnknown: 503,
    errors.PolicyUnavailable: 503,
    errors.EvidenceStale: 503,
    errors.IssuerUnavailable: 503,
    errors.IntegrityError: 500,
}


@pytest.mark.parametrize(("kind", "status"), EXPECTED.items(), ids=lambda value: getattr(value, "__name__", value))
def test_every_error_has_its_status_and_one_shape(kind, status):
    response = http.problem(kind("some.code", "do this next", command_id="c1"))
    body = json.loads(response["body"])
    assert response["statusCode"] == body["status"] == status
    assert response["headers"]["Content-Type"] == "application/problem+json"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert (body["type"], body["code"]) == ("urn:postern:error:some.code", "some.code")
    assert body["detail"] == ("" if kind is errors.Unauthenticated else "do this next")
    assert body["command_id"] == "c1"


def test_a_token_that_does_not_hold_is_told_its_code_and_no_more():
    body = json.loads(http.problem(Unauthenticated("token.expired", "exp: expected later than 5, got 4"))["body"])
    assert body["detail"] == errors.CODES["token.expired"]


def test_no_error_class_is_left_without_a_status():
    named = set(EXPECTED)

    def leaves(kind):
        below = kind.__subclasses__()
        return [leaf for one in below for leaf in leaves(one)] if below else [kind]

    for leaf in leaves(errors.PosternError):
        assert leaf is errors.PolicyFileError or any(issubclass(leaf, kind) for kind in named), leaf


def test_a_failed_statement_tells_sqlstate_and_position():
    error = errors.StatementFailed("sql.failed", "no such column", sqlstate="42703", position=8)
    body = json.loads(http.problem(error)["body"])
    assert (body["status"], body["sqlstate"], body["position"]) == (422, "42703", 8)


def test_a_refusal_names_each_part():
    error = errors.RefusedByPolicy("policy.refused", "…", refusals=(errors.Refusal("orders", "policy.refused", "why"),))
    assert json.loads(http.problem(error)["body"])["refusals"] == [
        {"what": "orders", "code": "policy.refused", "reason": "why"}
    ]


def test_says_when_to_come_back():
    assert http.problem(errors.EvidenceUnavailable("evidence.unavailable", "x"))["headers"]["Retry-After"] == "2"
    limited = errors.BudgetExceeded("rate.statements", "x", retry_after_s=7)
    assert http.problem(limited)["headers"]["Retry-After"] == "7"
    assert "Retry-After" not in http.problem(errors.BudgetExceeded("budget.rows", "x"))["headers"]


def test_a_missing_principal_is_refused_with_a_challenge():
    for event in ({}, {"requestContext": None}, {"requestContext": {"authorizer": {"principal": ""}}}):
        with pytest.raises(Unauthenticated) as caught:
            http.authorizer_context(event)
        assert http.problem(caught.value)["headers"]["WWW-Authenticate"] == "Bearer"


def test_a_fault_of_ours_tells_nothing():
    body = json.loads(http.fault()["body"])
    assert (body["status"], body["code"]) == (500, "internal")


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({}, id="no-body"),
        pytest.param({"body": ""}, id="empty"),
        pytest.param({"body": "%%%", "isBase64Encoded": True}, id="not-base64"),
        pytest.param({"body": "\ud800"}, id="half-a-surrogate-pair"),
        pytest.param({"body": "x" * 1_000_001}, id="too-long"),
    ],
)
def test_refuses_a_body_that_is_none(event):
    with pytest.raises(BadRequest):
        http.raw_body(event)


def test_reads_a_body_in_base64():
    assert http.raw_body({"body": base64.b64encode(b"{}").decode(), "isBase64Encoded": True}) == b"{}"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(b"[]", "object", id="array"),
        pytest.param(b'{"sql": "SELECT 1", "admin": true}', "admin", id="unknown-field"),
        pytest.param(b"{}", "sql", id="missing-field"),
        pytest.param(b'{"sql": 1}', "sql", id="wrong-type"),
        pytest.param(b'{"sql": ""}', "sql", id="empty-statement"),
        pytest.param(b'{"sql": "SELECT 1", "max_rows": 0}', "max_rows", id="below-bound"),
        pytest.param(b'{"sql": "SELECT 1", "max_rows": 100001}', "max_rows", id="above-bound"),
        pytest.param(b'{"sql": "SELECT 1", "max_rows": 1.5}', "max_rows", id="fraction"),
        pytest.param(b'{"sql": "SELECT 1"} {}', "trailing", id="trailing"),
        pytest.param(b'{"sql": "\xff"}', "", id="not-utf-8"),
        pytest.param(b'{"sql": "x", "params": ' + b"[" * 5000 + b"]" * 5000 + b"}", "", id="deep"),
    ],
)
def test_names_what_is_wrong_in_a_body(body, told):
    with pytest.raises(BadRequest) as caught:
        http.parse_body(body, contract.QUERY)
    assert told in caught.value.detail


def test_a_parameters_digits_all_arrive():
    body = http.parse_body(b'{"sql": "x", "params": [1.10, 12345678901234567890.123456789]}', contract.QUERY)
    assert [str(value) for value in body.params] == ["1.10", "12345678901234567890.123456789"]


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"idempotency-key": ["abc"]}, "abc", id="any-case"),
    ],
)
def test_reads_the_idempotency_key(headers, key):
    assert http.idempotency_key({"multiValueHeaders": headers}) == key


@pytest.mark.parametrize("values", [[""], ["a b"], ["x" * 101], ["é"], ["a", "b"]], ids=repr)
def test_refuses_an_idempotency_key_of_another_form(values):
    with pytest.raises(BadRequest):
        http.idempotency_key({"multiValueHeaders": {"Idempotency-Key": values}})


def test_a_write_whose_fate_is_unknown_is_not_to_be_repeated_by_itself():
    away = http.problem(errors.DatabaseUnavailable("database.unavailable", "away"))
    unknown = http.problem(errors.OutcomeUnknown("outcome.unknown", "no answer to COMMIT"))
    assert (away["statusCode"], unknown["statusCode"]) == (503, 503)
    assert "Retry-After" in away["headers"]
    assert "Retry-After" not in unknown["headers"]


def test_a_held_database_says_when_to_come_again():
    held = http.problem(errors.DatabaseHeld("database.held", "held", retry_after_s=30))
    assert (held["statusCode"], held["headers"]["Retry-After"]) == (503, "30")


def test_a_name_in_the_path_that_is_longer_than_any_is_nobodys():
    longest = "x" * 100
    assert http.path_parameter({"pathParameters": {"id": longest}}, "id") == longest
    for parameters in ({"id": longest + "x"}, {"id": 1}, {}, None):
        assert http.path_parameter({"pathParameters": parameters}, "id") == ""
