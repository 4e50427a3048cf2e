"""Streamable HTTP without sessions: what is asked of a request before a message is read, and how messages are answered.

One POST, one JSON answer. There are no sessions to be named, ended or resumed, and nothing is ever sent unasked, so GET
and DELETE are not allowed and no event stream is offered, which the protocol leaves to a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from postern.edges import http
from postern.edges.mcp import revisions
from postern.edges.mcp.envelope import check_envelope
from postern.edges.mcp.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    Malformed,
    Message,
    Notice,
    Posted,
    Request,
    RpcError,
    encode,
    error_of,
    parse_posted,
    result_of,
)
from postern.edges.mcp.methods import Caller, result_for
from postern.errors import BadRequest

# What a body or its headers are at fault for; of the newer revisions also what a request is (their table of statuses).
_STATUS = {PARSE_ERROR: 400, INVALID_REQUEST: 400, HEADER_MISMATCH: 400, UNSUPPORTED_VERSION: 400}
_STATUS_PER_REQUEST = {**_STATUS, INVALID_PARAMS: 400, METHOD_NOT_FOUND: 404}
_ANY_JSON = frozenset({"application/json", "application/*", "*/*"})


class Refused(Exception):
    """Raised when HTTP alone says no; the body is a JSON-RPC error without an id."""

    def __init__(self, status: int, error: RpcError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = headers or {}


def respond(event: http.Event, own_origin: str, caller: Caller) -> http.Response:
    """The answer to one request over HTTP, whatever it holds."""
    try:
        revision = _checked(event, own_origin)
        posted = _posted(event, revision)
    except Refused as refused:
        return http.answer(refused.status, encode(error_of(None, refused.error)), refused.headers)
    if not posted.is_batch:
        return _single(posted.messages[0], event, revision, caller)
    answers = [one for one in _answers(posted.messages, event, revision, caller) if one is not None]
    return http.answer(200, encode(answers)) if answers else _accepted()


def _checked(event: http.Event, own_origin: str) -> str:
    """The revision that the request is of. Raises `Refused`."""
    if event.get("httpMethod") != "POST":
        raise Refused(
            405, _invalid("method: expected POST, since there are no sessions and no streams"), {"Allow": "POST"}
        )
    origin = _header(event, "Origin")
    if origin is not None and origin != own_origin:
        # A page of another site that has a person's browser ask: browsers say where a page is from.
        raise Refused(403, _invalid("Origin: expected this gate's own or none, got another"))
    media_type = (_header(event, "Content-Type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(415, _invalid("Content-Type: expected application/json, got another"))
    accepted = _header(event, "Accept")
    if accepted is not None and not _ANY_JSON & set(_media_types(accepted)):
        raise Refused(406, _invalid("Accept: expected application/json among others, got none"))
    return _revision(event)


def _revision(event: http.Event) -> str:
    said = _header(event, revisions.VERSION_HEADER)
    if said is None:
        return revisions.WITHOUT_HEADER
    if said not in revisions.SPOKEN:
        data = {"supported": list(revisions.SPOKEN), "requested": said[:100]}
        raise Refused(400, RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", data))
    return said


def _posted(event: http.Event, revision: str) -> Posted:
    try:
        body = http.raw_body(event)
    except BadRequest as error:
        is_long = len(event.get("body") or "") > http.MAX_BODY_BYTES
        raise Refused(413 if is_long else 400, _invalid(error.detail)) from error
    try:
        posted = parse_posted(body)
    except RpcError as error:
        raise Refused(400, error) from error
    if posted.is_batch and revision not in revisions.WITH_BATCHES:
        raise Refused(400, _invalid(f"body: expected one message, since {revision} has no batches, got several"))
    return posted


def _single(message: Message, event: http.Event, revision: str, caller: Caller) -> http.Response:
    answer = _answer(message, event, revision, caller)
    if answer is None:
        return _accepted()
    table = _STATUS_PER_REQUEST if revision in revisions.PER_REQUEST else _STATUS
    status = table.get(answer["error"]["code"], 200) if "error" in answer else 200
    return http.answer(status, encode(answer))


def _answers(
    messages: Iterable[Message], event: http.Event, revision: str, caller: Caller
) -> Iterable[dict[str, Any] | None]:
    for message in messages:
        if isinstance(message, Request) and message.method == "initialize":
            yield error_of(message.id, _invalid("initialize: expected it by itself, got it in a batch"))
        else:
            yield _answer(message, event, revision, caller)


def _answer(message: Message, event: http.Event, revision: str, caller: Caller) -> dict[str, Any] | None:
    match message:
        case Notice():
            return None
        case Malformed():
            return error_of(message.id, message.error)
        case Request():
            try:
                if revision in revisions.PER_REQUEST:
                    check_envelope(message, event, revision)
                return result_of(message, result_for(message, revision, caller))
            except RpcError as error:
                return error_of(message.id, error)


def _accepted() -> http.Response:
    return http.answer(202, b"")


def _header(event: http.Event, name: str) -> str | None:
    try:
        return http.header(event, name)
    except BadRequest as error:
        raise Refused(400, RpcError(HEADER_MISMATCH, error.detail)) from error


def _media_types(accepted: str) -> list[str]:
    return [one.partition(";")[0].strip().lower() for one in accepted.split(",")]


def _invalid(message: str) -> RpcError:
    return RpcError(INVALID_REQUEST, message)
