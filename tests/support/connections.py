"""A driver's connection that something happens to between two statements, and calls that start together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pg8000.core
import pg8000.native

from postern.errors import PosternError
from tests.support.processes import wait_until_gone


class Tampered:
    """Passes statements on and counts them; before the n-th, counted from 1, it calls `before[n]`."""

    def __init__(
        self, connection: pg8000.core.CoreConnection, before: Mapping[int, Callable[[], None]] | None = None
    ) -> None:
        self._connection, self._before, self.count = connection, before or {}, 0

    def _step(self) -> None:
        self.count += 1
        self._before.get(self.count, lambda: None)()

    def execute_simple(self, sql: str) -> Any:
        self._step()
        return self._connection.execute_simple(sql)

    def execute_unnamed(self, sql: str, **options: Any) -> Any:
        self._step()
        return self._connection.execute_unnamed(sql, **options)

    def close(self) -> None:
        self._connection.close()


class TamperedBefore:
    """Passes statements on; before the n-th that begins so, counted from 1, it calls `then`, once."""

    def __init__(
        self, connection: pg8000.core.CoreConnection, beginning: str, number: int, then: Callable[[], None]
    ) -> None:
        self._connection, self._beginning, self._left, self._then = connection, beginning, number, then

    def execute_simple(self, sql: str) -> Any:
        if sql.startswith(self._beginning):
            self._left -= 1
            if self._left == 0:
                self._then()
        return self._connection.execute_simple(sql)

    def close(self) -> None:
        self._connection.close()


def end_session(admin: pg8000.native.Connection, connection: pg8000.core.CoreConnection) -> None:
    """Ends the connection's session as an administrator would, and returns when it is gone."""
    pid = int.from_bytes(connection._backend_key_data[:4])
    # Not with a time to wait: the server looks only every 100 ms, and hundreds of sessions are ended.
    assert admin.run("SELECT pg_terminate_backend(:pid)", pid=pid) == [[True]]
    wait_until_gone(pid)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call returned or raised, in the calls' order; all start together."""
    start, results = threading.Barrier(len(calls)), dict[int, object]()

    def run(place: int, call: Callable[[], object]) -> None:
        start.wait()
        try:
            results[place] = call()
        except (PosternError, pg8000.native.DatabaseError, pg8000.native.InterfaceError) as error:
            results[place] = error

    threads = [threading.Thread(target=run, args=placed) for placed in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[place] for place in range(len(calls))]
