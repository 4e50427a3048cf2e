"""Streamable HTTP: what each method and header gets, in each revision."""

from __future__ import annotations

from typing import Any

import pytest

from postern.edges.mcp import revisions
from postern.edges.mcp.jsonrpc import MAX_BATCH
from tests.support.mcp import ORIGIN, TASK, Site, event, ok, per_request, request

PING = request("ping")
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


@pytest.fixture
def site() -> Site:
    return Site.answering()


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session(method: str, site: Site) -> None:
    answer = site.ask(event(None, method=method))
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "POST")


REFUSED_HEADERS = {
    "another site's page": ({"Origin": "https://evil.example"}, 403),
    "a page with no origin": ({"Origin": "null"}, 403),
    "our name with another port": ({"Origin": f"{ORIGIN}:8443"}, 403),
    "our name over http": ({"Origin": "http://postern.example"}, 403),
    "no media type": ({"Content-Type": ""}, 415),
    "a form": ({"Content-Type": "text/plain"}, 415),
    "only event streams wanted": ({"Accept": "text/event-stream"}, 406),
    "an unknown revision": ({"MCP-Protocol-Version": "2099-01-01"}, 400),
    "no revision at all": ({"MCP-Protocol-Version": "banana"}, 400),
    "an empty revision": ({"MCP-Protocol-Version": ""}, 400),
}


@pytest.mark.parametrize(("headers", "status"), REFUSED_HEADERS.values(), ids=REFUSED_HEADERS.keys())
def test_refuses_by_its_headers(headers: dict[str, str], status: int, site: Site) -> None:
    answer = site.post(PING, headers)
    assert answer["statusCode"] == status
    assert (answer["json"]["id"], "error" in answer["json"]) == (None, True)


def test_says_which_revisions_it_speaks_where_it_does_not_speak_one(site: Site) -> None:
    error = site.post(PING, {"MCP-Protocol-Version": "2099-01-01"})["json"]["error"]
    assert (error["code"], error["data"]["supported"]) == (-32022, list(revisions.SPOKEN))


TAKEN_HEADERS = {
    "our own page": {"Origin": ORIGIN},
    "JSON with a charset": {"Content-Type": "application/json; charset=utf-8"},
    "JSON in capitals": {"Content-Type": "Application/JSON"},
    "anything wanted": {"Accept": "*/*"},
    "JSON of any kind wanted": {"Accept": "text/html;q=0.9, application/*"},
}


@pytest.mark.parametrize("headers", TAKEN_HEADERS.values(), ids=TAKEN_HEADERS.keys())
def test_takes_by_its_headers(headers: dict[str, str], site: Site) -> None:
    assert site.post(PING, headers)["json"] == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_refuses_a_header_that_was_sent_twice(site: Site) -> None:
    given = event(b"{}")
    given["multiValueHeaders"]["mcp-protocol-version"] = ["2025-06-18", "2025-11-25"]
    assert site.ask(given)["statusCode"] == 400


@pytest.mark.parametrize(
    ("body", "status"), [(None, 400), (b"", 400), (b'"' + b"x" * 1_000_000 + b'"', 413)], ids=["none", "empty", "1 MB"]
)
def test_bounds_the_body(body: bytes | None, status: int, site: Site) -> None:
    assert site.ask(event(body))["statusCode"] == status


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [*((one, one) for one in revisions.HANDSHAKE), ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25")],
)
def test_agrees_on_the_revision_asked_for_or_on_its_latest(asked: str, agreed: str, site: Site) -> None:
    answer = site.post(request("initialize", {**INITIALIZE, "protocolVersion": asked}))
    assert answer["json"]["result"]["protocolVersion"] == agreed
    assert answer["json"]["result"]["serverInfo"]["name"] == "postern"
    assert not [name for name in answer["headers"] if name.lower() == "mcp-session-id"]


@pytest.mark.parametrize(
    "params", [None, {}, {**INITIALIZE, "clientInfo": 1}, {**INITIALIZE, "protocolVersion": 1}], ids=repr
)
def test_refuses_an_initialize_without_what_it_must_say(params: Any, site: Site) -> None:
    assert site.post(request("initialize", params))["json"]["error"]["code"] == -32602


@pytest.mark.parametrize("revision", revisions.HANDSHAKE)
@pytest.mark.parametrize("method", ["resources/list", "prompts/get", "logging/setLevel", "server/discover", "x", ""])
def test_says_of_a_method_that_is_not_there_that_it_is_not(revision: str, method: str, site: Site) -> None:
    answer = site.post(request(method), {"MCP-Protocol-Version": revision})
    assert (answer["statusCode"], answer["json"]["error"]["code"]) == (200, -32601)


