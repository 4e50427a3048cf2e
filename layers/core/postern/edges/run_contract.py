"""The shapes of statements that run once: as they are asked for, as they are checked, and what came of them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class RunStatementBody(Struct, forbid_unknown_fields=True, frozen=True):
    """One statement that runs once: a migration's, or another that a task with tables cannot run."""

    sql: Annotated[str, Meta(min_length=1, max_length=100_000)]


class LockBody(Struct, frozen=True):
    """A lock that the statement was the first to take, as pg_locks names it."""

    relation: str
    mode: str


class StatementRunBody(Struct, frozen=True):
    """What came of one statement: `status`, and counts and codes without any value.

    `ok`, `failed`, `rolled_back`, `not_run`, `lost`, `unknown`, `waiting`; of a dry run `not_tried` too, and `ok` there
    means that it ran and was rolled back. `affected` are rows written, or those of a SELECT, which nobody is given.
    """

    status: str
    affected: int | None
    error: str | None
    sqlstate: str | None
    duration_ms: int | None
    command_id: str | None
    locks: list[LockBody]


class CheckedStatement(Struct, frozen=True):
    """A statement as it would run, byte for byte, and what the check found.

    `effects` are what no rollback takes back or what reaches further than it seems, in words.
    """

    sql: str
    sha256: str
    kind: str | None
    in_transaction: bool | None
    effects: list[str]


class RunBody(Struct, frozen=True):
    """A run, or a dry run: `running`, `done`, `failed`, `unknown`; and its statements in order."""

    id: str
    state: str
    started_at: str
    finished_at: str | None
    error: str | None
    statements: list[StatementRunBody]


class DryRunBody(RunBody, frozen=True, kw_only=True):
    """A trial that was rolled back. `note` says what a rollback does not take back."""

    by: str
    database: str
    note: str
