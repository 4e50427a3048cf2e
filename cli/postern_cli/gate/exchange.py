"""One request over HTTP and its answer, bounded in bytes and time; what goes wrong is a line that says what to do.

A redirect is an answer like any other, so that what is secret in a request goes nowhere else. The system's certificate
authorities are believed, or those of SSL_CERT_FILE.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult

from postern_cli.stop import Exit, Stop

TIMEOUT_S = 35.0  # of connecting and of each read; the gateway gives up after 29
DEADLINE_S = 90.0  # of the whole answer
MAX_ANSWER_BYTES = 10_000_000
_PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The body's value. Raises ValueError (or RecursionError) for what is no JSON."""
        return json.loads(self.body)


def exchange(
    method: str, url: SplitResult, *, headers: Mapping[str, str] | None = None, payload: bytes | None = None
) -> Reply:
    """The answer to one request, which is sent once. Raises `Stop` (cannot tell) where none came."""
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=TIMEOUT_S)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        raise Stop(Exit.UNKNOWN, f"{url.netloc}: expected an answer, got {_unconnected(error)}") from error
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request(method, target, body=payload, headers={"Accept": "application/json", **(headers or {})})
        answer = connection.getresponse()
        body = _read(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        repeat = "try again" if method == "GET" else "look what stands before you repeat it"
        raise Stop(Exit.UNKNOWN, f"{url.netloc}: expected an answer, got {_broken(error)}; {repeat}") from error
    finally:
        connection.close()
    return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)


def _read(answer: http.client.HTTPResponse) -> bytes:
    until = time.monotonic() + DEADLINE_S
    body = bytearray()
    while piece := answer.read1(_PIECE_BYTES):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError("one longer than any of ours")
        if time.monotonic() > until:
            raise TimeoutError
    if answer.length:  # http.client tells of a body that was cut off only where all is read at once
        raise ValueError("a part of one")
    return bytes(body)


def _unconnected(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or "not valid"
        return f"a certificate that does not hold ({why}); SSL_CERT_FILE names authorities of your own"
    if isinstance(error, ssl.SSLError):
        return "no TLS; is this the right port?"
    if isinstance(error, socket.gaierror):
        return "no such host; check the address, and the network"
    if isinstance(error, TimeoutError):
        return "no connection in time; check the address, and the network"
    return f"no connection ({error.strerror or type(error).__name__}); check the address, and the network"


def _broken(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "none in time"
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        return str(error)
    if isinstance(error, http.client.IncompleteRead):
        return "a part of one"
    return f"a connection that broke ({type(error).__name__})"
