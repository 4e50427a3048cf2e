"""The mcp function: what it lets through, what it sends on, and what anybody may send it."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from functions.mcp import handler as function
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from postern.edges import http
from postern.edges.guarded import guarded
from postern.edges.mcp.tools import TOOLS
from postern.errors import BadRequest, Unauthenticated
from postern_local.loopback import LoopbackServer, Request, Response, Service
from tests.support.domain import NOW_S, TASK_ID
from tests.support.fake_clock import FakeClock
from tests.support.mcp import JSON_HEADERS, SCHEMA, TASK, TOKEN, event, queried, request
from tests.support.telling import Telling

JSON = (("Content-Type", "application/json"),)
LIST = json.dumps(request("tools/call", {"name": "task_status", "arguments": {}})).encode()


class Gate:
    """An API on the loopback interface, and the function in front of it."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answers: dict[str, Response] = {}  # by the end of a path
        self.answer = Response(200, JSON, json.dumps({"tasks": [TASK]}).encode())
        self.telling = Telling("mcp")
        self.services = function.Services(function.services().connection, FakeClock(at_us=NOW_S * 1_000_000))
        self.server = LoopbackServer.start(Service(self._serve))

    def _serve(self, asked: Request) -> Response:
        self.asked.append(asked)
        by_path = next((one for end, one in self.answers.items() if asked.target.endswith(end)), None)
        return by_path or self.answer

    def respond(self, given_event: http.Event) -> http.Response:
        told = self.telling.invocation()
        return function.respond(given_event, self.services, told, lambda: 5.0)

    def answered(self, given_event: http.Event) -> http.Response:
        """As the handler answers: errors are answers too."""
        told = self.telling.invocation()
        watch = told.stopwatch(self.services.clock)
        return guarded(lambda: function.respond(given_event, self.services, told, watch.left_s), told, watch)


@pytest.fixture(scope="module")
def running() -> Iterator[Gate]:
    gate = Gate()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("POSTERN_API_ADDRESS", gate.server.url)
        yield gate
    gate.server.stop()


@pytest.fixture
def gate(running: Gate) -> Gate:
    running.asked.clear()
    running.answers.clear()
    running.telling = Telling("mcp")
    running.answer = Response(200, JSON, json.dumps({"tasks": [TASK]}).encode())
    return running


def test_asks_the_api_with_the_callers_own_token(gate: Gate) -> None:
    answer = gate.respond(event(LIST, {"Host": "evil.example", "Forwarded": "host=evil.example"}))
    assert json.loads(answer["body"])["result"]["isError"] is False
    [asked] = gate.asked
    assert (asked.method, asked.target, asked.header("Authorization")) == ("GET", "/v1/tasks", f"Bearer {TOKEN}")
    assert asked.header("Host") == gate.server.url.removeprefix("http://")


@pytest.mark.parametrize("method", ["initialize", "tools/list", "ping", "server/discover", "x"])
def test_asks_nothing_of_the_api_but_for_a_tool(gate: Gate, method: str) -> None:
    gate.respond(event(json.dumps(request(method)).encode()))
    assert gate.asked == []


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_answers_nobody_without_a_principal(gate: Gate, method: str) -> None:
    given_event = event(LIST, method=method) | {"requestContext": {}}
    with pytest.raises(Unauthenticated):
        gate.respond(given_event)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_has_no_stream_and_no_session(gate: Gate, method: str) -> None:
    assert gate.respond(event(None, method=method))["statusCode"] == 405


def test_refuses_a_token_that_it_cannot_send_on(gate: Gate) -> None:
    with pytest.raises(BadRequest, match="bound to a key"):
        gate.respond(event(LIST, {"Authorization": f"DPoP {TOKEN}"}))
    assert gate.asked == []


def test_no_line_of_the_log_holds_a_token_a_statement_or_a_row(gate: Gate) -> None:
    canaries = ("SELECT canary_statement", "canary_row", "canary_key", TOKEN)
    gate.answer = Response(200, JSON, json.dumps(queried([[1, canaries[1]]])).encode())
    arguments = {"task_id": TASK_ID, "sql": canaries[0], "idempotency_key": canaries[2]}
    sent = request("tools/call", {"name": "query", "arguments": arguments})
    answer = gate.answered(event(json.dumps(sent).encode()))
    assert "canary_row" in answer["body"]
    gate.answer = Response(200, JSON, b'{"canary_row": ')
    gate.answered(event(json.dumps(sent).encode()))
    gate.answered(event(b'{"canary_row": 1', {"Authorization": f"Bearer {TOKEN} canary_key"}))
    written = gate.telling.out.getvalue()
    assert "outcome.unknown" in written
    assert not [one for one in canaries if one in written]


