"""The official SDK's client against the local stack: every revision that it speaks, and a task's whole life."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from postern.edges.mcp.revisions import HANDSHAKE, LATEST_HANDSHAKE, PER_REQUEST, SPOKEN, VERSION_HEADER
from tests.support.local_tokens import agent_token
from tests.support.stack import PROJECT

if TYPE_CHECKING:
    from mcp.client.client import Client

    from postern_local.stack import Stack

SQL = "SELECT id, region FROM customers ORDER BY id"
ACCESS = [{"tables": ["public.customers"], "actions": ["select"]}]


@asynccontextmanager
async def connected(stack: Stack, mode: str, token: str | None = None) -> AsyncIterator[Client]:
    """`mode` is the SDK's: `auto`, `legacy`, or a revision without a handshake."""
    from mcp.client.client import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client

    headers = {"Authorization": f"Bearer {token or agent_token(stack)}"}
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(f"{stack.ready.api}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


def talk(stack: Stack, mode: str, say: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with connected(stack, mode) as client:
            return await say(client)

    return asyncio.run(run())


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    told: dict[str, Any] = result.structured_content
    return told


MODES = {"auto": PER_REQUEST[-1], "legacy": LATEST_HANDSHAKE, **dict.fromkeys(PER_REQUEST, PER_REQUEST[-1])}


@pytest.mark.parametrize(("mode", "revision"), MODES.items(), ids=MODES.keys())
def test_agrees_on_a_revision_and_lists_the_tools(stack: Stack, mode: str, revision: str) -> None:
    async def say(client: Client) -> tuple[str, list[Any]]:
        return str(client.session.protocol_version), (await client.list_tools()).tools

    agreed, tools = talk(stack, mode, say)
    assert agreed == revision
    assert [tool.name for tool in tools] == [
        *("open_task", "describe", "query", "transaction", "end_task", "task_status")
    ]
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_task_lives_from_its_opening_to_its_end(stack: Stack, mode: str) -> None:
    """The client holds each structured content against the schema that it was told."""

    async def say(client: Client) -> None:
        task = await called(client, "open_task", database="shop", purpose="why", access=ACCESS)
        task_id = task["task_id"]
        described = await called(client, "describe", task_id=task_id)
        assert [one["table"] for one in described["tables"]] == ["public.customers"]
        first = await called(client, "query", task_id=task_id, sql=SQL, max_rows=3)
        cursor = first["page"]["next_cursor"]
        second = await called(client, "query", task_id=task_id, sql=SQL, max_rows=3, cursor=cursor)
        both = await called(client, "query", task_id=task_id, sql=SQL, max_rows=6)
        assert first["rows"] + second["rows"] == both["rows"]
        # A page costs what it reads: 3, then 6, then 6.
        assert both["remaining"]["rows"] == first["remaining"]["rows"] - 12
        assert task_id in [one["task_id"] for one in (await called(client, "task_status"))["tasks"]]
        ended = await called(client, "end_task", task_id=task_id)
        assert ended["state"] == "ended"

    talk(stack, mode, say)


def test_what_is_refused_says_so_to_the_model(stack: Stack) -> None:
    async def say(client: Client) -> list[Any]:
        task = await called(client, "open_task", database="shop", purpose="why", access=ACCESS)
        statements = ["SELEC 1", "SELECT nme FROM customers", "SELECT * FROM pg_authid", "SELECT 1; SELECT 2"]
        return [await client.call_tool("query", {"task_id": task["task_id"], "sql": sql}) for sql in statements]

    results = talk(stack, "auto", say)
    codes = [result.structured_content["code"] for result in results]
    assert codes == ["sql.syntax", "sql.failed", "guard.relation", "guard.statements"]
    assert all(result.is_error and "Next: " in result.content[0].text for result in results)


def test_a_client_without_a_token_is_told_where_to_sign_in(stack: Stack) -> None:
    """As the SDK's own helpers read it: the challenge leads to metadata of exactly this resource, with the issuer."""
    import httpx2
    from mcp.client.auth.utils import (
        build_protected_resource_metadata_discovery_urls,
        extract_resource_metadata_from_www_auth,
    )
    from mcp.shared.auth import ProtectedResourceMetadata

    url = f"{stack.ready.api}/mcp"
    refused = httpx2.post(url, json={})
    assert refused.status_code == 401
    told = extract_resource_metadata_from_www_auth(refused)
    for address in build_protected_resource_metadata_discovery_urls(told, url)[:2]:
        metadata = ProtectedResourceMetadata.model_validate_json(httpx2.get(address).content)
        assert str(metadata.resource).rstrip("/") == url
        assert [str(one).rstrip("/") for one in metadata.authorization_servers] == [stack.ready.issuer]


@pytest.mark.parametrize("token", ["x.y.z", "expired"])
def test_a_token_that_does_not_hold_is_refused_at_the_gateway(stack: Stack, token: str) -> None:
    import httpx2

    sent = agent_token(stack, ago_s=7200) if token == "expired" else token
    answer = httpx2.post(f"{stack.ready.api}/mcp", json={}, headers={"Authorization": f"Bearer {sent}"})
    assert answer.status_code == 401
    assert 'error="invalid_token", resource_metadata="' in answer.headers["WWW-Authenticate"]


def test_the_call_without_a_library_that_the_page_shows(stack: Stack) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", (PROJECT / "docs/agents.md").read_text(), re.MULTILINE | re.DOTALL)
    [shown] = [block for block in blocks if '"tools/call"' in block]
    command = shown.replace("https://postern.example.com", stack.ready.api)
    environment = {**os.environ, "POSTERN_TOKEN": agent_token(stack)}
    run = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, check=True, timeout=30)
    assert json.loads(run.stdout)["result"]["isError"] is False


@pytest.mark.parametrize("revision", SPOKEN)
def test_the_wire_of_each_revision_through_the_gateway(stack: Stack, revision: str) -> None:
    """What the SDK's client does not send any more: the older revisions by their header, and a batch."""
    import httpx2

    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Authorization": f"Bearer {agent_token(stack)}", VERSION_HEADER: revision}
    one = httpx2.post(f"{stack.ready.api}/mcp", json=ping, headers=headers)
    batch = httpx2.post(f"{stack.ready.api}/mcp", json=[ping, {**ping, "id": 2}], headers=headers)
    assert ("result" in one.json()) == (revision in HANDSHAKE)
    assert (batch.status_code == 200) == (revision in ("2024-11-05", "2025-03-26"))
    notice = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert httpx2.post(f"{stack.ready.api}/mcp", json=notice, headers=headers).status_code == 202
    assert json.loads(one.content)["jsonrpc"] == "2.0"
