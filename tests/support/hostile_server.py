"""A server that sends whatever bytes it is given, for as long as the client takes them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MOST_BYTES = 64 * 1024 * 1024  # of an answer without end: a client without a bound still lets the test end


@dataclass
class HostileServer:
    """The server's address, and how much of its answer the client let it send."""

    url: str
    sent_bytes: int = 0
    done: bool = False  # the client closed, or the answer came to its end


@contextmanager
def hostile_server(answer: Iterable[bytes]) -> Iterator[HostileServer]:
    """Sends the answer to one request, piece by piece, whatever was asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        state = HostileServer(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        thread = threading.Thread(target=_serve, args=(listening, answer, state), daemon=True)
        thread.start()
        yield state
    thread.join(10)


def _serve(listening: socket.socket, answer: Iterable[bytes], state: HostileServer) -> None:
    listening.settimeout(10)
    with contextlib.suppress(OSError):
        connection, _ = listening.accept()
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
            connection.recv(65_536)
            for piece in answer:
                connection.sendall(piece)
                state.sent_bytes += len(piece)
                if state.sent_bytes > MOST_BYTES:
                    break
    state.done = True
