"""The API over HTTPS: one address, one kept connection, bounded answers, and a truth about what may have happened."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Callable, Iterable, Iterator

import pytest

from postern.edges.mcp.address import parse_address
from postern.edges.mcp.https_api import MAX_ANSWER_BYTES, MAX_IDLE_US, HttpsApi, KeptConnection
from postern.errors import OutcomeUnknown, UpstreamError
from postern.types import Secret
from postern_local.loopback import LoopbackServer, Request, Response, Service
from tests.support.fake_clock import FakeClock
from tests.support.hostile_server import hostile_server
from tests.support.issuer_server import issuer_server
from tests.support.mcp import TOKEN
from tests.support.tls import self_signed

JSON = (("Content-Type", "application/json"),)


@contextlib.contextmanager
def serving(answer: Callable[[Request], Response]) -> Iterator[tuple[HttpsApi, KeptConnection, FakeClock]]:
    server = LoopbackServer.start(Service(answer))
    try:
        yield connected(server.url)
    finally:
        server.stop()


def connected(url: str, *, left_s: float = 5.0) -> tuple[HttpsApi, KeptConnection, FakeClock]:
    clock = FakeClock()
    kept = KeptConnection(parse_address(url), clock)
    return HttpsApi(kept, Secret(TOKEN), lambda: left_s), kept, clock


def test_sends_the_callers_token_and_nothing_else_of_the_callers() -> None:
    seen: list[Request] = []
    with serving(lambda request: seen.append(request) or Response(200, JSON, b'{"a": 1.10}')) as (api, _, _):  # type: ignore[func-returns-value]
        answer = api.call("POST", "/v1/tasks", b"{}", idempotency_key="k")
    assert (answer.status, str(answer.body["a"])) == (200, "1.10")
    [request] = seen
    assert (request.method, request.target, request.body) == ("POST", "/v1/tasks", b"{}")
    headers = {name.lower(): value for name, value in request.headers}
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["idempotency-key"] == "k"
    assert headers.keys() == {
        *("host", "accept-encoding", "content-length", "authorization", "accept", "content-type", "idempotency-key")
    }


def test_keeps_one_connection_and_none_that_was_idle_for_long() -> None:
    with serving(lambda _: Response(200, JSON, b"{}")) as (api, kept, clock):
        api.call("GET", "/a")
        first = kept.ready(1).sock
        api.call("GET", "/b")
        assert kept.ready(1).sock is first
        clock.at_us += MAX_IDLE_US + 1
        assert kept.ready(1).sock is not first


def test_looks_whether_the_other_side_has_closed_before_it_sends() -> None:
    """Nor does it believe an answer that comes before it has asked: either way the next call has a new connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _, kept, _ = connected(f"http://127.0.0.1:{listening.getsockname()[1]}")
        for unasked in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
            first = kept.ready(1)
            accepted, _ = listening.accept()
            accepted.sendall(unasked)
            accepted.shutdown(socket.SHUT_WR)
            assert kept.ready(1) is not first
            accepted.close()
            listening.accept()[0].close()
            kept.drop()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(status: int) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.target)
        return Response(status, (*JSON, ("Location", "/elsewhere")), b"{}")

    with serving(answer) as (api, _, _), pytest.raises(UpstreamError):
        api.call("GET", "/v1/tasks")
    assert asked == ["/v1/tasks"]


NO_ANSWERS = {
    "HTML": Response(200, (("Content-Type", "text/html"),), b"<html>"),
    "no type": Response(200, (), b"{}"),
    "no JSON": Response(200, JSON, b"{"),
    "a list": Response(200, JSON, b"[]"),
    "nothing": Response(200, JSON, b""),
    "too much": Response(200, JSON, b'{"a": "' + b"x" * MAX_ANSWER_BYTES + b'"}'),
    "100,000 levels": Response(200, JSON, b'{"a":' * 100_000),
    "not UTF-8": Response(200, JSON, b'{"a": "\xff"}'),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_takes_no_other_answer_and_says_what_may_have_happened(answer: Response) -> None:
    with serving(lambda _: answer) as (api, _, _):
        with pytest.raises(UpstreamError) as read:
            api.call("GET", "/a")
        with pytest.raises(OutcomeUnknown) as written:
            api.call("POST", "/a", b"{}")
    assert (read.value.code, written.value.code) == ("api.unavailable", "outcome.unknown")
    assert TOKEN not in str(read.value) + str(written.value)


CUT: dict[str, Iterable[bytes]] = {
    "closed at once": [],
    "no HTTP": [b"hello\r\n\r\n"],
    "half a head": [b"HTTP/1.1 200 OK\r\nContent-Ty"],
    "half a body": [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}"],
    "a head without end": itertools.repeat(b"A: b\r\n" * 1000),
    "more than an answer may have, in chunks": itertools.chain(
        [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"],
        # An object by itself, however far one reads.
        [b"2\r\n{}\r\n"],
        itertools.repeat(b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
    ),
    "a chunk that is none": [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz"
    ],
}


@pytest.mark.parametrize("pieces", CUT.values(), ids=CUT.keys())
def test_an_answer_that_breaks_off_leaves_open_what_was_written(pieces: Iterable[bytes]) -> None:
    with hostile_server(pieces) as server, pytest.raises(OutcomeUnknown):
        connected(server.url)[0].call("POST", "/a", b"{}")


def test_nothing_is_sent_where_no_time_is_left_or_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UpstreamError, match="nothing was sent") as late:
            connected(url, left_s=0.1)[0].call("POST", "/a", b"{}")
    with pytest.raises(UpstreamError, match="nothing was sent") as away:
        connected(url)[0].call("POST", "/a", b"{}")
    assert (late.value.code, away.value.code) == ("api.unavailable", "api.unavailable")


def test_believes_no_certificate_that_no_authority_vouches_for(tmp_path) -> None:
    with issuer_server(certificate=self_signed(tmp_path)) as server:
        with pytest.raises(UpstreamError, match="SSLCertVerificationError"):
            connected(server.url)[0].call("POST", "/a", b"{}")
        assert not server.asked


@pytest.mark.parametrize("names", [["postern.example"], []], ids=["another", "none"])
def test_believes_no_certificate_of_another_name(tmp_path, monkeypatch, names: list[str]) -> None:
    certificate = self_signed(tmp_path, names=names)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with issuer_server(certificate=certificate) as server:
        with pytest.raises(UpstreamError, match="SSLCertVerificationError"):
            connected(server.url)[0].call("GET", "/a")
        assert not server.asked


def test_uses_no_proxy_of_the_environment(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(lambda _: Response(200, JSON, b"{}")) as (api, _, _):
        assert api.call("GET", "/a").status == 200


@pytest.mark.parametrize(
    ("sent", "told"),
    [("7", 7), (" 7 ", 7), ("-1", None), ("1e3", None), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("9" * 7, None)],
)
def test_reads_how_long_to_wait(sent: str, told: int | None) -> None:
    with serving(lambda _: Response(429, (*JSON, ("Retry-After", sent)), b"{}")) as (api, _, _):
        assert api.call("GET", "/a").retry_after_s == told


def test_nothing_that_prints_the_client_prints_the_token() -> None:
    api, _, _ = connected("https://postern.example")
    assert TOKEN not in f"{api!r} {api}"
