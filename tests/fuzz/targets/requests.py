"""What callers of the API send, as API Gateway hands it on: bodies, parameters, headers, names in paths."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from postern.audit.record_query import Place
from postern.edges import http, record_requests, revocation_contract, task_requests
from postern.edges.mcp.paging import cursor_after, digest, parse_cursor
from postern.edges.sqs_events import parse_messages
from postern.edges.statement_routes import route_of
from postern.errors import BadRequest, PosternError
from postern.values import to_parameters
from tests.fuzz.json_mutation import mutated_json
from tests.fuzz.mutation import mutated_text
from tests.fuzz.target import Target, Wrong
from tests.support.domain import AGENT, TASK_ID

_LOG = "prod-2026"
_SEARCH = record_requests.record_query({}, _LOG)
_CURSOR = record_requests.format_cursor(Place(9, 3), _SEARCH, AGENT)
_PAGE = cursor_after([[1, "a"]], digest("asked"))
_JSON = (
    b'"database":',
    b'"access":[]',
    b'"lookup":',
    b'"value":',
    b'"params":[',
    b'"max_rows":',
    b"1e400",
    b"-0.0",
    b"1E+9",
)


def _encoded(*bodies: object) -> list[bytes]:
    return [json.dumps(body).encode() for body in bodies]


OPENING = _encoded(
    {
        "database": "shop",
        "purpose": "why",
        "access": [{"tables": ["orders"], "actions": ["select"], "columns": ["id"]}],
    },
    {"database": "shop", "purpose": "why", "statements": [{"sql": "UPDATE a SET b = 1"}], "ttl_s": 60},
)
_QUERY = _encoded(
    {"sql": "SELECT $1", "params": [1.10, None, [1, ["a"]], {"a": {"b": [1]}}], "max_rows": 3},
    {"sql": "SELECT 1", "params": [{"lookup": "pii.email", "value": "ann@example.com"}]},
    {"statements": [{"sql": "SELECT 1"}, {"sql": "DELETE FROM a", "params": ["x"]}]},
)
_WORD = _encoded({"decision": "approve", "comment": "seen", "scope_digest": "a" * 64})
REVOCATION = _encoded(
    {"reason": "left", "principal": "ci|x", "expires_s": 60}, {"reason": "r", "database": "a", "hold": True}
)


def _sent(take: Callable[[http.Event], object]) -> Callable[[bytes], None]:
    """Takes a body as the gateway hands it on: as text, or in base64 where it is none."""

    def run(body: bytes) -> None:
        try:
            event: dict[str, Any] = {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            event = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        _answered(lambda: take(event))

    return run


def _answered(call: Callable[[], object]) -> None:
    """What is refused can be answered: as one problem, in UTF-8, below 500."""
    try:
        call()
    except PosternError as error:
        answer = http.problem(error)
        answer["body"].encode()
        if not 400 <= answer["statusCode"] < 500:
            raise Wrong(f"status: expected a caller's error, got {answer['statusCode']}") from error
        raise


def _statements(resource: str) -> Callable[[http.Event], object]:
    def take(event: http.Event) -> object:
        event = {**event, "resource": resource, "pathParameters": {"id": TASK_ID}}
        return route_of(event).call(event)

    return take


def _revocation(event: http.Event) -> object:
    return revocation_contract.revoked_of(http.parse_body(http.raw_body(event), revocation_contract.REVOCATION))


def _listing(text: str) -> None:
    """A query string, taken apart as the gateway does."""
    parameters: dict[str, list[str]] = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True, errors="replace"):
        parameters.setdefault(name, []).append(value)
    event = {"multiValueQueryStringParameters": parameters or None}
    for take in (_searched, task_requests.listed, task_requests.after):
        try:
            _answered(lambda take=take: take(event))  # type: ignore[misc]
        except BadRequest:
            continue


def _searched(event: http.Event) -> object:
    query = record_requests.record_query(event, _LOG)
    return record_requests.place(event, query, AGENT), record_requests.limit(event)


def _headers(given: list[list[str]]) -> None:
    """Headers and a name in a path, whatever they hold."""
    event = {
        "multiValueHeaders": {name: [value, *values] for name, value, *values in given},
        "pathParameters": {"id": given[0][1]} if given else None,
    }
    http.path_parameter(event, "id")
    task_requests.task_id(event)
    _answered(lambda: http.idempotency_key(event))


def _parameters(values: list[Any]) -> None:
    for one in to_parameters(values):
        if one.text is not None and ("\0" in one.text or (not one.text.isprintable() and one.text.encode() is None)):
            raise Wrong("parameter: expected text that the protocol can carry, got other text")


def _page(text: str) -> None:
    parse_cursor(text, digest("asked"))


def _messages(text: str) -> None:
    """A queue's message never stops the queue: what cannot be read is counted."""
    parse_messages({"Records": [{"messageId": "m", "body": text}]}, "bucket")


_NAMES = st.sampled_from(["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY", "Authorization", "X-Note", ""])
_VALUES = st.one_of(st.text(max_size=120), st.sampled_from(["", " ", "k" * 101, "é", "a\r\nb: c", "\ud800"]))
_PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.just("\0"), st.just("\ud800")
)
_NESTED = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
_QUERIES = [
    "task=0199a0b0c0d07000800000000000000a&order=asc&limit=10&from=2026-11-22T10:00:00Z&to=2026-11-23T10:00:00Z",
    f"cursor={_CURSOR}",
    "state=live&cursor=0199a0b0c0d07000800000000000000a",
    "table=public.orders&kind=statement&code=guard.column&log=prod-2025&principal=ci%7Cx",
]
_EVENT = json.dumps({"Records": [{"s3": {"bucket": {"name": "bucket"}, "object": {"key": "wal/v1/a+b%2B"}}}]})
_ALL = (BadRequest,)
TARGETS = (
    Target("request opening", mutated_json(OPENING, tokens=_JSON), _sent(task_requests.opening), _ALL),
    Target("request query", mutated_json(_QUERY, tokens=_JSON), _sent(_statements("/v1/tasks/{id}/query")), _ALL),
    Target(
        "request transaction",
        mutated_json(_QUERY, tokens=_JSON),
        _sent(_statements("/v1/tasks/{id}/transaction")),
        _ALL,
    ),
    Target("request word", mutated_json(_WORD, tokens=_JSON), _sent(task_requests.said), _ALL),
    Target("request revocation", mutated_json(REVOCATION, tokens=_JSON), _sent(_revocation), _ALL),
    Target(
        "request list",
        mutated_text(_QUERIES, tokens=("&", "=", "%", "+", "cursor=", "limit=", _CURSOR)),
        _listing,
        _ALL,
    ),
    Target("request headers", st.lists(st.tuples(_NAMES, _VALUES).map(list), max_size=3), _headers, _ALL),
    Target("request parameters", st.lists(_NESTED, max_size=4), _parameters, _ALL),
    Target("request page", mutated_text([_PAGE], tokens=("=", "-", "_", "+", "/")), _page, _ALL),
    Target(
        "queue message",
        mutated_json([_EVENT.encode()], tokens=(b"%", b"+", b"%zz")).map(lambda data: data.decode(errors="replace")),
        _messages,
    ),
)
