"""Transactions that write: nothing stands before `commit`, and everything that is not a clean commit is told apart.

What is durable when the process dies:
    before `commit`    nothing: the server undoes the transaction when its session is gone, at the latest after
                       `idle_in_transaction_session_timeout`
    inside `commit`    all or nothing, and only the database knows which: `mark` gave what to ask it by
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from postern.edges.postgres import protocol
from postern.edges.postgres.statements import (
    COMMIT_TIMEOUT_MS,
    WRITTEN,
    Answer,
    check_begun,
    check_constant,
    check_mark,
    check_next_statement,
    format_begin,
    format_mark,
    format_next_statement,
    take_answer,
)
from postern.edges.postgres.wire import OWN_LIMITS, AgentConnection
from postern.errors import (
    DatabaseLost,
    DatabaseUnavailable,
    OutcomeUnknown,
    PosternError,
    StatementFailed,
    TooLarge,
)
from postern.ports import Limits, Parameter, Result, TransactionMark
from postern.sqlstates import sanitise
from postern.types import CommandId

# Of a BEGIN that asks to write, on a standby: what it is told in recovery ("cannot set transaction read-write mode").
_TAKES_NO_WRITES = frozenset({"0A000", "25006"})
_COMMIT_LIMITS = replace(OWN_LIMITS, statement_timeout_ms=COMMIT_TIMEOUT_MS)


class TaskTransaction:
    """Implements `ports.Transaction` over a connection, which is in no transaction when it is made.

    `describe` makes a result of an answer; it may ask the same connection for the names of types. `system_identifier`
    is the server's.
    """

    def __init__(
        self,
        connection: AgentConnection,
        describe: Callable[[Answer], Result],
        command_id: CommandId,
        system_identifier: str | None,
    ) -> None:
        self._connection = connection
        self._describe = describe
        self._command_id = command_id
        self._system_identifier = system_identifier
        self._written_before = 0

    def begin(self, limits: Limits, *, read_only: bool) -> None:
        """Begins it: to be called once, first. Raises what the database said against it, or `DatabaseLost`."""
        mode = "READ ONLY" if read_only else "READ WRITE"
        request = format_begin(mode, limits, self._command_id) + protocol.SYNC
        with self._undone_unless_clean():
            with self._connection.closed_unless_clean():
                reply = self._connection.exchange(request, limits, protocol.IDLE)
                check_begun(reply)
            if reply.fields is not None:
                raise _not_begun(reply.fields, read_only=read_only)
            if not read_only:
                self._written_before = self._written()

    def _written(self) -> int:
        """Asked inside the transaction: outside of one the server may add up its counts, and begin anew."""
        request = protocol.extended_query(WRITTEN.encode(), (), 0) + protocol.SYNC
        with self._connection.closed_unless_clean():
            reply = self._connection.exchange(request, OWN_LIMITS, protocol.IN_TRANSACTION)
        return int(take_answer(reply, "", OWN_LIMITS, truncates=False).values[0][0] or 0)

    def run(
        self,
        sql: str,
        parameters: Sequence[Parameter],
        limits: Limits,
        *,
        read_only: bool,
        command_id: CommandId | None = None,
    ) -> Result:
        """As `ports.Transaction.run`."""
        name = command_id or self._command_id
        with self._undone_unless_clean():
            request = format_next_statement(sql, parameters, limits, name, read_only=read_only)
            with self._connection.closed_unless_clean():
                reply = self._connection.exchange(request, limits, protocol.IN_TRANSACTION)
                if self._connection.is_open:
                    check_next_statement(reply, read_only=read_only)
            # Where bytes stopped it the session is gone, and the transaction with it: no part of that is an answer.
            truncates = read_only and self._connection.is_open
            return self._describe(take_answer(reply, sql, limits, truncates=truncates))

    def mark(self) -> TransactionMark:
        """As `ports.Transaction.mark`."""
        with self._undone_unless_clean():
            with self._connection.closed_unless_clean():
                reply = self._connection.exchange(format_mark(), OWN_LIMITS, protocol.IN_TRANSACTION)
                check_mark(reply)
            answer = take_answer(reply, "", OWN_LIMITS, truncates=False)
            xid, pid, start, written = (column[0] or "" for column in answer.values)
            return TransactionMark(xid, int(pid), start, self._system_identifier, int(written) - self._written_before)

    def commit(self) -> None:
        """As `ports.Transaction.commit`."""
        with self._undone_unless_clean():
            if not self._connection.is_in_transaction:
                raise DatabaseLost("database.lost", "The transaction was gone before COMMIT. Nothing was written.")
            try:
                with self._connection.closed_unless_clean():
                    reply = self._connection.exchange(protocol.simple_query("COMMIT"), _COMMIT_LIMITS)
                    if reply.fields is None or not self._connection.is_open:
                        check_constant(reply, b"COMMIT\0")
            except (DatabaseLost, StatementFailed) as error:
                raise OutcomeUnknown("outcome.unknown", "The session broke while the write was committed.") from error
            if reply.fields is not None:
                raise sanitise(reply.fields, "")

    def rollback(self) -> None:
        """As `ports.Transaction.rollback`."""
        self._connection.rollback()

    @contextmanager
    def _undone_unless_clean(self) -> Iterator[None]:
        with abandoned_unless_clean(self._connection):
            try:
                yield
            except (StatementFailed, TooLarge):
                self.rollback()
                raise


@contextmanager
def abandoned_unless_clean(connection: AgentConnection) -> Iterator[None]:
    """Closes the connection after any error but a clean one; what was under way was cancelled where it stopped."""
    try:
        yield
    except (StatementFailed, TooLarge):
        raise
    except BaseException:
        connection.abandon(cancel=False)
        raise


def _not_begun(fields: Mapping[str, str], *, read_only: bool) -> PosternError:
    if not read_only and fields.get("C") in _TAKES_NO_WRITES:
        detail = "The database takes no writes now, as in the midst of a failover. Nothing was written: try again."
        return DatabaseUnavailable("database.unavailable", detail)
    return sanitise(fields, "")
