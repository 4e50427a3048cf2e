"""Connections to the suite's servers, and a front that puts TLS and a password before one."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from postern.edges.postgres.connect import open_connection
from postern.edges.postgres.statements import Answer
from postern.edges.postgres.task_session import TaskSession
from postern.edges.postgres.transactions import TaskTransaction
from postern.edges.postgres.wire import AgentConnection
from postern.ports import Limits, Parameter, Result, Transaction
from postern.types import CommandId, DatabaseAddress, DatabaseName
from tests.support.servers import Database

LIMITS = Limits(
    max_rows=100, max_bytes=5_000_000, max_cell_bytes=1_000_000, statement_timeout_ms=10_000, lock_timeout_ms=1_000
)
NAME = "0199a0b0-c0d0-7000-8000-00000000000a"
CLEARTEXT = struct.pack("!i", 3)


def open_socket(database: Database) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(str(database.server.socket))
    return sock


def open_plain(
    database: Database, *, user: str = "postgres", cancel: Callable[[bytes], None] | None = None
) -> AgentConnection:
    """A connection over the server's unix socket, which asks for no password."""
    return open_connection(
        open_socket(database), user=user, database=database.name, application_name="test", cancel=cancel
    )


def read(connection: AgentConnection, sql: str, *parameters: str | None, limits: Limits = LIMITS) -> Answer:
    return connection.read(sql, [Parameter(text) for text in parameters], limits, application_name=NAME)


def begin(connection: AgentConnection, *, limits: Limits = LIMITS, read_only: bool = False) -> TaskTransaction:
    return TaskSession(connection).begin(limits, command_id=CommandId(NAME), read_only=read_only)


def run(
    transaction: Transaction, sql: str, *parameters: str | None, limits: Limits = LIMITS, read_only: bool = False
) -> Result:
    return transaction.run(sql, [Parameter(text) for text in parameters], limits, read_only=read_only)


def rows(answer: Answer | Result) -> list[tuple[str | None, ...]]:
    return list(zip(*answer.values, strict=True))


def message(code: bytes, body: bytes) -> bytes:
    return code + struct.pack("!i", len(body) + 4) + body


GOOD_STATUSES = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",
    "integer_datetimes": "on",
    "server_encoding": "UTF8",
    "server_version": "18.4",
}


def welcome(statuses: dict[str, str]) -> bytes:
    """What a server says when it lets its client in."""
    reported = b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in statuses.items())
    key = message(b"K", struct.pack("!ii", 7, 8))
    return message(b"R", struct.pack("!i", 0)) + reported + key + message(b"Z", b"I")


@dataclass(slots=True)
class Front:
    """Takes TLS connections on a loopback port, asks for a password, and passes the rest to a server's socket.

    What it was sent is kept; each way in which it can misbehave is a setting.
    """

    certificate: Path
    database: Database | None = None
    speaks_tls: bool = True
    authentication: bytes = CLEARTEXT
    canned: bytes | None = None  # said after the password, instead of anything of a server's
    started: list[bytes] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)
    cancels: list[bytes] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def address(self, *, host: str = "127.0.0.1", ca: Path | None = None) -> DatabaseAddress:
        dbname = self.database.name if self.database is not None else "none"
        return DatabaseAddress(
            DatabaseName("shop"), host, self.port, dbname, "cluster-TEST", "us-east-1", str(ca or self.certificate)
        )

    @contextmanager
    def serving(self) -> Iterator[Front]:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            self.port = listener.getsockname()[1]
            thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(10)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), closing(client):
            client.settimeout(20)
            _exactly(client, 8)  # SSLRequest
            client.sendall(b"S" if self.speaks_tls else b"N")
            if not self.speaks_tls:
                self.started.append(client.recv(1024))
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            with context.wrap_socket(client, server_side=True) as tls:
                self._session(tls)

    def _session(self, tls: ssl.SSLSocket) -> None:
        startup = _read_body(tls)
        if startup[:4] == struct.pack("!i", 80877102):
            self._relay_cancel(startup)
            return
        self.started.append(startup)
        tls.sendall(message(b"R", self.authentication))
        if _exactly(tls, 1) != b"p":
            return
        self.passwords.append(_read_body(tls))
        if self.canned is not None:
            tls.sendall(self.canned)
            tls.recv(1)
            return
        assert self.database is not None
        with closing(open_socket(self.database)) as server:
            server.sendall(message(b"", startup))
            _relay(tls, server)

    def _relay_cancel(self, request: bytes) -> None:
        self.cancels.append(request)
        if self.database is not None:
            with closing(open_socket(self.database)) as server:
                server.sendall(message(b"", request))
                server.recv(1)
        self.cancelled.set()


def _read_body(sock: socket.socket) -> bytes:
    (length,) = struct.unpack("!i", _exactly(sock, 4))
    return _exactly(sock, length - 4)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise ConnectionError("closed")
        data += chunk
    return data


def _relay(left: ssl.SSLSocket, right: socket.socket) -> None:
    """Passes bytes both ways until one side ends, in one thread: TLS is not to be read and written at once."""
    while True:
        ready = [left] if left.pending() else select.select([left, right], [], [], 20)[0]
        if not ready:
            return
        for source in ready:
            chunk = source.recv(65_536)
            if not chunk:
                return
            (right if source is left else left).sendall(chunk)
