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
_BEGUN = [b"BEGIN\0", b"SET\0", b"SET\0", b"SET\0"]  # the tags of what `format_begin` sends

# Statements that would put another transaction, or a part of one, in the place of the one that was begun for them.
_TRANSACTION_VERBS = frozenset({b"COMMIT", b"ROLLBACK", b"SAVEPOINT", b"RELEASE", b"PREPARE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sent for one statement; `values`, `affected` and `truncated` as in `ports.Result`."""

    columns: tuple[DescribedColumn, ...]
    values: tuple[list[str | None], ...]
    row_count: int
    affected: int | None
    truncated: bool
    received_bytes: int


def format_begin(mode: str, limits: Limits, application_name: str) -> bytes:
    """Begins a transaction with the statement's bounds and its name, which the database writes into its own log."""
    if not _SAFE_NAME.fullmatch(application_name):
        raise ValueError("application_name: expected 1 to 63 letters, digits, dots, dashes or underscores")
    constants = (
        f"BEGIN {mode}",
        f"SET LOCAL statement_timeout = {max(1, limits.statement_timeout_ms):d}",  # 0 would be no bound at all
        f"SET LOCAL lock_timeout = {max(1, limits.lock_timeout_ms):d}",
        f"SET LOCAL application_name = '{application_name}'",
    )
    return b"".join(protocol.extended_query(sql.encode(), (), 0, describe=False) for sql in constants)


def format_statement(sql: str, parameters: Sequence[Parameter], limits: Limits) -> bytes:
    """The agent's statement up to Sync, with one row more asked for than may be delivered. Raises `BadRequest`."""
    if "\0" in sql:
        raise BadRequest("guard.nul", "sql: expected text without NUL characters")
    try:
        encoded = sql.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("request.invalid", "sql: expected Unicode text, got half a surrogate pair") from error
    return protocol.extended_query(encoded, parameters, limits.max_rows + 1) + protocol.SYNC


def check_statement(reply: Reply) -> None:
    """Raises `InterfaceError` where a reply leaves another transaction than the one begun, by result or by error."""
    if reply.tags[: len(_BEGUN)] != _BEGUN:
        raise InterfaceError("BEGIN: expected it and its settings to succeed")
    completed = len(reply.tags) - len(_BEGUN)
    clean = (1, protocol.IN_TRANSACTION) if reply.fields is None else (0, protocol.IN_FAILED_TRANSACTION)
    if (completed, reply.status) != clean or reply.tags[-1].split(b" ")[0].rstrip(b"\0") in _TRANSACTION_VERBS:
        raise InterfaceError("statement: expected its transaction to be open still")


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
