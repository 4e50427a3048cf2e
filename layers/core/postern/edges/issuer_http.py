"""One bounded GET from an issuer: the only thing that the authorizer asks of the open network.

No redirect is followed, no proxy of the environment is used, nothing is unpacked, and everything that an answer
consists of, its head and the framing of its body too, has one bound in bytes and one in time. Names and
handshakes have none of their own, so the work is done in a thread that is left behind when its time is up; it
ends by itself soon after.

Where to is the configuration's word (the issuer) and the issuer's own (its key set), over https with a certificate
that a public authority vouches for. That is what keeps a hostile answer from reaching a metadata service or a
neighbour: those speak plain http, or have no such certificate for the name that was asked.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar
from urllib.parse import urlsplit

from postern.errors import IssuerUnavailable

MAX_BODY_BYTES = 256 * 1024
TIME_S = 3.0
_MAX_ANSWER_BYTES = MAX_BODY_BYTES + 128 * 1024  # with the head and the framing of a body in small chunks

_T = TypeVar("_T")


def get(url: str) -> bytes:
    """The body of a 200 answer. Raises `IssuerUnavailable` for anything else. The URL was checked by the caller."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise _unavailable(url, f"expected status 200, got {response.status}")
        body = response.read(MAX_BODY_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unavailable(url, f"expected an answer, got {type(error).__name__}") from error
    finally:
        connection.close()
    if len(body) > MAX_BODY_BYTES:
        raise _unavailable(url, f"expected at most {MAX_BODY_BYTES} bytes, got more")
    if response.length:  # a bounded read does not tell by itself that the body was cut short
        raise _unavailable(url, f"expected {response.length} more bytes, got none")
    return body


def within_time(work: Callable[[], _T], *, time_s: float) -> _T:
    """What `work` returns, or `IssuerUnavailable` where it raises that or takes longer than `time_s`."""
    future: Future[_T] = Future()

    def run() -> None:
        # Another exception is a bug: its traceback goes to the log, and the caller's time runs out.
        try:
            future.set_result(work())
        except IssuerUnavailable as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(timeout=time_s)
    except TimeoutError:
        raise IssuerUnavailable("issuer.unavailable", f"issuer: expected an answer in {time_s:g} s, got none") from None


class _BoundedAnswer(io.RawIOBase):
    """What a connection receives, up to a number of bytes and a time. Raises `OSError` past either.

    Below the HTTP parser, since that has bounds for a line and for the number of lines but not for lines of chunks,
    for answers of status 100, or for the time that all of it takes.
    """

    def __init__(self, received: io.BufferedIOBase) -> None:
        self._received = received
        self._left = _MAX_ANSWER_BYTES
        self._until_s = time.monotonic() + TIME_S

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what BufferedReader gives
        if self._left <= 0 or time.monotonic() > self._until_s:
            raise OSError("expected an answer within the bounds, got more")
        read = self._received.readinto1(memoryview(buffer)[: self._left])
        self._left -= read
        return read

    def close(self) -> None:
        self._received.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: object, **kwargs: object) -> None:
        super().__init__(sock, *args, **kwargs)  # type: ignore[arg-type]
        self.fp = io.BufferedReader(_BoundedAnswer(self.fp))


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    connection = (
        http.client.HTTPSConnection(host, port, timeout=TIME_S, context=ssl.create_default_context())
        if scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=TIME_S)
    )
    connection.response_class = _BoundedResponse
    return connection


def _unavailable(url: str, detail: str) -> IssuerUnavailable:
    return IssuerUnavailable("issuer.unavailable", f"{url}: {detail}")
