"""The loopback server takes a request only when it means one thing, and never hangs on one that does not."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from postern_local.failure import StackFailure
from postern_local.loopback import LoopbackServer, Request, Response, Service, reserve
from tests.support.stack import call, send_raw


def _describe(request: Request) -> Response:
    text = f"{request.method} {request.target} {len(request.body)} {request.header('X-Sent')}"
    return Response(200, (("Content-Type", "text/plain"),), text.encode())


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    service = Service(
        _describe, lambda status: Response(status, body=b"refused"), max_head_bytes=2000, max_body_bytes=1000
    )
    running = LoopbackServer.start(service)
    yield running
    running.stop()


def test_hands_over_a_whole_request(server: LoopbackServer) -> None:
    answer = call(f"{server.url}/a?b=c", "PUT", b"12345", {"X-Sent": "yes"})

    assert (answer.status, answer.body) == (200, b"PUT /a?b=c 5 yes")


def test_keeps_the_connection_for_the_next_request(server: LoopbackServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    sockets = []
    for _ in range(3):
        connection.request("POST", "/", b"x")
        assert connection.getresponse().read() == b"POST / 1 None"
        sockets.append(connection.sock)
    connection.close()

    assert sockets[0] is not None
    assert len(set(map(id, sockets))) == 1


HOST = b"Host: here\r\n"
REFUSED = {
    "two lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 5\r\n\r\nabcde", 400),
    "two equal lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "lengths in a list": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\na", 400),
    "negative length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "signed length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na", 400),
    "length with an underscore": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1_0\r\n\r\n0123456789", 400),
    "length in other digits": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: \xb2\r\n\r\n12", 400),
    "transfer coding": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    "transfer coding and length": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        411,
    ),
    "space before the colon": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 1\r\n\r\na", 400),
    "folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X-Sent: a\r\n b\r\n\r\n", 400),
    "header without a colon": (b"GET / HTTP/1.1\r\n" + HOST + b"nonsense\r\nX-Sent: a\r\n\r\n", 400),
    "line of a mailbox": (b"GET / HTTP/1.1\r\nFrom here to there\r\n" + HOST + b"\r\n", 400),
    "header without a name": (b"GET / HTTP/1.1\r\n" + HOST + b": a\r\n\r\n", 400),
    "NUL in a value": (b"GET / HTTP/1.1\r\n" + HOST + b"X-Sent: a\x00b\r\n\r\n", 400),
    "bare CR in a value": (b"GET / HTTP/1.1\r\n" + HOST + b"X-Sent: a\rb\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "absolute target": (b"GET http://elsewhere/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target without a slash": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target in raw bytes": (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "old protocol": (b"GET /\r\n\r\n", 400),
    "unknown protocol": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "no protocol": (b"GET / FTP\r\n" + HOST + b"\r\n", 400),
    "too many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 200 + b"\r\n", 431),
    "head too large": (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 2000 + b"\r\n\r\n", 431),
    "line too long": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "body too large": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1001\r\n\r\n" + b"a" * 1001, 413),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_and_closes(case: str, server: LoopbackServer) -> None:
    """What follows on the connection is never read as a request: two answers would mean it was."""
    data, status = REFUSED[case]

    received = send_raw(server.url, data + b"GET /second HTTP/1.1\r\nHost: here\r\n\r\n")

    assert received.startswith(b"HTTP/1.1 %d " % status), received
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.endswith(b"refused")


def test_refuses_a_body_cut_short(server: LoopbackServer) -> None:
    received = send_raw(server.url, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nabc")

    assert received.startswith(b"HTTP/1.1 400 ")


def test_a_body_at_the_bound_is_taken(server: LoopbackServer) -> None:
    assert call(server.url, "POST", b"a" * 1000).body == b"POST / 1000 None"


def test_says_continue_only_where_it_takes_the_body(server: LoopbackServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"

    assert send_raw(server.url, head % 3 + b"abc").startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert send_raw(server.url, head % 1001).startswith(b"HTTP/1.1 413")


def test_answers_head_without_a_body(server: LoopbackServer) -> None:
    received = send_raw(server.url, b"HEAD /a HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")

    assert b"Content-Length: 14\r\n" in received
    assert received.endswith(b"\r\n\r\n")


def test_one_silent_client_does_not_hold_up_another(server: LoopbackServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert call(server.url).status == 200


def test_small_answers_do_not_wait_for_acknowledgements(server: LoopbackServer) -> None:
    """Each would take 44 ms."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    started = time.monotonic()
    for _ in range(50):
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.close()

    assert time.monotonic() - started < 50 * 0.04


def test_a_port_in_use_is_one_clear_line(server: LoopbackServer) -> None:
    with pytest.raises(StackFailure, match=f"port {server.port}: expected a free one"):
        LoopbackServer.start(Service(_describe), port=server.port)


def test_stops_at_once_with_connections_open() -> None:
    running = LoopbackServer.start(Service(_describe))
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=5)
    connection.request("GET", "/")
    connection.getresponse().read()
    kept = connection.sock
    started = time.monotonic()

    running.stop()
    running.stop()

    assert time.monotonic() - started < 5
    assert kept.recv(1) == b""
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=5)


def test_a_reserved_port_is_taken_and_whoever_comes_early_waits_for_its_server() -> None:
    reserved = reserve(0)
    port = reserved.getsockname()[1]

    with pytest.raises(StackFailure, match="expected a free one"):
        reserve(port)
    early = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    early.request("GET", "/x")
    running = LoopbackServer.start(Service(_describe), reserved=reserved)
    try:
        assert (running.port, early.getresponse().status) == (port, 200)
    finally:
        running.stop()
