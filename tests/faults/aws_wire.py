"""A proxy between the functions and the AWS server, which meets each request with the rules in force.

It reads requests and answers whole, and changes nothing in them but what is of a connection's own: signatures hold.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from postern_local.aws.faults import Refused, format_fault
from tests.faults.rules import IS_AFTER, Act, Applied, Asked, Rules

_SERVICE = re.compile(r"Credential=([^/]+)/[0-9]{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})


class AwsWire:
    """Listens until it is closed. `kill` ends the processes of the function that is to die."""

    def __init__(
        self, target: tuple[str, int], rules: Rules, kill: Callable[[], None], functions: Mapping[str, str]
    ) -> None:
        """`functions` has the function of each access key, and grows."""
        self._server = _Server(target, rules, kill, functions)
        self.url = "http://{}:{}".format(*self._server.server_address[:2])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, target: tuple[str, int], rules: Rules, kill: Callable[[], None], functions: Mapping[str, str]
    ) -> None:
        self.functions = functions
        self.target = target
        self.rules = rules
        self.kill = kill
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client or a server that is gone is what this is there for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    _upstream: http.client.HTTPConnection | None = None

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = read_request(self.command, self.path, dict(self.headers.items()), body, self.server.functions)
        met = self.server.rules.meet(asked)
        if met is None:
            self._relay(body)
        else:
            self._apply(met, asked, body)
        self.wfile.flush()

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        with contextlib.suppress(OSError):
            super().finish()

    def _apply(self, met: Applied, asked: Asked, body: bytes) -> None:
        act = met.rule.act
        if act is Act.DELAY:
            met.ended.wait(met.rule.delay_s)
            self._relay(body)
            return
        if act is Act.ANSWER:
            fault = format_fault(Refused(met.rule.code, "injected", met.rule.status), asked.service)
            said = b"" if self.command == "HEAD" else fault.body
            self._answer(met.rule.status, [("Content-Type", fault.content_type), *fault.headers], said, len(fault.body))
            return
        if act in IS_AFTER:
            self._ask(body)
        if act in (Act.HANG_BEFORE, Act.HANG_AFTER):
            wait_for_end(self.connection, met.ended)
        elif act in (Act.DIE_BEFORE, Act.DIE_AFTER):
            self.server.kill()
        self._cut()

    def _relay(self, body: bytes) -> None:
        status, headers, said, length = self._ask(body)
        self._answer(status, headers, said, length)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes, int]:
        if self._upstream is None:
            self._upstream = http.client.HTTPConnection(*self.server.target)
            self._upstream.connect()
            self._upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upstream = self._upstream
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _HOP:
                upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)
        answer = upstream.getresponse()
        said = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        length = int(answer.headers.get("Content-Length", len(said)))
        if answer.will_close:
            upstream.close()
            self._upstream = None
        return answer.status, headers, said, length

    def _answer(self, status: int, headers: list[tuple[str, str]], said: bytes, length: int) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(said)

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def read_request(method: str, path: str, headers: dict[str, str], body: bytes, functions: Mapping[str, str]) -> Asked:
    """What a signed request asks of which service."""
    found = _SERVICE.search(headers.get("Authorization", ""))
    key, service = found.groups() if found is not None else ("", "none")
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), None)
    if target is not None:
        operation = target.rpartition(".")[2]
    elif service == "sts":
        operation = parse_qs(body.decode(errors="replace")).get("Action", [method])[0]
    else:
        operation = method
    return Asked(service, operation, path.encode() + b"\n" + body, functions.get(key, ""))


def wait_for_end(connection: socket.socket, ended: threading.Event) -> None:
    """Until the client gives up, or the rule is no longer in force."""
    connection.settimeout(0.05)
    while not ended.is_set():
        try:
            if not connection.recv(1, socket.MSG_PEEK):
                return
            time.sleep(0.05)
        except TimeoutError:
            continue
        except OSError:
            return
