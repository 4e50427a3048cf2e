"""A proxy between the RDS front and the server's socket, which meets each statement with the rules in force.

What passes here is PostgreSQL's protocol in clear, so a statement can be told from another, and its end from its
beginning: "after" means that the server has said that it is ready for the next. Answers can be cut amid their rows.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.aws_wire import wait_for_end
from tests.faults.rules import DATABASE, IS_AFTER, Act, Applied, Asked, Rules

_TLS_REQUEST = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")
_PARSE, _QUERY, _ROW, _READY = b"P", b"Q", b"D", b"Z"


class PostgresWire:
    """Listens on `path` until it is closed."""

    def __init__(self, path: Path, target: Path, rules: Rules, kill: Callable[[], None]) -> None:
        self._target = target
        self._rules = rules
        self._kill = kill
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        _close(self._listener)
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(str(self._target))
        except OSError:
            _close(client)
            return
        session = _Session(client, server, self._rules, self._kill)
        back = threading.Thread(target=session.answers, daemon=True)
        back.start()
        session.requests()
        back.join()


@dataclass(slots=True)
class _Session:
    """One connection. What is to happen after a statement is done in the direction of answers."""

    client: socket.socket
    server: socket.socket
    rules: Rules
    kill: Callable[[], None]
    user: bytes = b""
    met: Applied | None = None  # a rule about what is under way
    gate: threading.Lock = field(default_factory=threading.Lock)

    def requests(self) -> None:
        """Passes on what the client sends, message by message, until either side is gone."""
        with contextlib.suppress(OSError, EOFError):
            startup = _startup(self.client)
            if startup == _TLS_REQUEST:  # on a unix socket there is none
                self.client.sendall(b"N")
                startup = _startup(self.client)
            self.user = _user(startup)
            if self._may_go_on(Asked(DATABASE, "startup", b"user=" + self.user)):
                self.server.sendall(startup)
                for kind, message in _messages(self.client):
                    if not self._meet(kind, message):
                        break
                    self.server.sendall(message)
        self.close()

    def _meet(self, kind: bytes, message: bytes) -> bool:
        if kind == _PARSE:
            sql = message[5:].split(b"\0")[1]
            return self._may_go_on(Asked(DATABASE, "parse", b"user=" + self.user + b" " + sql))
        if kind == _QUERY:
            return self._may_go_on(Asked(DATABASE, "query", b"user=" + self.user + b" " + message[5:-1]))
        return True

    def _may_go_on(self, asked: Asked) -> bool:
        """Whether the server is to see the message."""
        met = self.rules.meet(asked)
        if met is None:
            return True
        act = met.rule.act
        if act is Act.DELAY:
            met.ended.wait(met.rule.delay_s)
            return True
        if act in IS_AFTER or act is Act.CUT_AMID:
            with self.gate:
                self.met = met
            return True
        if act is Act.HANG_BEFORE:
            wait_for_end(self.client, met.ended)
        elif act is Act.DIE_BEFORE:
            self.kill()
        return False

    def answers(self) -> None:
        """Passes on what the server sends: message by message, so that an answer is cut where a rule says."""
        with contextlib.suppress(OSError, EOFError):
            for kind, message in _messages(self.server):
                with self.gate:
                    met = self.met
                if met is None:
                    self.client.sendall(message)
                elif met.rule.act is Act.CUT_AMID:
                    self.client.sendall(message[: len(message) // 2] if kind == _ROW else message)
                    if kind == _ROW:
                        break
                elif kind == _READY:
                    self._end(met)
                    break
        self.close()

    def _end(self, met: Applied) -> None:
        if met.rule.act is Act.DIE_AFTER:
            self.kill()
        elif met.rule.act is Act.HANG_AFTER:
            met.ended.wait()

    def close(self) -> None:
        _close(self.client)
        _close(self.server)


def _startup(source: socket.socket) -> bytes:
    """The first message, which has no type."""
    length = _exactly(source, 4)
    return length + _exactly(source, int.from_bytes(length, "big") - 4)


def _messages(source: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Each message with its type, until the end. Raises `EOFError`, `OSError`."""
    while True:
        head = _exactly(source, 5)
        yield head[:1], head + _exactly(source, int.from_bytes(head[1:], "big") - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    parts: list[bytes] = []
    while count:
        part = source.recv(min(count, 65_536))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _user(startup: bytes) -> bytes:
    fields = startup[8:].split(b"\0")
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    return named.get(b"user", b"")


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
