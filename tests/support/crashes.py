"""A server of the local stack that crashes and comes back: as it was, or as a standby that takes no writes."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from pg8000.exceptions import DatabaseError, InterfaceError

from postern_local.postgres import PostgresServer

_PATIENCE_S = 30.0


def crash(server: PostgresServer) -> None:
    """As where one of its processes dies: every session ends, amid its statement; it is ended when this returns."""
    connection = server.connect()
    [[pid]] = connection.run("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(InterfaceError, DatabaseError, OSError):
        while True:  # each is a question of its own: the server notices in a moment
            connection.run("SELECT 1")


def crash_into_standby(server: PostgresServer) -> None:
    """As in the midst of a failover: what answers from now on is a standby, until it is promoted."""
    signal_file = server.socket_dir / "data" / "standby.signal"
    signal_file.touch()
    owner = signal_file.parent.stat()
    os.chown(signal_file, owner.st_uid, owner.st_gid)
    crash(server)
    wait_until_up(server)


def promote(server: PostgresServer) -> None:
    """Returns when it takes writes again."""
    _run(server, "SELECT pg_promote()")


def wait_until_up(server: PostgresServer) -> None:
    """Raises `TimeoutError` where it does not come back."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            _run(server, "SELECT 1")
        except (InterfaceError, DatabaseError, OSError) as error:
            if time.monotonic() > until:
                raise TimeoutError("database: expected it back after its crash, got no connection") from error
            time.sleep(0.05)
        else:
            return


def _run(server: PostgresServer, sql: str) -> list[list[object]]:
    connection = server.connect()
    try:
        return [list(row) for row in connection.run(sql) or []]
    finally:
        connection.close()