def test_what_a_tool_came_to_is_what_the_invocation_came_to(gate: Gate) -> None:
    body = {"type": "t", "title": "t", "status": 403, "code": "policy.refused", "detail": "d"}
    gate.answer = Response(403, (("Content-Type", "application/problem+json"),), json.dumps(body).encode())
    told = gate.telling.invocation()
    function.respond(event(LIST), gate.services, told, lambda: 5.0)
    assert told.code == "policy.refused"


def test_an_answer_of_many_megabytes_is_none(gate: Gate) -> None:
    gate.answer = Response(200, JSON, b'{"tasks": "' + b"x" * 10_000_000 + b'"}')
    answer = gate.respond(event(LIST))
    assert json.loads(answer["body"])["result"]["structuredContent"]["code"] == "api.unavailable"


# ---- What anybody may send

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [*TOOLS, "tools/call", "tools/list", "initialize", "ping", "2.0", TASK_ID, "__proto__", "2026-07-28"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"jsonrpc": st.one_of(st.just("2.0"), VALUES), "method": st.one_of(TEXTS, VALUES)},
    optional={
        "id": st.one_of(st.integers(), TEXTS, VALUES),
        "params": st.one_of(
            st.fixed_dictionaries({"name": TEXTS, "arguments": st.dictionaries(TEXTS, VALUES, max_size=5)}), VALUES
        ),
        "result": VALUES,
    },
)
ARGUMENTS = st.fixed_dictionaries(
    {"task_id": st.one_of(st.just(TASK_ID), TEXTS), "sql": st.one_of(st.just("SELECT 1"), VALUES)},
    optional={
        "max_rows": st.one_of(st.integers(1, 10), VALUES),
        "params": st.one_of(st.lists(VALUES, max_size=2), VALUES),
        "cursor": st.one_of(st.text(string.ascii_letters + "-_", max_size=120), VALUES),
        "idempotency_key": VALUES,
        "database": TEXTS,
        "purpose": TEXTS,
        "access": VALUES,
        "statements": VALUES,
    },
)
OF_A_TASK = st.fixed_dictionaries({"task_id": st.just(TASK_ID)})
CALLS = st.builds(
    lambda name, arguments: request("tools/call", {"name": name, "arguments": arguments}),
    st.sampled_from(list(TOOLS)),
    st.one_of(ARGUMENTS, OF_A_TASK),
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.one_of(NEARLY, CALLS, VALUES, st.lists(st.one_of(NEARLY, CALLS), max_size=3)).map(
        lambda value: json.dumps(value).encode()
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Accept", "Origin", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Content-Type", "Authorization"]
    ),
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(["2026-07-28", "2025-06-18", "tools/call", f"Bearer {TOKEN}", *JSON_HEADERS.values()]),
    ),
    max_size=2,
)


def good(body: Any) -> Response:
    return Response(200, JSON, json.dumps(body).encode())


ANSWERS = {
    "/query": good(queried([[1, "a"]], truncated=True)),
    "/transaction": good({"statements": [queried([[1, "a"]])], "remaining": None}),
    "/schema": good(SCHEMA),
    TASK_ID: good(TASK),
}


def valid(tool: str, **arguments: Any) -> bytes:
    return json.dumps(request("tools/call", {"name": tool, "arguments": {"task_id": TASK_ID, **arguments}})).encode()


# What chance may not come upon: calls that go all the way, and one that comes back with a cursor of nobody's.
@example(body=valid("query", sql="SELECT 1"), headers={}, method="POST")
@example(body=valid("query", sql="SELECT 1", cursor="AQAA"), headers={}, method="POST")
@example(body=valid("transaction", statements=[{"sql": "SELECT 1"}]), headers={}, method="POST")
@example(body=valid("describe"), headers={}, method="POST")
@example(body=valid("end_task"), headers={}, method="POST")
@example(body=valid("task_status"), headers={}, method="POST")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, headers=st.one_of(st.just({}), HEADERS), method=st.sampled_from(["POST"] * 9 + ["GET"]))
def test_whatever_is_sent_is_answered_by_json_rpc_or_refused(
    gate: Gate, body: bytes, headers: dict[str, str], method: str
) -> None:
    gate.answers = dict(ANSWERS)
    answer = gate.answered(event(body, headers, method=method))
    assert answer["statusCode"] in {200, 202, *range(400, 500)}, answer
    assert "Traceback" not in answer["body"]
    if answer["statusCode"] == 202:
        assert answer["body"] == ""
    elif answer["statusCode"] == 200:
        told = json.loads(answer["body"])
        for one in told if isinstance(told, list) else [told]:
            assert one["jsonrpc"] == "2.0"
            assert ("result" in one) != ("error" in one)
    assert not [line for line in gate.telling.lines() if line["level"] == "CRITICAL"]
