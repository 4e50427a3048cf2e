"""The API over HTTPS: one kept connection, no redirect, a bounded answer, and a bound in time.

The connection is the execution environment's, and no call leaves anything of its token on it. It is made anew where
the other side closed it in the meantime, which is looked at before anything is sent: a request that went out over a
dead connection could not be told from one that was carried out. The certificate is verified against the system's
authorities; no proxy of the environment is used, and no redirect is followed, so a token reaches this one address and
no other.
"""

from __future__ import annotations

import http.client
import re
import select
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from postern.clock_ports import Clock
from postern.edges.mcp.address import Address
from postern.edges.mcp.api import ApiAnswer
from postern.errors import OutcomeUnknown, UpstreamError
from postern.types import Secret

# An environment is frozen between invocations and may not have heard of a close: by wall time, which goes on meanwhile.
MAX_IDLE_US = 20_000_000
MAX_ANSWER_BYTES = 6_500_000  # a Lambda function's answer may have 6 MB
_LEAST_S = 0.5  # with less time than that, nothing is begun
_JSON = ("application/json", "application/problem+json")
_SECONDS = re.compile(r"[0-9]{1,6}")
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(slots=True)
class KeptConnection:
    """At most one connection to one address."""

    address: Address
    clock: Clock
    _open: http.client.HTTPConnection | None = None
    _used_us: int = 0

    def ready(self, time_s: float) -> http.client.HTTPConnection:
        """The kept one where it still stands, else a new one, connected. Raises `OSError`."""
        now_us = self.clock.now_us()
        kept = self._open
        if kept is not None and (now_us - self._used_us > MAX_IDLE_US or kept.sock is None or _was_closed(kept)):
            self.drop()
            kept = None
        if kept is None:
            kept = self._open = _connect(self.address, time_s)
        kept.sock.settimeout(time_s)
        self._used_us = now_us
        return kept

    def drop(self) -> None:
        """Closes it: after anything that leaves open what comes over it next."""
        if self._open is not None:
            self._open.close()
        self._open = None


def _connect(address: Address, time_s: float) -> http.client.HTTPConnection:
    if address.scheme == "https":
        made: http.client.HTTPConnection = http.client.HTTPSConnection(
            address.host, address.port, timeout=time_s, context=ssl.create_default_context()
        )
    else:
        made = http.client.HTTPConnection(address.host, address.port, timeout=time_s)
    made.connect()
    return made


def _was_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether there is something to read though nothing was asked: the end, or what nobody should believe."""
    readable, _, _ = select.select([connection.sock], [], [], 0)
    return bool(readable)


@dataclass(frozen=True, slots=True)
class HttpsApi:
    """Implements `Api` for one call of MCP."""

    connection: KeptConnection
    token: Secret
    left_s: Callable[[], float]  # of the request that this answers

    def call(
        self, method: str, path: str, body: bytes | None = None, *, idempotency_key: str | None = None
    ) -> ApiAnswer:
        try:
            return self._once(method, path, body, idempotency_key)
        except _NotSent as error:
            raise UpstreamError("api.unavailable", f"API: {error}: nothing was sent, so try again") from error
        except _NoAnswer as error:
            self.connection.drop()
            if method == "GET":
                raise UpstreamError("api.unavailable", f"API: {error}: try again") from error
            raise OutcomeUnknown("outcome.unknown", f"API: {error}: what was asked for may have happened") from error

    def _once(self, method: str, path: str, body: bytes | None, idempotency_key: str | None) -> ApiAnswer:
        time_s = self.left_s()
        if time_s < _LEAST_S:
            raise _NotSent(f"expected {_LEAST_S} s or more to be left, got less")
        try:
            connection = self.connection.ready(time_s)
        except OSError as error:
            self.connection.drop()
            raise _NotSent(f"expected a connection, got {type(error).__name__}") from error
        try:
            connection.request(method, self.connection.address.path + path, body, self._headers(idempotency_key))
            response = connection.getresponse()
            return _read(response)
        except (OSError, http.client.HTTPException) as error:
            raise _NoAnswer(f"expected an answer, got {type(error).__name__}") from error

    def _headers(self, idempotency_key: str | None) -> Mapping[str, str]:
        headers = {
            "Authorization": f"Bearer {self.token.reveal()}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        return headers if idempotency_key is None else headers | {"Idempotency-Key": idempotency_key}


class _NotSent(Exception):
    """Raised when nothing left this process."""


class _NoAnswer(Exception):
    """Raised when something was sent and what came back is no answer of the API's."""


def _read(response: http.client.HTTPResponse) -> ApiAnswer:
    media_type = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if 300 <= response.status < 400 or response.status < 200 or media_type not in _JSON:
        raise _NoAnswer(f"expected JSON, got status {response.status} and another type")
    body = response.read(MAX_ANSWER_BYTES + 1)
    if len(body) > MAX_ANSWER_BYTES or response.length:
        raise _NoAnswer("expected a whole answer of bounded length, got another")
    try:
        decoded = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        # Without `from`: the error may quote the body, which is somebody's rows.
        raise _NoAnswer(f"expected a JSON object, got status {response.status} and another body") from None
    wait = (response.headers.get("Retry-After") or "").strip()
    return ApiAnswer(response.status, decoded, int(wait) if _SECONDS.fullmatch(wait) else None)
