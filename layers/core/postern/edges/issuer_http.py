"""One bounded GET from an issuer: the only thing that the authorizer asks of the network.

No redirect is followed, no proxy of the environment is used, and the body has a bound. The time bound
covers everything, names and handshakes too, which socket timeouts do not: so the work is done in a thread
that is left to die when its time is up.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar
from urllib.parse import urlsplit

from postern.errors import IssuerUnavailable

MAX_BODY_BYTES = 256 * 1024
TIME_S = 3.0

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


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=TIME_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=TIME_S)


def _unavailable(url: str, detail: str) -> IssuerUnavailable:
    return IssuerUnavailable("issuer.unavailable", f"{url}: {detail}")