@pytest.mark.parametrize("method", ["initialize", "ping", "resources/list", "subscriptions/listen"])
def test_of_the_revision_without_handshake_the_others_methods_are_not_there(method: str, site: Site) -> None:
    body, headers = per_request(method)
    answer = site.post(body, headers)
    assert (answer["statusCode"], answer["json"]["error"]["code"]) == (404, -32601)


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "made up"])
@pytest.mark.parametrize("revision", revisions.SPOKEN)
def test_accepts_a_notification_and_answers_nothing(method: str, revision: str, site: Site) -> None:
    answer = site.post({"jsonrpc": "2.0", "method": method}, {"MCP-Protocol-Version": revision})
    assert (answer["statusCode"], answer["body"]) == (202, "")


BATCH = [
    request("ping", known_as="a"),
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    3,
    request("ping", known_as=2),
]


@pytest.mark.parametrize("headers", [{}, {"MCP-Protocol-Version": "2025-03-26"}], ids=["without header", "2025-03-26"])
def test_answers_a_batch_message_by_message(headers: dict[str, str], site: Site) -> None:
    answer = site.post(BATCH, headers)
    assert answer["statusCode"] == 200
    assert [one["id"] for one in answer["json"]] == ["a", None, 2]


@pytest.mark.parametrize("revision", [one for one in revisions.SPOKEN if one not in revisions.WITH_BATCHES])
def test_refuses_a_batch_where_the_revision_has_none(revision: str, site: Site) -> None:
    answer = site.post(BATCH, {"MCP-Protocol-Version": revision})
    assert (answer["statusCode"], answer["json"]["error"]["code"]) == (400, -32600)


def test_a_batch_of_notices_has_no_answer(site: Site) -> None:
    answer = site.post([{"jsonrpc": "2.0", "method": "notifications/initialized"}] * 2)
    assert (answer["statusCode"], answer["body"]) == (202, "")


def test_a_batch_bomb_runs_nothing() -> None:
    site = Site.answering(ok(TASK))
    call = request("tools/call", {"name": "task_status", "arguments": {}})
    assert site.post([call] * (MAX_BATCH + 1))["statusCode"] == 400
    assert site.api.asked == []


def test_initialize_stands_by_itself(site: Site) -> None:
    answer = site.post([request("initialize", INITIALIZE), request("ping", known_as=2)])
    assert ["error" in one for one in answer["json"]] == [True, False]


def test_discovers_without_a_handshake(site: Site) -> None:
    result = site.post(*per_request("server/discover"))["json"]["result"]
    assert result["supportedVersions"] == list(revisions.SPOKEN)
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "postern"


def changed(headers: dict[str, str] | None = None, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A call of a tool whose headers or parameters were changed after they agreed."""
    body, sent = per_request("tools/call", name="task_status", arguments={})
    return {**body, "params": {**body["params"], **params}}, {**sent, **(headers or {})}


META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
DISAGREEING = {
    "no _meta": (changed(_meta=None), -32602),
    "_meta without a version": (changed(_meta={"io.modelcontextprotocol/clientCapabilities": {}}), -32602),
    "_meta without capabilities": (changed(_meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"}), -32602),
    "another version in the body": (
        changed(_meta={**META, "io.modelcontextprotocol/protocolVersion": "2025-11-25"}),
        -32020,
    ),
    "another method in the header": (changed({"Mcp-Method": "ping"}), -32020),
    "another tool in the header": (changed({"Mcp-Name": "describe"}), -32020),
    "another tool in the body": (changed(name="end_task"), -32020),
    "a tool in base64 that is none": (changed({"Mcp-Name": "=?base64?!?="}), -32020),
}


@pytest.mark.parametrize(("sent", "code"), DISAGREEING.values(), ids=DISAGREEING.keys())
def test_refuses_a_request_whose_headers_and_body_say_two_things(sent: Any, code: int, site: Site) -> None:
    answer = site.post(*sent)
    assert (answer["statusCode"], answer["json"]["error"]["code"]) == (400, code)
    assert site.api.asked == []


def test_takes_a_name_that_is_sent_in_base64() -> None:
    site = Site.answering(ok({"tasks": []}))
    answer = site.post(*changed({"Mcp-Name": "=?base64?dGFza19zdGF0dXM=?="}))
    assert answer["json"]["result"]["isError"] is False


@pytest.mark.parametrize(
    "name", ["", "__class__", "constructor", "toString", "query\n", "../query", 1, None, ["query"]]
)
def test_there_is_no_other_tool(name: Any, site: Site) -> None:
    answer = site.post(request("tools/call", {"name": name, "arguments": {}}))
    assert (answer["statusCode"], answer["json"]["error"]["code"]) == (200, -32602)


@pytest.mark.parametrize("given", [[], "x", 1, True], ids=repr)
def test_arguments_are_an_object(given: Any, site: Site) -> None:
    answer = site.post(request("tools/call", {"name": "task_status", "arguments": given}))
    assert answer["json"]["error"]["code"] == -32602


def test_the_list_of_tools_has_one_page(site: Site) -> None:
    assert site.post(request("tools/list", {"cursor": "x"}))["json"]["error"]["code"] == -32602
    assert len(site.post(request("tools/list"))["json"]["result"]["tools"]) == 6
