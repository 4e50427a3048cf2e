"""The front that stands where RDS stands: TLS, an IAM token as password, then the database behind it.

It listens in a thread of its own; `rds_connection` serves what it accepts. The server behind is reached
over its unix socket, where it trusts the user name that was proved here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from postern_local.certificates import Certificates
from postern_local.failure import StackFailure
from postern_local.rds_connection import Front, FrontSettings, Sessions
from postern_local.rds_membership import Membership

_log = logging.getLogger(__name__)

_ACCEPT_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class RdsFront:
    """A running front, in a thread of its own."""

    host: str
    port: int
    ca_path: Path
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    ended: asyncio.Event

    @classmethod
    def start(
        cls,
        *,
        backend_socket_dir: Path,
        backend_port: int,
        databases: Mapping[str, str],
        account: str,
        region: str,
        sessions: Sessions,
        certificates: Certificates,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float],
    ) -> RdsFront:
        """Listens when it returns. Raises `StackFailure` where the port is in use."""
        listener = _listen(host, port)
        settings = FrontSettings(
            backend=backend_socket_dir / f".s.PGSQL.{backend_port}",
            databases=dict(databases),
            account=account,
            region=region,
            sessions=sessions,
            tls=_tls_context(certificates),
            host=host,
            port=listener.getsockname()[1],
            clock=clock,
        )
        loop, ended = asyncio.new_event_loop(), asyncio.Event()
        thread = threading.Thread(target=_run, args=(loop, listener, settings, ended), name="rds-front", daemon=True)
        thread.start()
        return cls(host, settings.port, certificates.ca_path, loop, thread, ended)

    def stop(self) -> None:
        """Closes the listener and every connection. Idempotent."""
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _run(
    loop: asyncio.AbstractEventLoop, listener: socket.socket, settings: FrontSettings, ended: asyncio.Event
) -> None:
    asyncio.set_event_loop(loop)
    front = Front(settings, Membership(settings.backend))
    try:
        loop.run_until_complete(_accept(listener, front, ended))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        listener.close()
        front.membership.close()
        loop.close()


async def _accept(listener: socket.socket, front: Front, ended: asyncio.Event) -> None:
    """Serves connections until `ended`; then ends those that are open."""
    loop = asyncio.get_running_loop()
    ending = loop.create_task(ended.wait())
    serving: set[asyncio.Task[None]] = set()
    while not ended.is_set():
        accepting = loop.create_task(loop.sock_accept(listener))
        await asyncio.wait((accepting, ending), return_when=asyncio.FIRST_COMPLETED)
        if not accepting.done():
            accepting.cancel()
            break
        try:
            connection, _ = accepting.result()
        except OSError as error:  # for example no descriptor left: a busy front must not die of it
            _log.warning("accept: %s", error)
            await asyncio.sleep(0.1)
            continue
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = loop.create_task(front.serve(connection))
        serving.add(task)
        task.add_done_callback(serving.discard)
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_ACCEPT_BACKLOG)
    except OSError as error:
        listener.close()
        raise StackFailure(f"database port {port}: expected a free port on {host}, got {error.strerror}") from error
    listener.settimeout(0)
    return listener


def _tls_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.certificate_path, certificates.key_path)
    return context
