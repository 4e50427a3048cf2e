"""The session of statements that run once: as the owner role, a transaction at a time or a statement alone.

Settings that a statement makes hold to the end of its transaction at most: each begins with the same ones. The owner
role is taken on again before every statement, so that a function which put it back changes nothing for the next.

What is durable when the process dies: before `commit` nothing of a transaction; inside `commit` all or nothing, which
only the database can tell; during `run_alone` whatever PostgreSQL does for that statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from pg8000.exceptions import InterfaceError

from postern.edges.postgres import protocol
from postern.edges.postgres.connect import CONNECT_TIMEOUT_S, connect
from postern.edges.postgres.replies import Reply
from postern.edges.postgres.statements import (
    WRITTEN,
    check_constant,
    check_mark,
    check_next_statement,
    format_mark,
    take_answer,
)
from postern.edges.postgres.transactions import abandoned_unless_clean
from postern.edges.postgres.wire import OWN_LIMITS, AgentConnection
from postern.edges.run_rows import RowCounter
from postern.errors import DatabaseLost, OutcomeUnknown, StatementFailed, TooLarge
from postern.ports import Limits, TransactionMark
from postern.run_ports import Lock, RunBounds
from postern.sqlstates import sanitise
from postern.types import CommandId, DatabaseAddress, Secret, Task
from postern.world.names import quote_ident, role_name

COMMIT_TIMEOUT_MS = 30_000  # a standby may be waited for, for as long as a run's last minute lasts
IDLE_MS = 60_000  # between two statements, for the records of those before
MAX_LOCKS = 200

_SAFE_NAME = re.compile(r"[0-9A-Za-z_.-]{1,63}")
_COUNT = re.compile(rb"[A-Z ]+ (?:[0-9]+ )?([0-9]{1,18})\0")
_SYSTEM_IDENTIFIER = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"
_LOCKS = f"""SELECT DISTINCT n.nspname || '.' || c.relname, l.mode
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
        AND c.relkind IN ('r', 'p', 'f', 'm', 'v', 'S')
        AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
    ORDER BY 1, 2 LIMIT {MAX_LOCKS}"""


class PostgresRunSession:
    """Implements `run_ports.RunSession` over one connection."""

    def __init__(self, connection: AgentConnection) -> None:
        self._connection = connection
        self._identifier: str | None = None
        self._bounds: RunBounds | None = None
        self._written_before = 0

    def begin(self, bounds: RunBounds, *, command_id: CommandId) -> None:
        self._bounds = bounds
        if self._identifier is None:
            self._identifier = self._system_identifier()
        begun = ("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", *_settings("SET LOCAL", bounds, command_id))
        with abandoned_unless_clean(self._connection):
            self._set(begun, protocol.IDLE, protocol.IN_TRANSACTION)
            self._written_before = self._written()

    def run(self, sql: str, *, command_id: CommandId, timeout_ms: int, bounds: RunBounds | None = None) -> int | None:
        owner = self._owner()
        named = (
            f"SET LOCAL ROLE {owner}",
            f"SET LOCAL application_name = '{_safe(command_id)}'",
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS:d}",
        )
        with abandoned_unless_clean(self._connection):
            if bounds is not None:
                self._set(_limits("SET LOCAL", bounds, command_id), protocol.IN_TRANSACTION, protocol.IN_TRANSACTION)
            with self._connection.closed_unless_clean():
                request = _constants(*named) + _statement(sql) + protocol.SYNC
                limits = _patient(timeout_ms)
                reply = self._connection.exchange(request, limits, protocol.IN_TRANSACTION, RowCounter())
                if self._connection.is_open:
                    check_next_statement(reply, read_only=False)
            return _count(reply, sql)

    def locks(self) -> tuple[Lock, ...]:
        with abandoned_unless_clean(self._connection), self._connection.closed_unless_clean():
            request = protocol.extended_query(_LOCKS.encode(), (), 0) + protocol.SYNC
            reply = self._connection.exchange(request, OWN_LIMITS, protocol.IN_TRANSACTION)
            relations, modes = take_answer(reply, "", OWN_LIMITS, truncates=False).values
        return tuple(Lock(relation or "", mode or "") for relation, mode in zip(relations, modes, strict=True))

    def mark(self, *, timeout_ms: int) -> TransactionMark:
        with abandoned_unless_clean(self._connection):
            with self._connection.closed_unless_clean():
                # As the owner role again, and with time enough to check what was deferred.
                request = _constants(f"SET LOCAL ROLE {self._owner()}") + protocol.SYNC
                _check_set(self._connection.exchange(request, OWN_LIMITS, protocol.IN_TRANSACTION), 1)
                checks = format_mark(timeout_ms=timeout_ms)
                reply = self._connection.exchange(checks, _patient(timeout_ms), protocol.IN_TRANSACTION)
                check_mark(reply)
            answer = take_answer(reply, "", OWN_LIMITS, truncates=False)
            xid, pid, start, written = (column[0] or "" for column in answer.values)
            return TransactionMark(xid, int(pid), start, self._identifier, int(written) - self._written_before)

    def commit(self) -> None:
        with abandoned_unless_clean(self._connection):
            if not self._connection.is_in_transaction:
                raise DatabaseLost("database.lost", "The transaction was gone before COMMIT. Nothing was written.")
            try:
                with self._connection.closed_unless_clean():
                    limits = _patient(COMMIT_TIMEOUT_MS)
                    reply = self._connection.exchange(protocol.simple_query("COMMIT"), limits)
                    if reply.fields is None or not self._connection.is_open:
                        check_constant(reply, b"COMMIT\0")
            except (DatabaseLost, StatementFailed) as error:
                detail = "The session broke while the transaction was committed."
                raise OutcomeUnknown("outcome.unknown", detail) from error
            if reply.fields is not None:
                raise sanitise(reply.fields, "")

    def rollback(self) -> None:
        self._connection.rollback()

    def run_alone(self, sql: str, bounds: RunBounds, *, command_id: CommandId) -> int | None:
        self._bounds = bounds
        with abandoned_unless_clean(self._connection):
            self._set(_settings("SET", bounds, command_id), protocol.IDLE, protocol.IDLE)
            try:
                with self._connection.closed_unless_clean():
                    limits = _patient(bounds.statement_timeout_ms)
                    request = _statement(sql) + protocol.SYNC
                    reply = self._connection.exchange(request, limits, protocol.IDLE, RowCounter())
                    if self._connection.is_open and reply.status != protocol.IDLE:
                        raise InterfaceError("statement: expected no transaction to be open after it")
                return _count(reply, sql)
            except StatementFailed:
                if self._connection.is_open:
                    raise
                raise _unknown() from None  # its time was over, and nobody knows how far it came
            except (DatabaseLost, TooLarge) as error:
                raise _unknown() from error

    def close(self) -> None:
        self._connection.close()

    def _owner(self) -> str:
        if self._bounds is None:
            raise InterfaceError("session: expected a transaction to be begun")
        return quote_ident(self._bounds.owner_role)

    def _set(self, constants: tuple[str, ...], before: bytes, after: bytes) -> None:
        with self._connection.closed_unless_clean():
            reply = self._connection.exchange(_constants(*constants) + protocol.SYNC, OWN_LIMITS, before)
            if reply.fields is None and reply.status != after:
                raise InterfaceError("settings: expected them to be made where they were")
            if reply.fields is None:
                return
        raise sanitise(reply.fields, "")

    def _written(self) -> int:
        with self._connection.closed_unless_clean():
            request = protocol.extended_query(WRITTEN.encode(), (), 0) + protocol.SYNC
            reply = self._connection.exchange(request, OWN_LIMITS, protocol.IN_TRANSACTION)
        return int(take_answer(reply, "", OWN_LIMITS, truncates=False).values[0][0] or 0)

    def _system_identifier(self) -> str | None:
        try:
            return self._connection.fetch_constant(_SYSTEM_IDENTIFIER, ()).values[0][0]
        except StatementFailed:
            return None  # this server keeps it from a task's role


@dataclass(frozen=True, slots=True)
class RunSessions:
    """Implements `run_ports.RunDatabase`; each session has a token of its own from `mint`."""

    mint: Callable[[Task, DatabaseAddress], Secret]

    def open(self, task: Task, address: DatabaseAddress) -> PostgresRunSession:
        token, role = self.mint(task, address), role_name(task.id)
        return PostgresRunSession(
            connect(address, role, token, timeout_s=CONNECT_TIMEOUT_S, application_name="postern")
        )


def _settings(verb: str, bounds: RunBounds, command_id: CommandId) -> tuple[str, ...]:
    """What every transaction begins with, whatever one before it set. `pg_catalog` is searched first unless named."""
    search_path = f"{verb} search_path TO {quote_ident(bounds.schema_default)}, pg_temp"
    return ("RESET ALL", *_limits(verb, bounds, command_id), search_path)


def _limits(verb: str, bounds: RunBounds, command_id: CommandId) -> tuple[str, ...]:
    """What holds against a statement before it. Its search path does not: the next is meant to run in that."""
    return (
        f"{verb} ROLE {quote_ident(bounds.owner_role)}",
        f"{verb} lock_timeout = {max(1, bounds.lock_timeout_ms):d}",
        f"{verb} statement_timeout = {max(1, bounds.statement_timeout_ms):d}",
        f"{verb} idle_in_transaction_session_timeout = {IDLE_MS:d}",
        f"{verb} application_name = '{_safe(command_id)}'",
    )


def _safe(name: str) -> str:
    if not _SAFE_NAME.fullmatch(name):
        raise ValueError("application_name: expected 1 to 63 letters, digits, dots, dashes or underscores")
    return name


def _constants(*statements: str) -> bytes:
    return b"".join(protocol.extended_query(sql.encode(), (), 0, describe=False) for sql in statements)


def _statement(sql: str) -> bytes:
    """The statement as it was approved, byte for byte; all its rows are asked for, so that it runs to its end."""
    return protocol.extended_query(sql.encode(), (), 0, describe=False)


def _patient(timeout_ms: int) -> Limits:
    return replace(OWN_LIMITS, statement_timeout_ms=max(1, timeout_ms))


def _check_set(reply: Reply, count: int) -> None:
    if reply.fields is not None or reply.tags != [b"SET\0"] * count or reply.status != protocol.IN_TRANSACTION:
        raise InterfaceError("settings: expected them to be made in the transaction that was begun")


def _count(reply: Reply, sql: str) -> int | None:
    if reply.fields is not None:
        raise sanitise(reply.fields, sql)
    if reply.full is not None:
        detail = "It gave more rows than can be thrown away. Narrow it; nothing of its transaction stands."
        raise TooLarge("answer.too_large", detail)
    counted = _COUNT.fullmatch(reply.tags[-1]) if reply.tags else None
    return int(counted[1]) if counted else None


def _unknown() -> OutcomeUnknown:
    detail = "The session broke while a statement ran outside of a transaction: look at what it left."
    return OutcomeUnknown("outcome.unknown", detail)
