"""A GET from issuers that are hostile, or that somebody hostile stands in for."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterable

import pytest

from postern.edges import issuer_http
from postern.edges.issuer_http import MAX_BODY_BYTES, get, within_time
from postern.errors import IssuerUnavailable
from tests.support.hostile_server import hostile_server
from tests.support.issuer_server import Answer, issuer_server
from tests.support.tls import self_signed

OK = b"HTTP/1.1 200 OK\r\n"
# What the kernel takes on both sides before the client reads any of it, and the client's own bound.
MOST_TAKEN = 8 * 1024 * 1024


def endless(piece: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: itertools.repeat(piece * (64 * 1024 // len(piece)))


def after(head: bytes, rest: Callable[[], Iterable[bytes]]) -> Callable[[], Iterable[bytes]]:
    return lambda: itertools.chain([head], rest())


WITHOUT_END: dict[str, Callable[[], Iterable[bytes]]] = {
    "body without a length": after(OK + b"\r\n", endless(b"x")),
    "body of many chunks": after(OK + b"Transfer-Encoding: chunked\r\n\r\n", endless(b"1\r\nx\r\n")),
    "chunk of a negative size": after(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", endless(b"x")),
    "chunk of an endless size": after(OK + b"Transfer-Encoding: chunked\r\n\r\n", endless(b"0")),
    "trailers": after(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", endless(b"A: b\r\n")),
    "body of a huge length": after(OK + b"Content-Length: 99999999999999999999\r\n\r\n", endless(b"x")),
    "body of a negative length": after(OK + b"Content-Length: -1\r\n\r\n", endless(b"x")),
    "header line": after(OK + b"A: ", endless(b"x")),
    "header lines": after(OK, endless(b"A: b\r\n")),
    "folded header line": after(OK + b"A: b\r\n", endless(b" c\r\n")),
    "status line": after(b"HTTP/1.1 200 ", endless(b"x")),
    "answers that another follows": endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "no HTTP": endless(b"x\r\n"),
}


@pytest.mark.parametrize("answer", WITHOUT_END.values(), ids=WITHOUT_END.keys())
def test_gives_up_on_an_answer_without_end(answer):
    with hostile_server(answer()) as server, pytest.raises(IssuerUnavailable):
        get(server.url)
    assert server.done
    assert server.sent_bytes < MOST_TAKEN


DRIPPED: dict[str, bytes] = {
    "body": OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000,
    "head": OK + b"A: b\r\n" * 90 + b"Content-Length: 2\r\n\r\n{}",
    "status line": b"HTTP/1.1 200 " + b"x" * 1000,
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200,
}


@pytest.mark.parametrize("answer", DRIPPED.values(), ids=DRIPPED.keys())
def test_gives_up_on_an_answer_that_comes_a_byte_at_a_time(answer, monkeypatch):
    """No read takes longer than a socket may, and all of it would take minutes."""
    monkeypatch.setattr(issuer_http, "TIME_S", 0.1)

    def drip() -> Iterable[bytes]:
        for byte in answer:
            threading.Event().wait(0.02)
            yield bytes([byte])

    with hostile_server(drip()) as server, pytest.raises(IssuerUnavailable):
        get(server.url)
    assert server.sent_bytes < len(answer)


def test_leaves_no_thread_behind_for_long(monkeypatch):
    """The thread that was given up on ends by itself: what drips cannot keep it."""
    monkeypatch.setattr(issuer_http, "TIME_S", 0.1)
    before = set(threading.enumerate())

    def drip() -> Iterable[bytes]:
        for byte in DRIPPED["body"]:
            threading.Event().wait(0.02)
            yield bytes([byte])

    with hostile_server(drip()) as server:
        with pytest.raises(IssuerUnavailable, match=r"in 0\.02 s"):
            within_time(lambda: get(server.url), time_s=0.02)
        left = [one for one in set(threading.enumerate()) - before if one.name.endswith("(run)")]
        for thread in left:
            thread.join(10)
    assert [thread.is_alive() for thread in left] == [False]


def test_gives_up_on_a_server_that_says_nothing(monkeypatch):
    monkeypatch.setattr(issuer_http, "TIME_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(IssuerUnavailable, match="TimeoutError"):
        get(f"http://127.0.0.1:{silent.getsockname()[1]}/")


BOMB = gzip.compress(b'{"keys":[]}'.ljust(64 * 1024 * 1024))


def test_unpacks_nothing():
    """A body that would be 64 MiB: it stays the bytes that came, which are no JSON."""
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
    with hostile_server([head + BOMB]) as server:
        assert get(server.url) == BOMB
    assert len(BOMB) < MAX_BODY_BYTES


@pytest.mark.parametrize(
    "head",
    [
        *(b"Content-Length: 30\r\n\r\n", b"Content-Length: 3\r\n\r\n", b"Content-Length: 0\r\n\r\n"),
        *(b"Transfer-Encoding: chunked\r\n\r\n", b"Content-Length: 400\r\nContent-Length: 2\r\n\r\n"),
    ],
    ids=lambda head: head.decode().strip().replace("\r\n", ", "),
)
def test_takes_no_body_but_the_one_whose_length_is_announced(head):
    body = b'{"keys":[]}'
    with hostile_server([OK + head + body]) as server:
        try:
            assert get(server.url) != body
        except IssuerUnavailable:
            return


@pytest.mark.parametrize("names", [["issuer.example"], ["*.0.0.1"], []], ids=str)
def test_refuses_a_trusted_certificate_of_another_name(tmp_path, monkeypatch, names):
    certificate = self_signed(tmp_path, names=names)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with issuer_server(certificate=certificate) as server:
        server.answers["/"] = Answer(b"{}")
        with pytest.raises(IssuerUnavailable, match="SSLCertVerificationError"):
            get(server.url)
        assert not server.asked


def test_a_plain_server_behind_an_https_address_gets_no_request():
    """As a metadata service would be, whatever name stands for its address."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def take() -> None:
            connection, _ = plain.accept()
            with connection:
                seen.append(connection.recv(65_536))
                connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        with pytest.raises(IssuerUnavailable, match="SSLError"):
            get(f"https://127.0.0.1:{plain.getsockname()[1]}/latest/meta-data/")
        thread.join(10)
    assert b"meta-data" not in b"".join(seen)


def test_asks_an_address_of_the_sixth_version():
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback interface")
    with listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

        threading.Thread(target=answer, daemon=True).start()
        assert get(f"http://[::1]:{listening.getsockname()[1]}/") == b"{}"
