"""The gateway in front of fixture handlers, over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from postern_local.gateway import MAX_BODY_BYTES, Gateway
from postern_local.lambdas import Lambdas
from postern_local.model import GatewayResponse, Route
from tests.support.stack import TOKEN, Answer, call, deployment, function, project_deployment, send_raw

ECHO = """
import json, os, time

def handler(event, context):
    body = event["body"] or ""
    match body.split(" ")[0]:
        case "raise": raise ValueError("a secret reason")
        case "exit": os._exit(1)
        case "sleep": time.sleep(float(body.split(" ")[1]))
        case "result": return json.loads(body.partition(" ")[2])
        case "large": return {"statusCode": 200, "body": "x" * int(body.split(" ")[1])}
    return {"statusCode": 200, "headers": {"X-Custom": "yes"}, "body": json.dumps(event)}
"""

AUTHORIZE = """
import os, time

def handler(event, context):
    token = event["headers"]["Authorization"]
    effect = "Allow"
    if token == "deny": effect = "Deny"
    if token == "nobody": raise Exception("Unauthorized")
    if token == "raise": raise ValueError("a secret reason")
    if token == "exit": os._exit(1)
    if token == "sleep": time.sleep(60)
    if token == "malformed": return {"principalId": "x"}
    code = 'token.expired' if token == "deny" else 'x", "admin": "'
    if token == "quote": effect = "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": "somebody", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"principal": "p:" + token, "n": 7, "code": code}}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gateway")
    functions = [
        function(folder, ECHO, timeout_s=2),
        function(folder, ECHO, name="patient", timeout_s=60),
        function(folder, AUTHORIZE, name="authorize", timeout_s=1),
    ]
    routes = [
        Route("POST", "/things", "echo", TOKEN),
        Route("GET", "/things/{id}", "echo", TOKEN),
        Route("POST", "/open", "echo", None),
        Route("GET", "/open", "echo", None),
        Route("POST", "/patient", "patient", None),
    ]
    described = deployment(functions, routes, **project_deployment().api.responses)
    lambdas = Lambdas(functions, lambda _: {}, folder)
    running = Gateway(described, lambdas, integration_s=3.0)
    yield running.url
    running.stop()
    lambdas.stop()


def post(url: str, body: str = "", token: str | None = "good") -> Answer:
    return call(url, "POST", body.encode(), {} if token is None else {"Authorization": token})


def problem(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-amzn-RequestId"]
    return answer.status, answer.json["code"]


def test_hands_the_request_to_the_routes_function(gateway: str) -> None:
    answer = call(f"{gateway}/things/a%20b?x=1", headers={"Authorization": "good", "X-A": "b"})

    assert answer.status == 200
    assert answer.headers["X-Custom"] == "yes"
    assert answer.json["pathParameters"] == {"id": "a b"}
    assert answer.json["headers"]["X-A"] == "b"
    assert answer.json["requestContext"]["domainName"] == gateway.removeprefix("http://")


def test_hands_on_what_the_authorizer_found(gateway: str) -> None:
    context = post(f"{gateway}/things").json["requestContext"]["authorizer"]

    assert context == {"principal": "p:good", "n": "7", "code": 'x", "admin": "', "principalId": "somebody"}


def test_an_open_route_asks_no_authorizer(gateway: str) -> None:
    answer = post(f"{gateway}/open", "", "deny")

    assert answer.status == 200
    assert "authorizer" not in answer.json["requestContext"]


def test_a_caller_cannot_bring_a_context_of_its_own(gateway: str) -> None:
    answer = call(f"{gateway}/open", headers={"requestContext": "x", "X-Amzn-Authorizer": "p"})

    assert "authorizer" not in answer.json["requestContext"]


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, (401, "token.missing")),
        ("", (401, "token.missing")),
        ("nobody", (401, "token.missing")),
        ("deny", (401, "token.expired")),
        ("raise", (503, "authorizer.unavailable")),
        ("exit", (503, "authorizer.unavailable")),
        ("sleep", (503, "authorizer.unavailable")),
        ("malformed", (503, "authorizer.unavailable")),
    ],
    ids=["no header", "empty", "nobody", "refused", "raises", "crashes", "too slow", "malformed"],
)
def test_nobody_passes_whom_the_authorizer_does_not_allow(
    token: str | None, expected: tuple[int, str], gateway: str
) -> None:
    answer = post(f"{gateway}/things", "result " + json.dumps({"statusCode": 200}), token)

    assert problem(answer) == expected
    assert b"secret" not in answer.body
    if expected[0] == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_context_value_cannot_break_out_of_its_place(gateway: str) -> None:
    answer = post(f"{gateway}/things", "", "quote")

    assert answer.json["code"] == 'x", "admin": "'
    assert "admin" not in answer.json


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("DELETE", "/things"), ("OPTIONS", "/things"), ("GET", "/"), ("POST", "/things/")],
)
def test_what_has_no_route_is_not_there(method: str, path: str, gateway: str) -> None:
    assert problem(call(gateway + path, method, headers={"Authorization": "good"})) == (404, "request.path")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("raise", id="handler raises"),
        pytest.param("exit", id="process ends"),
        pytest.param("sleep 60", id="passes the function's timeout"),
        pytest.param("large 6400000", id="more than Lambda returns"),
        pytest.param('result {"body": "no status"}', id="no status"),
        pytest.param('result {"statusCode": 200, "headers": {"A": "b\\r\\nC: d"}}', id="header that breaks out"),
        pytest.param("result null", id="null"),
    ],
)
def test_a_fault_of_the_function_is_one_answer_that_tells_nothing(body: str, gateway: str) -> None:
    answer = post(f"{gateway}/open", body)

    assert problem(answer) == (502, "internal")
    assert b"secret" not in answer.body
    assert post(f"{gateway}/open").status == 200


