"""One agent statement at a time over the extended protocol, in a transaction of its own.

A read is one round trip: everything is sent at once and answered in order.

    BEGIN READ ONLY, SET LOCAL …   our constants, each by Parse, Bind and Execute
    the statement                  Parse, Bind, Describe, Execute with a row limit
    Sync                           after the first error the server skips all up to here: the statement cannot
                                   run where BEGIN or a bound failed
    ROLLBACK                       a simple query of ours: it ends the transaction whatever became of the statement

`transactions` builds transactions of several statements on the same calls.

Whatever is not a clean result or a clean error (a lost connection, a message out of place, time over, a bound met,
an interrupt) closes the connection without reading on: an answer that is still under way must never be taken
for the next statement's.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from io import BufferedRWPair

from pg8000.core import CoreConnection
from pg8000.exceptions import InterfaceError

from postern.edges.postgres import protocol
from postern.edges.postgres.inbox import Inbox
from postern.edges.postgres.replies import Reply, read_reply
from postern.edges.postgres.rows import RowCollector
from postern.edges.postgres.settings import unmet_setting
from postern.edges.postgres.statements import (
    Answer,
    TransactionEnded,
    check_constant,
    check_statement,
    format_begin,
    format_statement,
    take_answer,
)
from postern.errors import DatabaseLost, OutcomeUnknown, StatementFailed
from postern.ports import Limits, Parameter

DELIVERY_GRACE_S = 1.0  # for what comes after the statement's own time is over: its error, or its last bytes

_AUTHENTICATED = struct.pack("!i", 0)
_CLEARTEXT_PASSWORD = struct.pack("!i", 3)
OWN_LIMITS = Limits(1_000, 1_048_576, 65_536, statement_timeout_ms=5_000, lock_timeout_ms=1_000)
# A kept session may be gone without a sign (a frozen environment, a forgotten NAT entry): a new one takes 10 ms.
_LIVENESS_LIMITS = Limits(0, 65_536, 65_536, statement_timeout_ms=500, lock_timeout_ms=500)


class AgentConnection(CoreConnection):  # type: ignore[misc]  # pg8000 has no types
    """A connection whose agent statements are received within bounds; made by `connect.open_connection`.

    For one thread. After any exception but `StatementFailed` it may be closed: see `is_open`.
    """

    _usock: socket.socket | None
    _sock: BufferedRWPair | None

    def __init__(self, *, cancel: Callable[[bytes], None] | None = None, **arguments: object) -> None:
        self._cancel = cancel
        self._deadline_s = 0.0
        self._status = protocol.IDLE
        self._inbox = Inbox(self._receive)
        super().__init__(**arguments)
        self.password = None  # it has done its work
        # For who uses pg8000's own calls: every value stays text. A value that fails to decode would leave the rest
        # of its answer to be read as the next statement's.
        self.pg_types: dict[int, Callable[[str], str]] = defaultdict(lambda: str)

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: object) -> None:  # noqa: N802  # pg8000's name
        """Answers a request for the password inside TLS only, and no other method: a token is nothing to hash."""
        if data[:4] == _AUTHENTICATED:
            return
        if data[:4] != _CLEARTEXT_PASSWORD or not isinstance(self._usock, ssl.SSLSocket):
            raise InterfaceError("authentication: expected a request for a cleartext password inside TLS")
        super().handle_AUTHENTICATION_REQUEST(data, context)

    @property
    def is_open(self) -> bool:
        return self._usock is not None

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open that can be committed."""
        return self.is_open and self._status == protocol.IN_TRANSACTION

    def read(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, application_name: str) -> Answer:
        """Runs a statement that cannot write, and ends its transaction. An answer past the bounds is truncated.

        Raises `StatementFailed` (sanitised), `TooLarge` where one row or cell alone passes its bound,
        `DatabaseUnavailable` where the server has no room, `DatabaseLost`.
        """
        request = format_begin("READ ONLY", limits, application_name) + format_statement(sql, parameters, limits)
        request += protocol.SYNC + protocol.simple_query("ROLLBACK")
        with self.closed_unless_clean():
            reply = self.exchange(request, limits, protocol.IDLE)
            if self.is_open:
                check_statement(reply)
                check_constant(self._next_reply(OWN_LIMITS), b"ROLLBACK\0")
        return take_answer(reply, sql, limits, truncates=True)

    def rollback(self) -> None:
        """Undoes the open transaction, if there is one; where the server does not confirm it, by closing."""
        if self.is_open:
            with contextlib.suppress(DatabaseLost, StatementFailed):  # closed, which undoes it as well
                self._run_constant("ROLLBACK", OWN_LIMITS)

    def discard_all(self) -> None:
        """Puts the session back to how it was opened. Raises `DatabaseLost`, and is closed, where that fails."""
        self._run_constant("DISCARD ALL", _LIVENESS_LIMITS)

    def fetch_constant(self, constant_sql: str, parameters: Sequence[Parameter]) -> Answer:
        """Runs a query of our own outside any transaction. Raises as `read` does."""
        request = protocol.extended_query(constant_sql.encode(), parameters, 0) + protocol.SYNC
        with self.closed_unless_clean():
            reply = self.exchange(request, OWN_LIMITS)
        return take_answer(reply, constant_sql, OWN_LIMITS, truncates=False)

    def close(self) -> None:
        """Closes the connection, telling the server if it still listens."""
        if self.is_open:
            with contextlib.suppress(InterfaceError, OSError):  # it is closed either way
                super().close()

    def abandon(self, *, cancel: bool) -> None:
        """Closes the connection at once, whatever is under way; with `cancel` asks the server to stop that."""
        if self._usock is None:
            return
        self._usock.close()
        self._usock = self._sock = None
        if cancel and self._cancel is not None and self._backend_key_data is not None:
            self._cancel(self._backend_key_data)

    def _run_constant(self, constant_sql: str, limits: Limits) -> None:
        with self.closed_unless_clean():
            reply = self.exchange(protocol.simple_query(constant_sql), limits)
            check_constant(reply, f"{constant_sql}\0".encode())

    def exchange(
        self, request: bytes, limits: Limits, status: bytes | None = None, rows: RowCollector | None = None
    ) -> Reply:
        """Sends a request and reads its first reply; only inside `closed_unless_clean`.

        Rows that are not described go into `rows`, if it is given. Raises `InterfaceError` where the session is not in
        `status`, if one is given.
        """
        if self._usock is None:
            raise InterfaceError("connection: expected it to be open")
        if not self._inbox.is_empty or status not in (None, self._status):
            raise InterfaceError("connection: expected nothing left of an earlier statement")
        self._deadline_s = time.monotonic() + limits.statement_timeout_ms / 1000 + DELIVERY_GRACE_S
        self._usock.settimeout(self._remaining_s())
        self._usock.sendall(request)
        return self._next_reply(limits, rows)

    def _next_reply(self, limits: Limits, rows: RowCollector | None = None) -> Reply:
        """Reads a reply; one that was not read to its end closes the connection."""
        reply = read_reply(self._inbox, limits, rows)
        if reply.rows is not None:
            reply.rows.pack()  # here, where a value that cannot be read closes the connection
        self.parameter_statuses.update(reply.statuses)
        if reply.statuses and (unmet := unmet_setting(self.parameter_statuses)):
            name = unmet.partition(":")[0]  # the rest quotes what it was set to, which can be a value
            raise InterfaceError(f"session: the statement changed a setting: {name}")
        if reply.status is None:
            self.abandon(cancel=reply.full is not None)
        else:
            self._status = reply.status
        return reply

    def _receive(self, size: int) -> bytes:
        if self._usock is None or self._sock is None:
            raise InterfaceError("connection: expected it to be open")
        self._usock.settimeout(self._remaining_s())
        return self._sock.read1(size)  # the buffer through which pg8000 started the session: it may hold bytes already

    def _remaining_s(self) -> float:
        remaining = self._deadline_s - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("connection: the statement's time is over")
        return remaining

    @contextlib.contextmanager
    def closed_unless_clean(self) -> Iterator[None]:
        """Closes the connection where its block raises, and turns what the driver and the socket raise into ours."""
        try:
            yield
        except TimeoutError as error:
            self.abandon(cancel=True)
            detail = "The statement and its answer took longer than they may. Ask for less, or add a predicate."
            raise StatementFailed("database.timeout", detail, sqlstate="57014") from error
        except TransactionEnded as error:
            self.abandon(cancel=False)
            detail = "The statement ended its own transaction. Whether anything was written is not known."
            raise OutcomeUnknown("outcome.unknown", detail) from error
        except (InterfaceError, OSError, ValueError, struct.error) as error:
            self.abandon(cancel=False)  # there is nobody at the other end, or nobody to be talked to
            raise DatabaseLost("database.lost", "The session broke while the statement ran. Send it again.") from error
        except BaseException:
            self.abandon(cancel=True)
            raise
