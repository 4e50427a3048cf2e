"""A wire that a test can cut: a loopback relay in front of a server, which then refuses or swallows connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum
from types import TracebackType
from typing import Self


class Wire(Enum):
    """How the relay treats connections from now on; those that stand are cut when it changes."""

    WHOLE = "whole"
    REFUSES = "refuses"
    SWALLOWS = "swallows"


class Cut:
    """A relay to one address. `wire` may be set at any time."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._wire = Wire.WHOLE
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def wire(self) -> Wire:
        return self._wire

    @wire.setter
    def wire(self, wire: Wire) -> None:
        self._wire = wire
        with self._lock:
            standing, self._open = self._open, set()
        for sock in standing:
            _close(sock)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._wire is Wire.REFUSES:
                _close(client)
                continue
            with self._lock:
                self._open.add(client)
            if self._wire is Wire.WHOLE:
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target)
        except OSError:
            _close(client)
            return
        with self._lock:
            self._open.add(server)
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()

    def close(self) -> None:
        _close(self._listener)
        self.wire = Wire.REFUSES
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    _close(target)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
