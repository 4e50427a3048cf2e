"""What an MCP client sends: messages of any shape, under headers of any value, over an API that answers anything."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from postern.edges.mcp.jsonrpc import MAX_BATCH, RpcError, parse_posted
from postern.edges.mcp.methods import Caller
from postern.edges.mcp.revisions import SPOKEN
from postern.edges.mcp.task_tools import Surroundings
from postern.edges.mcp.tools import TOOLS
from postern.edges.mcp.transport import respond
from tests.fuzz.json_mutation import mutated_json
from tests.fuzz.target import Target, Wrong
from tests.support.domain import TASK_ID
from tests.support.mcp import CONSOLE, ORIGIN, SCHEMA, TASK, ScriptedApi, event, ok, per_request, queried, request

_STATUSES = frozenset({200, 202, 400, 403, 404, 405, 406, 413, 415})
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "open_task": {"database": "shop", "purpose": "why", "access": [{"tables": ["orders"], "actions": ["select"]}]},
    "query": {"task_id": TASK_ID, "sql": "SELECT 1", "params": [1.10], "max_rows": 5},
    "transaction": {"task_id": TASK_ID, "statements": [{"sql": "SELECT 1"}]},
}
_CALLS = [
    request("tools/call", {"name": name, "arguments": _ARGUMENTS.get(name, {"task_id": TASK_ID})}) for name in TOOLS
]
_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
_MESSAGES = [
    *_CALLS,
    request("initialize", _HELLO),
    request("tools/list", {"cursor": None}),
    request("ping", known_as="a"),
    per_request("server/discover")[0],
    per_request("tools/call", name="query", arguments=_ARGUMENTS["query"])[0],
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 7, "result": {}},
    {"jsonrpc": "2.0", "id": 7, "error": {"code": 1, "message": "m"}},
]
BODIES = [json.dumps(one).encode() for one in (*_MESSAGES, _MESSAGES[:3], _MESSAGES[-3:], [], [1, []], None, "x")]
TOKENS = (
    *(
        b'"jsonrpc":"2.0"',
        b'"jsonrpc":2.0',
        b'"id":null',
        b'"id":1.0',
        b'"id":1e3',
        b'"id":[]',
        b'"id":9223372036854775808',
    ),
    *(b'"method":', b'"tools/call"', b'"params":[]', b'"params":', b'"name":"query"', b'"_meta":', b'"arguments":null'),
    *(
        b'"result":{}',
        b'"error":{}',
        b'"cursor":"AQAA"',
        b"," * 20,
        b'{"jsonrpc":"2.0","method":"x"},' * (MAX_BATCH + 1),
    ),
)
_NAMES = (
    "Accept",
    "Origin",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Content-Type",
    "Mcp-Session-Id",
    "Last-Event-ID",
)
_VALUES = (
    *SPOKEN,
    *("1999-01-01", "2.0", ORIGIN, "https://evil.example", "null", "application/json; charset=utf-16", "text/plain"),
    *(
        "*/*",
        "text/event-stream",
        "application/*;q=0",
        "tools/call",
        "query",
        "=?base64?cXVlcnk=?=",
        "=?base64?gA==?=",
        "",
        "a,b",
    ),
)
_API = [
    ok(TASK),
    ok({"tasks": [TASK]}),
    ok(queried([[1, "a"]], truncated=True)),
    ok(SCHEMA),
    ok(None),
    ok([]),
    ok({}, 500),
]


def _posted(given: tuple[bytes, dict[str, str], int]) -> None:
    """One request, answered as JSON-RPC or refused in its own terms."""
    body, headers, place = given
    api = ScriptedApi([_API[place % len(_API)]] * 40)
    caller = Caller(Surroundings(api, CONSOLE, lambda: "marker"), lambda _: None, lambda _: None)
    answer = respond(event(body, headers), ORIGIN, caller)
    if answer["statusCode"] not in _STATUSES:
        raise Wrong(f"status: expected one that is documented, got {answer['statusCode']}")
    if answer["statusCode"] == 202:
        return
    said = json.loads(answer["body"])
    for one in said if isinstance(said, list) else [said]:
        if one.get("jsonrpc") != "2.0" or ("result" in one) == ("error" in one):
            raise Wrong("answer: expected JSON-RPC with a result or an error, got another")
    if isinstance(said, list) and not 1 <= len(said) <= MAX_BATCH:
        raise Wrong(f"batch: expected 1 to {MAX_BATCH} answers, got {len(said)}")


def _parsed(body: bytes) -> None:
    parse_posted(body)


_HEADERS = st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_VALUES) | st.text(max_size=20), max_size=2)
TARGETS = (
    Target("rpc message", mutated_json(BODIES, tokens=TOKENS), _parsed, (RpcError,)),
    Target(
        "rpc request",
        st.tuples(mutated_json(BODIES, tokens=TOKENS), st.just({}) | _HEADERS, st.integers(0, len(_API))),
        _posted,
    ),
)
