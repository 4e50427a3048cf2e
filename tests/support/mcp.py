"""MCP without a network: events as the gateway makes them, and an API that answers as it was told to."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from postern.edges.mcp.api import ApiAnswer
from postern.edges.mcp.methods import Caller
from postern.edges.mcp.task_tools import Surroundings
from postern.edges.mcp.transport import respond
from postern.errors import PosternError
from postern.identity.context import format_principal
from tests.support.domain import AGENT, TASK_ID

ORIGIN = "https://postern.example"
CONSOLE = f"{ORIGIN}/console"
TOKEN = "aGVhZA.Ym9keQ.c2lnbmF0dXJl"
JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
TASK_PATH = f"/v1/tasks/{TASK_ID}"

COLUMN = {"name": "id", "type": "integer", "class": "open", "mask": None, "insert": False, "update": False}
EMAIL = {**COLUMN, "name": "email", "type": "text", "class": "pii.email", "mask": "email"}
BUDGETS = {"statements": 500, "rows": 1000, "bytes": 10, "affected": 5, "values": 7, "lookups": 3}
TASK: dict[str, Any] = {
    "task_id": TASK_ID,
    "state": "active",
    "database": "shop",
    "purpose": "why",
    "ticket": None,
    "created_at": "2026-01-01T00:00:00Z",
    "expires_at": "2026-01-01T01:00:00Z",
    "scope": [{"table": "public.customers", "actions": ["select"], "columns": [COLUMN, EMAIL], "row_filter": "id > 1"}],
    "lookup": ["pii.email"],
    "budgets": BUDGETS,
    "worlds": 1,
    "ttl_s": 3600,
    "scope_digest": "a" * 64,
    "approvals": None,
    "review": None,
    "statements": None,
    "run": None,
    "dry_runs": [],
}
PENDING = {**TASK, "state": "pending_approval", "approvals": {"needed": 2, "given": 1}}
SCHEMA = {
    "database": "shop",
    "tables": [{"table": "public.customers", "key": ["id"], "columns": [COLUMN, EMAIL]}],
}
RECEIPT = {
    "intent_sha256": "b" * 64,
    "outcome_sha256": "c" * 64,
    "log": "log",
    "digest_key": None,
    "settled_sha256": None,
}


def statement(rows: list[list[Any]], *, truncated: bool = False, columns: Iterable[str] = ("id", "email")) -> Any:
    """What a statement that reads gives."""
    return {
        "command_id": "0199a0b0-c0d0-7000-8000-00000000000b",
        "columns": [{"name": name, "type": "text", "mask": None} for name in columns],
        "rows": rows,
        "row_count": len(rows),
        "affected": None,
        "truncated": truncated,
        "masked": [{"column": "email", "mask": "email", "count": len(rows)}],
        "receipt": RECEIPT,
    }


def queried(rows: list[list[Any]], **changed: Any) -> Any:
    """The answer to a query."""
    truncated = changed.pop("truncated", False)
    columns = changed.pop("columns", ("id", "email"))
    last = {"remaining": {**BUDGETS, "seconds": 60}, "settled": None, "replayed": False}
    return {**statement(rows, truncated=truncated, columns=columns), **last, **changed}


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the API."""

    method: str
    path: str
    body: Any
    raw: bytes
    idempotency_key: str | None


@dataclass(slots=True)
class ScriptedApi:
    """Implements `Api`: gives these answers one after the other, and takes down what was asked."""

    answers: list[ApiAnswer | PosternError]
    asked: list[Asked] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: bytes | None = None, *, idempotency_key: str | None = None
    ) -> ApiAnswer:
        self.asked.append(Asked(method, path, json.loads(body or b"null"), body or b"", idempotency_key))
        answer = self.answers.pop(0)
        if isinstance(answer, PosternError):
            raise answer
        return answer


@dataclass(slots=True)
class Site:
    """The server over such an API, asked as the gateway asks it."""

    api: ScriptedApi
    codes: list[str] = field(default_factory=list)
    failures: list[PosternError] = field(default_factory=list)
    markers: Iterable[str] = field(default_factory=lambda: (f"marker{number}" for number in itertools.count(1)))

    @classmethod
    def answering(cls, *answers: ApiAnswer | PosternError) -> Site:
        return cls(ScriptedApi(list(answers)))

    @property
    def surroundings(self) -> Surroundings:
        markers = iter(self.markers)
        return Surroundings(self.api, CONSOLE, lambda: next(markers))

    def post(self, body: object, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The answer to a POST of these bytes, or of this value as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask(event(raw, headers))

    def ask(self, given: dict[str, Any]) -> dict[str, Any]:
        answer = respond(given, ORIGIN, Caller(self.surroundings, self.codes.append, self.failures.append))
        return {**answer, "json": json.loads(answer["body"]) if answer["body"] else None}

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool."""
        answer = self.post(request("tools/call", {"name": tool, "arguments": arguments}))
        assert answer["statusCode"] == 200, answer["body"]
        result: dict[str, Any] = answer["json"]["result"]
        return result


def request(method: str, params: Any = None, *, known_as: Any = 1) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": known_as, "method": method}
    return message if params is None else {**message, "params": params}


def per_request(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of 2026-07-28, body and headers."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    return request(method, {"_meta": meta, **params}), headers


def event(body: bytes | None, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> dict[str, Any]:
    """As API Gateway's proxy integration makes it."""
    sent = {**JSON_HEADERS, "Authorization": f"Bearer {TOKEN}", **(headers or {})}
    return {
        "httpMethod": method,
        "resource": "/mcp",
        "path": "/mcp",
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "pathParameters": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "body": None if body is None else body.decode(errors="replace"),
        "isBase64Encoded": False,
        "requestContext": {
            "authorizer": {"principal": format_principal(AGENT)},
            "apiId": "abc123",
            "stage": "live",
            "domainName": "attacker.example",
            "requestId": "7c1e0f0a-8b1d-4c55-9d3e-0b8f6a2d4e91",
        },
    }


def ok(body: Any, status: int = 200) -> ApiAnswer:
    return ApiAnswer(status, body)


def problem(code: str, status: int = 403, *, detail: str = "expected X, got Y", **more: Any) -> ApiAnswer:
    wait = more.pop("retry_after_s", None)
    body = {"type": f"urn:postern:error:{code}", "title": "No", "status": status, "code": code, "detail": detail}
    return ApiAnswer(status, {**body, **more}, wait)
