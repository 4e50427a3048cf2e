"""One request and its answer: bounded, and never more than one address."""

from __future__ import annotations

import socket
from itertools import repeat
from urllib.parse import urlsplit

import pytest

from postern_cli.gate import exchange as module
from postern_cli.gate.exchange import exchange
from postern_cli.stop import Exit, Stop
from tests.support.fake_gate import fake_gate
from tests.support.hostile_server import hostile_server
from tests.support.tls import self_signed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], "a part of one"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"], "a part of one"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"], "got "),
        ([b"no http\r\n\r\n"], "a connection that broke"),
        ([], "a connection that broke"),
        ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n"], "a connection that broke"),
    ],
    ids=["cut off", "cut off in pieces", "no pieces", "no http", "nothing", "many headers"],
)
def test_what_is_no_whole_answer_is_none(answer, said):
    with hostile_server(answer) as server, pytest.raises(Stop, match=said) as stopped:
        exchange("GET", urlsplit(server.url))
    assert stopped.value.code is Exit.UNKNOWN


def test_an_answer_without_end_is_left():
    head = [b"HTTP/1.1 200 OK\r\n\r\n"]
    with hostile_server([*head, *repeat(b"x" * 65_536, 400)]) as server, pytest.raises(Stop, match="longer than any"):
        exchange("GET", urlsplit(server.url))
    assert server.sent_bytes < 2.5 * module.MAX_ANSWER_BYTES


def test_an_answer_that_drips_is_left(monkeypatch):
    monkeypatch.setattr(module, "DEADLINE_S", -1.0)
    with hostile_server([b"HTTP/1.1 200 OK\r\n\r\n", b"x", b"y"]) as server, pytest.raises(Stop, match="none in time"):
        exchange("GET", urlsplit(server.url))


@pytest.mark.parametrize(
    ("method", "said"), [("GET", "try again"), ("POST", "look what stands"), ("DELETE", "look what stands")]
)
def test_what_may_have_been_done_is_not_to_be_repeated_blindly(method, said):
    with hostile_server([]) as server, pytest.raises(Stop, match=said):
        exchange(method, urlsplit(server.url))


def test_what_was_never_sent_is_not_said_to_stand():
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    with pytest.raises(Stop, match="check the address") as stopped:
        exchange("POST", urlsplit(f"http://127.0.0.1:{port}/"))
    assert "repeat" not in stopped.value.line


def test_a_certificate_of_nobodys_gets_no_secret(tmp_path):
    with fake_gate(self_signed(tmp_path)) as gate:
        with pytest.raises(Stop, match="SSL_CERT_FILE"):
            exchange("GET", urlsplit(gate.url), headers={"Authorization": "Bearer secret"})
        assert gate.asked == []


def test_an_authority_of_ones_own_is_believed(tmp_path, monkeypatch):
    file = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with fake_gate(file) as gate:
        gate.answer("", {"ok": True})
        assert exchange("GET", urlsplit(gate.url)).json() == {"ok": True}