def test_does_not_wait_longer_than_an_integration_may_take(gateway: str) -> None:
    started = time.monotonic()

    assert problem(post(f"{gateway}/patient", "sleep 20")) == (504, "gateway.timeout")
    assert time.monotonic() - started < 15


def test_takes_a_body_up_to_lambdas_quota_and_refuses_beyond(gateway: str) -> None:
    assert post(f"{gateway}/patient", "x" * 2_000_000).status == 200
    assert problem(post(f"{gateway}/patient", "x" * 6_400_000)) == (413, "request.too_large")
    assert problem(post(f"{gateway}/patient", "x" * (MAX_BODY_BYTES + 1))) == (413, "request.too_large")


def test_refuses_a_head_above_the_quota(gateway: str) -> None:
    assert call(f"{gateway}/open", headers={"X-A": "b" * 9_000}).status == 200
    assert problem(call(f"{gateway}/open", headers={"X-A": "b" * 10_240})) == (431, "request.invalid")


def test_refuses_what_is_not_http(gateway: str) -> None:
    received = send_raw(gateway, b"POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")

    assert received.startswith(b"HTTP/1.1 400 ")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["code"] == "request.invalid"


def test_answers_callers_at_the_same_time(gateway: str) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = list(
            callers.map(lambda n: call(f"{gateway}/things/{n}", headers={"Authorization": f"t{n}"}), range(24))
        )

    assert [answer.status for answer in answers] == [200] * 24
    for n, answer in enumerate(answers):
        assert answer.json["pathParameters"] == {"id": str(n)}
        assert answer.json["requestContext"]["authorizer"]["principal"] == f"p:t{n}"


def test_without_responses_in_the_template_the_built_in_ones_hold(tmp_path: Path) -> None:
    functions = [function(tmp_path, AUTHORIZE, name="authorize")]
    general = GatewayResponse(None, {}, '{"general": "$context.authorizer.code"}')
    lambdas = Lambdas(functions, lambda _: {}, tmp_path)
    running = Gateway(deployment(functions, [Route("GET", "/", "authorize", TOKEN)], DEFAULT_4XX=general), lambdas)
    try:
        refused = call(running.url, headers={"Authorization": "deny"})
        assert (refused.status, refused.json) == (403, {"general": "token.expired"})
        assert call(running.url).json == {"general": ""}
        assert call(running.url, headers={"Authorization": "malformed"}).status == 500
        assert call(f"{running.url}/nowhere").status == 403
    finally:
        running.stop()
        lambdas.stop()
