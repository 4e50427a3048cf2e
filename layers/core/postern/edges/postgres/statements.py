"""What is sent for one statement, and what its reply must be to be taken for an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pg8000.exceptions import InterfaceError

from postern.edges.postgres import protocol
from postern.edges.postgres.protocol import DescribedColumn, parse_affected
from postern.edges.postgres.replies import Reply
from postern.edges.postgres.rows import Full
from postern.errors import BadRequest, TooLarge
from postern.ports import Limits, Parameter
from postern.sqlstates import sanitise

_SAFE_NAME = re.compile(r"[0-9A-Za-z_.-]{1,63}")
_BOUNDED = (b"SET\0", b"SET\0", b"SET\0")  # the tags of what `_bounds` gives
_BEGUN = (b"BEGIN\0", *_BOUNDED)
_SHUT = (b"SAVEPOINT\0", b"SET\0")  # of what keeps a statement from writing in a transaction that writes
_OPENED = (b"RELEASE\0",)

# Statements that would put another transaction, or a part of one, in the place of the one that was begun for them.
_TRANSACTION_VERBS = frozenset({b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"RELEASE", b"PREPARE"})

COMMIT_TIMEOUT_MS = 4_000  # of deferred constraints, and of COMMIT after them
# Rows that this session wrote and the server has not yet added to its statistics: cascades, triggers and WITH queries
# count as the statement does. The difference over a transaction is what it wrote.
WRITTEN = """SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::pg_catalog.text
    FROM pg_catalog.pg_stat_xact_user_tables"""
_MARK = f"""SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text, pid::pg_catalog.text,
    pg_catalog.to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ({WRITTEN})
    FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())"""
_MARK_PREFIX = (b"SET\0", b"SET CONSTRAINTS\0")


class TransactionEnded(InterfaceError):  # type: ignore[misc]  # pg8000 has no types
    """Raised when a statement did not leave the transaction in which it ran as it must be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sent for one statement; `values`, `affected` and `truncated` as in `ports.Result`."""

    columns: tuple[DescribedColumn, ...]
    values: tuple[Sequence[str | None], ...]
    row_count: int
    affected: int | None
    truncated: bool
    received_bytes: int


def format_begin(mode: str, limits: Limits, application_name: str) -> bytes:
    """Begins a transaction with a statement's bounds and its name, which the database writes into its own log."""
    return _constants(f"BEGIN {mode}", *_bounds(limits, application_name))


def format_statement(sql: str, parameters: Sequence[Parameter], limits: Limits) -> bytes:
    """The agent's statement, with one row more asked for than may be delivered, without Sync. Raises `BadRequest`."""
    if "\0" in sql:
        raise BadRequest("guard.nul", "sql: expected text without NUL characters")
    try:
        encoded = sql.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("request.invalid", "sql: expected Unicode text, got half a surrogate pair") from error
    return protocol.extended_query(encoded, parameters, limits.max_rows + 1)


def format_next_statement(
    sql: str, parameters: Sequence[Parameter], limits: Limits, application_name: str, *, read_only: bool
) -> bytes:
    """A statement of an open transaction up to Sync, with its bounds and its name.

    PostgreSQL lets a part of a transaction be READ ONLY while the whole is not: the part between a savepoint and its
    release.
    """
    statement = format_statement(sql, parameters, limits)
    bounds = _constants(*_bounds(limits, application_name))
    if read_only:
        shut = _constants("SAVEPOINT postern", "SET TRANSACTION READ ONLY")
        statement = shut + statement + _constants("RELEASE SAVEPOINT postern")
    return bounds + statement + protocol.SYNC


def format_mark(*, timeout_ms: int = COMMIT_TIMEOUT_MS) -> bytes:
    """Checks what was deferred, and asks for what `ports.TransactionMark` holds."""
    # The bound holds for COMMIT too, which then has nothing left to do but to be durable.
    checks = _constants(f"SET LOCAL statement_timeout = {max(1, timeout_ms):d}", "SET CONSTRAINTS ALL IMMEDIATE")
    return checks + protocol.extended_query(_MARK.encode(), (), 0) + protocol.SYNC


