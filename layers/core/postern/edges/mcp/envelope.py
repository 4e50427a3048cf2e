"""What each request of a revision without sessions says of itself (2026-07-28), in its headers and in `_meta`. Pure.

The headers say again what the body says, for gateways that route by them; a request whose two sayings differ means one
thing to them and another to us, so it is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

from postern.edges import http
from postern.edges.mcp.jsonrpc import HEADER_MISMATCH, INVALID_PARAMS, Request, RpcError
from postern.edges.mcp.revisions import VERSION_HEADER
from postern.errors import BadRequest

_PREFIX = "io.modelcontextprotocol/"
VERSION, CAPABILITIES = f"{_PREFIX}protocolVersion", f"{_PREFIX}clientCapabilities"
SERVER_INFO = f"{_PREFIX}serverInfo"
METHOD_HEADER, NAME_HEADER = "Mcp-Method", "Mcp-Name"
_NAMED = {"tools/call": "name"}  # of the methods that are here: the parameter that the header repeats
_ENCODED = re.compile(r"=\?base64\?([A-Za-z0-9+/=]*)\?=")


def check_envelope(request: Request, event: http.Event, revision: str) -> None:
    """Raises `RpcError` where the request does not say what it must, or says two things."""
    meta = request.params.get("_meta")
    if not isinstance(meta, Mapping) or VERSION not in meta or CAPABILITIES not in meta:
        raise RpcError(INVALID_PARAMS, f"_meta: expected an object with {VERSION} and {CAPABILITIES}")
    if meta[VERSION] != revision:
        raise _mismatch(VERSION_HEADER, VERSION)
    if _header(event, METHOD_HEADER) != request.method:
        raise _mismatch(METHOD_HEADER, "method")
    named = _NAMED.get(request.method)
    if named is not None and _plain(_header(event, NAME_HEADER)) != request.params.get(named):
        raise _mismatch(NAME_HEADER, f"params.{named}")


def _header(event: http.Event, name: str) -> str | None:
    try:
        return http.header(event, name)
    except BadRequest as error:
        raise RpcError(HEADER_MISMATCH, error.detail) from error


def _plain(value: str | None) -> str | None:
    """What a header stands for: clients write what is not printable ASCII in base64. None where it is not its form."""
    found = None if value is None else _ENCODED.fullmatch(value)
    if found is None:
        return value
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _mismatch(header: str, member: str) -> RpcError:
    return RpcError(HEADER_MISMATCH, f"{header}: expected what the body says as {member}, got another value")
