"""What is measured side by side: ways to send a statement and to have its whole answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.mcp_stdio import McpClient
from bench.piped_process import PipedProcess


@dataclass(frozen=True, slots=True)
class Contender:
    """`ask` is what is timed: SQL out, the whole answer in. `row_count` looks, untimed, whether it is an answer."""

    name: str
    ask: Callable[[str], Any]
    row_count: Callable[[Any], int]
    pids: Callable[[], Collection[int]]  # of the processes that serve it
    leaves_work: bool = False  # it writes evidence, which the local stack orders into its log a while later


@dataclass(slots=True)
class HttpClient:
    """One kept connection."""

    api: str
    headers: Callable[[], Mapping[str, str]]
    _connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - whatever the API answers
        """The answer's JSON. Raises `RuntimeError` where its status is not 200."""
        connection = self._connection or http.client.HTTPConnection(urlsplit(self.api).netloc, timeout=60)
        self._connection = connection
        connection.request("POST", path, json.dumps(body), dict(self.headers()))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: expected 200, got {answer.status} {text[:500]!r}")
        return json.loads(text)


def over_http(name: str, client: HttpClient, task_id: str, pids: Callable[[], Collection[int]]) -> Contender:
    """Postern's own HTTPS call, through a gateway."""
    path = f"/v1/tasks/{task_id}/query"
    ask = lambda sql: client.post(path, {"sql": sql})  # noqa: E731
    return Contender(name, ask, lambda answer: len(answer["rows"]), pids)


def over_mcp(name: str, client: HttpClient, task_id: str, pids: Callable[[], Collection[int]]) -> Contender:
    """Postern's own tool, which calls the API; an answer holds the rows twice, as text and as values."""

    def ask(sql: str) -> Any:  # noqa: ANN401 - whatever the tool answers
        arguments = {"task_id": task_id, "sql": sql, "max_rows": 1000}
        params = {"name": "query", "arguments": arguments}
        return client.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

    return Contender(name, ask, lambda answer: len(answer["result"]["structuredContent"]["rows"]), pids)


def over_pipe(name: str, process: PipedProcess, events: Callable[[str], Mapping[str, object]]) -> Contender:
    """Postern's handlers in a process that is asked over a pipe, as the others are."""

    def ask(sql: str) -> Any:  # noqa: ANN401 - whatever the handlers answer
        process.send(events(sql))
        return process.receive()

    def row_count(answer: Mapping[str, Any]) -> int:
        if answer["statusCode"] != 200:
            raise RuntimeError(f"{name}: expected 200, got {answer['statusCode']} {answer['body'][:500]}")
        return len(json.loads(answer["body"])["rows"])

    return Contender(name, ask, row_count, lambda: [process.pid])


def peer(
    name: str,
    client: McpClient,
    tool: str,
    arguments: Callable[[str], Mapping[str, object]],
    row_count: Callable[[Any], int],
) -> Contender:
    """Another's server, over MCP's stdio transport."""
    return Contender(name, lambda sql: client.call(tool, arguments(sql)), row_count, lambda: [client.server.pid])