def check_begun(reply: Reply) -> None:
    """Raises `InterfaceError` where a reply to `format_begin` is neither an open transaction nor a clean error."""
    if reply.fields is None and (tuple(reply.tags), reply.status) != (_BEGUN, protocol.IN_TRANSACTION):
        raise InterfaceError("BEGIN: expected it and its settings to succeed")


def check_statement(reply: Reply) -> None:
    """Raises `InterfaceError` where a reply leaves another transaction than the one begun, by result or by error."""
    if not _ran_between(reply, _BEGUN, ()):
        raise InterfaceError("statement: expected its transaction to be open still")


def check_next_statement(reply: Reply, *, read_only: bool) -> None:
    """As `check_statement`, for a reply to `format_next_statement`; raises `TransactionEnded`."""
    if not _ran_between(reply, (*_BOUNDED, *_SHUT) if read_only else _BOUNDED, _OPENED if read_only else ()):
        raise TransactionEnded("statement: expected its transaction to be open still")


def check_mark(reply: Reply) -> None:
    """Raises `InterfaceError` where a reply to `format_mark` is neither whole nor an error."""
    open_still = protocol.IN_TRANSACTION if reply.fields is None else protocol.IN_FAILED_TRANSACTION
    whole = reply.fields is not None or tuple(reply.tags[:-1]) == _MARK_PREFIX
    if not whole or reply.status != open_still:
        raise InterfaceError("mark: expected its transaction to be open still")


def check_constant(reply: Reply, tag: bytes) -> None:
    """Raises `InterfaceError` where one of our own statements did not succeed, or a transaction is open after it."""
    if (reply.fields, reply.tags, reply.status) != (None, [tag], protocol.IDLE):
        raise InterfaceError("constant: expected it to succeed and no transaction to be open")


def take_answer(reply: Reply, sql: str, limits: Limits, *, truncates: bool) -> Answer:
    """The answer that a reply holds, or the error; without `truncates` an answer past the bounds is `TooLarge`."""
    if reply.fields is not None:
        raise sanitise(reply.fields, sql)
    rows = reply.rows
    affected = parse_affected(reply.tags[-1]) if reply.tags else None
    if rows is None:
        return Answer((), (), 0, affected, truncated=False, received_bytes=0)
    more = rows.row_count > limits.max_rows
    if rows.full is Full.WIDE:
        detail = f"a row or value: expected at most {limits.max_cell_bytes:,} bytes a value. Select less of it."
        raise TooLarge("answer.too_large", detail)
    if (more or rows.full) and not truncates:
        detail = f"rows returned by a write: expected at most {limits.max_rows:,} rows, {limits.max_bytes:,} bytes."
        raise TooLarge("answer.too_large", f"{detail} Nothing was written. Return less.")
    if more:
        rows.drop_last()
    return Answer(
        reply.columns, rows.columns(), rows.row_count, affected, more or rows.full is not None, rows.received_bytes
    )


def _ran_between(reply: Reply, before: tuple[bytes, ...], after: tuple[bytes, ...]) -> bool:
    """Whether one statement completed, or failed, between our own constants, and ended no transaction."""
    tags = tuple(reply.tags)
    if tags[: len(before)] != before:
        raise InterfaceError("transaction: expected it and its settings to stand")
    own = tags[len(before) :]
    if reply.fields is None:
        clean = len(own) == 1 + len(after) and own[1:] == after and reply.status == protocol.IN_TRANSACTION
    else:
        clean = own == () and reply.status == protocol.IN_FAILED_TRANSACTION
    return clean and (not own or own[0].split(b" ")[0].rstrip(b"\0") not in _TRANSACTION_VERBS)


def _bounds(limits: Limits, application_name: str) -> tuple[str, ...]:
    if not _SAFE_NAME.fullmatch(application_name):
        raise ValueError("application_name: expected 1 to 63 letters, digits, dots, dashes or underscores")
    return (
        f"SET LOCAL statement_timeout = {max(1, limits.statement_timeout_ms):d}",  # 0 would be no bound at all
        f"SET LOCAL lock_timeout = {max(1, limits.lock_timeout_ms):d}",
        f"SET LOCAL application_name = '{application_name}'",
    )


def _constants(*statements: str) -> bytes:
    return b"".join(protocol.extended_query(sql.encode(), (), 0, describe=False) for sql in statements)
