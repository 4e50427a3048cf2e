"""HTTP as API Gateway's proxy integration speaks it: events in, answers and problem bodies out.

The one place where a domain error gets a status. Problem bodies are RFC 9457.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from postern.errors import (
    CODES,
    BadRequest,
    BudgetExceeded,
    Conflict,
    DatabaseHeld,
    IntegrityError,
    NotFound,
    OutcomeUnknown,
    PosternError,
    RefusedByPolicy,
    StatementFailed,
    TooLarge,
    Unauthenticated,
    Unprocessable,
    UpstreamError,
)

Event = Mapping[str, Any]
Response = dict[str, Any]
Body = TypeVar("Body")

MAX_BODY_BYTES = 1_000_000
_LONGEST_NAME = 100  # characters of an id in a path
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,100}")
IDEMPOTENCY_KEY_SCHEMA = {"type": "string", "pattern": f"^{_IDEMPOTENCY_KEY.pattern}$"}  # for the API's description

# By class, the most special first: the first that fits is taken.
_STATUS: tuple[tuple[type[PosternError], int, str], ...] = (
    (BadRequest, 400, "Bad Request"),
    (Unauthenticated, 401, "Unauthorized"),
    (RefusedByPolicy, 403, "Forbidden"),
    (NotFound, 404, "Not Found"),
    (Conflict, 409, "Conflict"),
    (TooLarge, 413, "Content Too Large"),
    (Unprocessable, 422, "Unprocessable Content"),
    (BudgetExceeded, 429, "Too Many Requests"),
    (UpstreamError, 503, "Service Unavailable"),
    (IntegrityError, 500, "Internal Server Error"),
)
RETRY_AFTER_S = 2


def answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer. Nothing that Postern answers may be kept by a cache."""
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    return answer(status, msgspec.json.encode(value), headers)


def problem(error: PosternError, headers: Mapping[str, str] | None = None) -> Response:
    """The error as a problem body, with what the caller needs to do better."""
    status, title = next(
        ((status, title) for kind, status, title in _STATUS if isinstance(error, kind)), (500, "Internal Server Error")
    )
    body: dict[str, object] = {
        "type": f"urn:postern:error:{error.code}",
        "title": title,
        "status": status,
        "code": error.code,
        # Why a token did not hold is for our log: its sender learns the code and what it means.
        "detail": CODES.get(error.code, "") if isinstance(error, Unauthenticated) else error.detail,
    }
    if error.command_id is not None:
        body["command_id"] = error.command_id
    if isinstance(error, RefusedByPolicy) and error.refusals:
        body["refusals"] = [{"what": one.what, "code": one.code, "reason": one.reason} for one in error.refusals]
    if isinstance(error, StatementFailed):
        body["sqlstate"] = error.sqlstate
    position = getattr(error, "position", None)
    if position is not None:
        body["position"] = position
    extra = {"Content-Type": "application/problem+json", **(headers or {})}
    if status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    # A client that repeats by itself must not repeat a write whose fate is unknown.
    if isinstance(error, UpstreamError) and not isinstance(error, OutcomeUnknown):
        extra["Retry-After"] = str(error.retry_after_s if isinstance(error, DatabaseHeld) else RETRY_AFTER_S)
    if isinstance(error, BudgetExceeded) and error.retry_after_s is not None:
        extra["Retry-After"] = str(error.retry_after_s)
    return answer(status, msgspec.json.encode(body), extra)


def fault(headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a fault of ours: it tells nothing, the log tells all."""
    return problem(PosternError("internal", "a fault of ours: try again, and tell an operator if it stays"), headers)


def authorizer_context(event: Event) -> str:
    """The principal as the authorizer passed it on. Raises `Unauthenticated` where it is absent."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    context = authorizer.get("principal")
    if not isinstance(context, str) or not context:
        raise Unauthenticated("token.missing", "authorizer context: expected a principal, got none")
    return context


def header(event: Event, name: str) -> str | None:
    """A header's one value, its name in any case. Raises `BadRequest` where it was sent twice."""
    wanted = name.lower()
    values = [
        value
        for sent, all_values in (event.get("multiValueHeaders") or {}).items()
        if sent.lower() == wanted
        for value in all_values
    ]
    if len(values) > 1:
        raise BadRequest("request.invalid", f"{name}: expected it once, got it {len(values)} times")
    return values[0] if values else None


def raw_body(event: Event) -> bytes:
    """The body's bytes. Raises `BadRequest` where it is absent or longer than 1 MB."""
    text = event.get("body")
    if not isinstance(text, str) or not text:
        raise BadRequest("request.invalid", "body: expected a JSON object, got nothing")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadRequest("request.invalid", "body: expected UTF-8 text, got something else") from error
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest("request.invalid", f"body: expected at most {MAX_BODY_BYTES} bytes, got {len(body)}")
    return body


def parse_body(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """The body in the shape of the decoder's type. Raises `BadRequest` naming the field that is wrong."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise BadRequest("request.invalid", f"body: {error}") from error


def path_parameter(event: Event, name: str) -> str:
    """The parameter; empty, as no name is, where it is longer than any name: no table takes a key of any length."""
    value = (event.get("pathParameters") or {}).get(name)
    return value if isinstance(value, str) and len(value) <= _LONGEST_NAME else ""


def query_parameter(event: Event, name: str) -> str | None:
    """A query parameter's one value. Raises `BadRequest` where it was sent twice."""
    values = (event.get("multiValueQueryStringParameters") or {}).get(name) or []
    if len(values) > 1:
        raise BadRequest("request.invalid", f"{name}: expected it once, got it {len(values)} times")
    return values[0] if values else None


def idempotency_key(event: Event) -> str | None:
    """The caller's key, where it sent one. Raises `BadRequest` where it is not 1 to 100 visible ASCII characters."""
    key = header(event, "Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequest(
            "request.invalid", "Idempotency-Key: expected 1 to 100 visible ASCII characters, got another form"
        )
    return key
