"""Requests become events and results become answers as API Gateway makes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern_local.loopback import Request
from postern_local.model import Api, Route
from postern_local.proxy import Call, MalformedResult, authorizer_event, find_route, parse_result, proxy_event
from tests.support.stack import NAMES, TOKEN

ROUTES = (
    Route("GET", "/v1/tasks/{id}", "tasks", TOKEN),
    Route("GET", "/v1/tasks/mine", "mine", TOKEN),
    Route("POST", "/v1/tasks", "tasks", TOKEN),
    Route("POST", "/v1/tasks/{id}/query", "query", TOKEN),
    Route("GET", "/healthz", "tasks", None),
)
API = Api("live", ROUTES, {})


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("POST", "/v1/tasks", ("/v1/tasks", {}), id="literal"),
        pytest.param("POST", "/v1/tasks/a1/query", ("/v1/tasks/{id}/query", {"id": "a1"}), id="parameter"),
        pytest.param("GET", "/v1/tasks/mine", ("/v1/tasks/mine", {}), id="literal before parameter"),
        pytest.param("GET", "/v1/tasks/a%2Fb", ("/v1/tasks/{id}", {"id": "a/b"}), id="slash inside a parameter"),
        pytest.param("GET", "/v1/tasks/%00", ("/v1/tasks/{id}", {"id": "\0"}), id="NUL inside a parameter"),
        pytest.param("DELETE", "/v1/tasks", None, id="other method"),
        pytest.param("GET", "/v1/tasks/", None, id="empty parameter"),
        pytest.param("POST", "/v1/tasks/", None, id="slash at the end"),
        pytest.param("POST", "//v1/tasks", None, id="two slashes"),
        pytest.param("POST", "/V1/tasks", None, id="other case"),
        pytest.param("POST", "/v1/%74asks", None, id="encoded literal"),
        pytest.param("POST", "/v1/x/../tasks", None, id="dots"),
        pytest.param("POST", "/live/v1/tasks", None, id="stage in the path"),
        pytest.param("GET", "/v1/tasks/a/b", None, id="one segment more"),
        pytest.param("get", "/healthz", None, id="method in small letters"),
    ],
)
def test_finds_the_route(method: str, path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    found = find_route(API, method, path)

    assert (None if found is None else (found[0].path, found[1])) == expected


def call_of(target: str = "/v1/tasks/a1/query", body: bytes = b"", *headers: tuple[str, str]) -> Call:
    request = Request("POST", target, (("Host", "127.0.0.1:80"), *headers), body, "127.0.0.1")
    found = find_route(API, "POST", target.partition("?")[0])
    assert found is not None
    return Call(request, found[0], found[1], "request-1", 1_790_000_000.5, 80)


def event_of(call: Call, authorizer: dict[str, str] | None = None) -> dict[str, Any]:
    event = proxy_event(call, NAMES, "live", authorizer)
    json.dumps(event)
    return event


def test_an_event_has_the_form_of_payload_one() -> None:
    event = event_of(call_of("/v1/tasks/a1/query?x=1&x=2&y=", b'{"sql": "\xc3\xa9"}', ("X-A", "b")), {"principal": "p"})
    context = event["requestContext"]

    assert event["resource"] == "/v1/tasks/{id}/query"
    assert event["path"] == "/v1/tasks/a1/query"
    assert event["httpMethod"] == "POST"
    assert event["pathParameters"] == {"id": "a1"}
    assert event["queryStringParameters"] == {"x": "2", "y": ""}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": [""]}
    assert event["headers"]["X-A"] == "b"
    assert event["body"] == '{"sql": "é"}'
    assert event["isBase64Encoded"] is False
    assert context["authorizer"] == {"principal": "p"}
    assert context["requestId"] == "request-1"
    assert context["stage"] == "live"
    assert context["resourcePath"] == "/v1/tasks/{id}/query"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["requestTimeEpoch"] == 1_790_000_000_500


def test_what_is_absent_is_null() -> None:
    event = event_of(call_of("/v1/tasks"))

    assert event["body"] is None
    assert event["pathParameters"] is None
    assert event["queryStringParameters"] is None
    assert "authorizer" not in event["requestContext"]


def test_repeated_headers_are_all_there_and_the_last_one_counts() -> None:
    event = event_of(call_of("/v1/tasks", b"", ("Authorization", "one"), ("Authorization", "two")))

    assert event["headers"]["Authorization"] == "two"
    assert event["multiValueHeaders"]["Authorization"] == ["one", "two"]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-PORT"])
def test_a_client_does_not_say_where_it_comes_from(name: str) -> None:
    event = event_of(call_of("/v1/tasks", b"", (name, "10.0.0.1")))

    assert "10.0.0.1" not in json.dumps(event)
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert event["headers"]["X-Forwarded-Proto"] == "http"


def test_bytes_that_are_not_text_arrive_replaced() -> None:
    assert event_of(call_of("/v1/tasks", b"\xff{"))["body"] == "\ufffd{"


def test_an_authorizer_sees_everything_but_the_body() -> None:
    event = authorizer_event(call_of("/v1/tasks?x=1", b"secret", ("Authorization", "Bearer t")), NAMES, "live")

    assert event["type"] == "REQUEST"
    assert event["methodArn"] == "arn:aws:execute-api:us-east-1:123456789012:local/live/POST/v1/tasks"
    assert event["headers"]["Authorization"] == "Bearer t"
    assert event["queryStringParameters"] == {"x": "1"}
    assert "body" not in event


def headers_of(result: dict[str, object]) -> list[tuple[str, str]]:
    answer = parse_result(json.dumps(result).encode(), "request-1")
    return [pair for pair in answer.headers if not pair[0].startswith("x-amz")]


def test_a_result_becomes_the_answer() -> None:
    result = {"statusCode": 201, "headers": {"Content-Type": "text/plain", "X-N": 1, "X-B": True}, "body": "é"}

    answer = parse_result(json.dumps(result).encode(), "request-1")

    assert answer.status == 201
    assert answer.body == "é".encode()
    assert headers_of(result) == [("Content-Type", "text/plain"), ("X-N", "1"), ("X-B", "true")]
    assert ("x-amzn-RequestId", "request-1") in answer.headers


def test_a_result_may_be_a_status_alone() -> None:
    answer = parse_result(b'{"statusCode": "204"}', "r")

    assert (answer.status, answer.body) == (204, b"")


def test_several_values_of_a_header_all_leave() -> None:
    result = {
        "statusCode": 200,
        "headers": {"Set-Cookie": "b", "X-A": "1", "Content-Type": "a/b"},
        "multiValueHeaders": {"Set-Cookie": ["a", "b"]},
    }

    assert headers_of(result) == [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("X-A", "1"), ("Content-Type", "a/b")]


def test_base64_leaves_as_text_where_no_media_type_is_binary() -> None:
    assert parse_result(b'{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}', "r").body == b"aGk="


@pytest.mark.parametrize("name", ["WWW-Authenticate", "Server", "date", "Connection", "Content-Length"])
def test_headers_of_the_gateways_own_are_renamed(name: str) -> None:
    assert (f"x-amzn-Remapped-{name}", "x") in parse_result(
        json.dumps({"statusCode": 401, "headers": {name: "x"}}).encode(), "r"
    ).headers


def test_a_function_cannot_set_the_transfer_coding() -> None:
    assert headers_of({"statusCode": 200, "headers": {"Transfer-Encoding": "chunked"}}) == [
        ("Content-Type", "application/json")
    ]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(b"{", id="not JSON"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{}", id="no status"),
        pytest.param(b'{"statusCode": "ok"}', id="status in words"),
        pytest.param(b'{"statusCode": 99}', id="status too low"),
        pytest.param(b'{"statusCode": 1000}', id="status too high"),
        pytest.param(b'{"statusCode": true}', id="status is a boolean"),
        pytest.param(b'{"statusCode": 200.0}', id="status is a fraction"),
        pytest.param(b'{"statusCode": 200, "body": {}}', id="body is an object"),
        pytest.param(b'{"statusCode": 200, "headers": []}', id="headers are a list"),
        pytest.param(b'{"statusCode": 200, "headers": {"A": null}}', id="header is null"),
        pytest.param(b'{"statusCode": 200, "headers": {"A": "b\\r\\nSet-Cookie: c"}}', id="line end in a header"),
        pytest.param(b'{"statusCode": 200, "headers": {"A: b\\r\\nC": "d"}}', id="line end in a name"),
        pytest.param(b'{"statusCode": 200, "headers": {"": "d"}}', id="header without a name"),
        pytest.param('{"statusCode": 200, "headers": {"A": "\u20ac"}}'.encode(), id="header beyond Latin-1"),
        pytest.param(b'{"statusCode": 200, "multiValueHeaders": {"A": "b"}}', id="values are no list"),
        pytest.param(b'{"statusCode": 200, "multiValueHeaders": {"A": [{}]}}', id="value is an object"),
    ],
)
def test_refuses_a_result_of_another_form(result: bytes) -> None:
    with pytest.raises(MalformedResult):
        parse_result(result, "r")
