"""JSON-RPC 2.0 as MCP uses it: bytes to messages and back. Pure, strict and bounded.

A message that cannot be told from another reading of the same bytes is refused: a name twice, more than 32 levels, text
that is no Unicode, NaN. Numbers keep every digit, since a statement's parameters are among them. An id is a text or a
whole number; null, which JSON-RPC leaves to who cannot tell the id, and fractions are refused as MCP has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from postern.identity.strict_json import NotStrictJsonError, parse_value

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

MAX_BATCH = 10  # messages: each may be a statement, and all of them share the time of one request
_MAX_ID_CHARACTERS = 200
_MAX_ID = 2**63

Id = str | int
Params = Mapping[str, Any]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class RpcError(Exception):
    """Raised when a message cannot be answered with a result. The message quotes nothing that was sent."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class Request:
    """Wants an answer."""

    id: Id
    method: str
    params: Params


@dataclass(frozen=True, slots=True)
class Notice:
    """Wants none: a notification, or an answer to a question that was never asked."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Is no message; `id` is null where even that could not be told."""

    id: Id | None
    error: RpcError


Message = Request | Notice | Malformed


@dataclass(frozen=True, slots=True)
class Posted:
    """What one body holds."""

    messages: tuple[Message, ...]
    is_batch: bool


def parse_posted(body: bytes) -> Posted:
    """Raises `RpcError` where the body as a whole is wrong; a message that is wrong is one of the messages."""
    try:
        value = parse_value(body, fractions=Decimal)
    except (NotStrictJsonError, ArithmeticError):
        raise RpcError(PARSE_ERROR, "body: expected strict JSON (each name once, at most 32 levels)") from None
    if not isinstance(value, list):
        return Posted((_message(value),), is_batch=False)
    if not 1 <= len(value) <= MAX_BATCH:
        raise RpcError(INVALID_REQUEST, f"batch: expected 1 to {MAX_BATCH} messages, got {len(value)}")
    return Posted(tuple(_message(one) for one in value), is_batch=True)


def _message(value: object) -> Message:
    if not isinstance(value, dict):
        return _malformed(None, "message: expected an object, got another value")
    said_id = value.get("id")
    known_id = said_id if _is_id(said_id) else None
    if value.get("jsonrpc") != "2.0":
        return _malformed(known_id, 'jsonrpc: expected "2.0", got another value')
    if "method" not in value:
        return _answer_of_theirs(value, known_id)
    method, params = value["method"], value.get("params", {})
    if not isinstance(method, str):
        return _malformed(known_id, "method: expected a text, got another value")
    if "id" not in value:
        return Notice()
    if known_id is None:
        return _malformed(None, "id: expected a text of at most 200 characters or a whole number, got another value")
    if not isinstance(params, dict):
        return _malformed(known_id, "params: expected an object, got another value")
    return Request(known_id, method, params)


def _answer_of_theirs(value: Mapping[str, Any], known_id: Id | None) -> Message:
    """Nothing is ever asked of a client, so an answer of its is taken and dropped."""
    is_answer = ("result" in value) != ("error" in value) and "id" in value
    return Notice() if is_answer else _malformed(known_id, "method: expected one, got none")


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_ID_CHARACTERS
    return isinstance(value, int) and not isinstance(value, bool) and -_MAX_ID <= value < _MAX_ID


def _malformed(known_id: Id | None, message: str) -> Malformed:
    return Malformed(known_id, RpcError(INVALID_REQUEST, message))


def result_of(request: Request, result: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request.id, "result": result}


def error_of(known_id: Id | None, error: RpcError) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    return {"jsonrpc": "2.0", "id": known_id, "error": told}


def encode(value: object) -> bytes:
    """JSON bytes; a `Decimal` is the number that it was read from."""
    return _ENCODER.encode(value)
