"""A small HTTP/1.1 server on the loopback interface: strict about what it reads, quick in what it writes.

A request reaches the application only when it is whole and means one thing: one Host, one length, no
transfer coding, no folded or broken header lines. Everything else is refused and its connection closed,
so that no two readers can see different requests in the same bytes (RFC 9112 sections 3.2, 5 and 6).
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

from postern_local.failure import StackFailure

HOST = "127.0.0.1"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_LENGTH = re.compile(r"[0-9]{1,12}")
_TARGET = re.compile(r"/[\x21-\x7e]*")
_LINE_BYTES = 65_536
_IDLE_S = 75.0
_DRAIN_BYTES = 64 * 1024 * 1024

Headers = tuple[tuple[str, str], ...]  # in the order received, names as sent


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; `target` begins with `/` and is printable ASCII."""

    method: str
    target: str
    headers: Headers
    body: bytes
    peer: str

    def header(self, name: str) -> str | None:
        """The last value sent under that name, whatever its case."""
        return next((value for sent, value in reversed(self.headers) if sent.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; Content-Length is added."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Service:
    """What a server serves. `refuse` makes the answer to a request that is not taken, by its status."""

    answer: Callable[[Request], Response]
    refuse: Callable[[int], Response] = field(default=lambda status: Response(status))
    max_head_bytes: int = _LINE_BYTES
    max_body_bytes: int = 16 * 1024 * 1024


class LoopbackServer:
    """A running server; each connection has a thread of its own."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @classmethod
    def start(cls, service: Service, *, port: int = 0, reserved: socket.socket | None = None) -> LoopbackServer:
        """Listens on the reserved port, on the named one, or on a free one where it is 0.

        Raises `StackFailure` where it is taken.
        """
        return cls(_listening(service, port) if reserved is None else _Server(service, port, reserved))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def stop(self) -> None:
        """Stops listening and closes every connection. Idempotent."""
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._thread.join()


def reserve(port: int) -> socket.socket:
    """Takes the port, or a free one where it is 0, for a server that starts later. Raises `StackFailure`.

    It listens, since a port that is only bound can be bound a second time: who connects early waits for the server.
    """
    with _told_where_taken(port):
        return socket.create_server((HOST, port), backlog=_Server.request_queue_size)


def _listening(service: Service, port: int) -> _Server:
    with _told_where_taken(port):
        return _Server(service, port)


@contextlib.contextmanager
def _told_where_taken(port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise StackFailure(
                f"port {port}: expected a free one, got: {error.strerror}. Choose another, or 0 for any"
            ) from error
        raise


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, service: Service, port: int, reserved: socket.socket | None = None) -> None:
        self.service = service
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler, bind_and_activate=reserved is None)
        if reserved is not None:
            self.socket.close()
            self.socket = reserved
            self.server_address = reserved.getsockname()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle of an answer is not an error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def close_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Refused(Exception):
    def __init__(self, status: int, *, unread_bytes: int = 0) -> None:
        super().__init__(status)
        self.status = status
        self.unread_bytes = unread_bytes


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    # Otherwise the body waits for the peer's delayed acknowledgement of the head: 44 ms an answer.
    disable_nagle_algorithm = True
    _REASONS: ClassVar[dict[int, str]] = {status.value: status.phrase for status in HTTPStatus}

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(_LINE_BYTES + 1)
            if not self.raw_requestline:
                self.close_connection = True
                return
            try:
                request = self._request()
            except _Refused as refused:
                self.close_connection = True
                self.request_version = self.protocol_version  # the answer is in ours, whatever the request was in
                self._write(self.server.service.refuse(refused.status))
                self._drain(refused.unread_bytes)
            else:
                self._write(self.server.service.answer(request))
        except TimeoutError:
            self.close_connection = True

    def _request(self) -> Request:
        self.command = ""
        if len(self.raw_requestline) > _LINE_BYTES:
            raise _Refused(414)
        if not self.parse_request():  # its errors go through `send_error`
            raise _Refused(400)
        return self._read()

    def _drain(self, unread_bytes: int) -> None:
        """Reads on for a while: a client that still sends would see a reset instead of the answer."""
        left = min(unread_bytes, _DRAIN_BYTES)
        while left > 0 and (read := self.rfile.read(min(left, _LINE_BYTES))):
            left -= len(read)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        raise _Refused(int(code))

    def handle_expect_100(self) -> bool:
        """Says `100 Continue` only after the length was found acceptable: see `_read`."""
        return True

    def _read(self) -> Request:
        if self.request_version not in ("HTTP/1.0", "HTTP/1.1") or not _TOKEN.fullmatch(self.command):
            raise _Refused(400)
        target = self.raw_requestline.split()[1].decode("latin-1")
        headers = _check_head(self.headers, target, self.request_version)
        head_bytes = len(self.raw_requestline) + sum(len(name) + len(value) + 4 for name, value in headers)
        if head_bytes > self.server.service.max_head_bytes:
            raise _Refused(431)
        length = _body_bytes(headers)
        if length > self.server.service.max_body_bytes:
            raise _Refused(413, unread_bytes=length)
        if any(name.lower() == "expect" for name, _ in headers):
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
            self.wfile.flush()
        body = self.rfile.read(length)
        if len(body) != length:
            raise _Refused(400)
        return Request(self.command, target, headers, body, self.client_address[0])

    def _write(self, response: Response) -> None:
        self.send_response_only(response.status, self._REASONS.get(response.status, ""))
        for name, value in response.headers:
            self.send_header(name, value)
        bodiless = response.status in (204, 304)
        if not bodiless:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not bodiless and self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()


def _check_head(message: Message, target: str, version: str) -> Headers:
    if message.defects or message.get_payload() or message.get_unixfrom():
        raise _Refused(400)
    headers: Headers = tuple((name, value.strip(" \t")) for name, value in message.raw_items())
    if not all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
        raise _Refused(400)
    hosts = sum(name.lower() == "host" for name, _ in headers)
    if hosts > 1 or (hosts == 0 and version == "HTTP/1.1") or not _TARGET.fullmatch(target):
        raise _Refused(400)
    return headers


def _body_bytes(headers: Headers) -> int:
    if any(name.lower() == "transfer-encoding" for name, _ in headers):
        raise _Refused(411)
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise _Refused(400)
    return int(lengths[0]) if lengths else 0
