"""Statements that run once, and their runs, in the contract's shapes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from postern.edges import run_contract as shapes
from postern.run_ports import DryRun, Run, StatementRun
from postern.server_majors import SUPPORTED_MAJORS
from postern.types import Task

NOTE = (
    "Everything was rolled back, but for what no rollback takes back: sequences that advanced, and whatever reached"
    " outside of the database. Statements that cannot run in a transaction were not tried."
)


def checked_statements(task: Task) -> list[shapes.CheckedStatement] | None:
    """The task's statements with what their check says of them; None for a task with tables."""
    if not task.runs_once:
        return None
    # Here, since a task with tables needs no parser.
    from postern.run_once.check import check_statements
    from postern.run_once.digest import sha256_of
    from postern.run_once.verdict import Accepted

    verdict = check_statements(task.statements, server_major=task.server_major or max(SUPPORTED_MAJORS))
    if isinstance(verdict, Accepted):
        return [
            shapes.CheckedStatement(one.sql, one.sha256, one.kind, one.in_transaction, list(one.effects))
            for one in verdict.statements
        ]
    return [shapes.CheckedStatement(sql, sha256_of(sql), None, None, []) for sql in task.statements]


def run_body(run: Run | None) -> shapes.RunBody | None:
    if run is None:
        return None
    return shapes.RunBody(
        id=run.id,
        state=run.state.value,
        started_at=_instant(run.started_at_s),
        finished_at=None if run.finished_at_s is None else _instant(run.finished_at_s),
        error=run.error,
        statements=_statements(run.statements),
    )


def dry_run_bodies(dry_runs: Sequence[DryRun]) -> list[shapes.DryRunBody]:
    return [
        shapes.DryRunBody(
            id=one.id,
            state=one.state.value,
            started_at=_instant(one.started_at_s),
            finished_at=None if one.finished_at_s is None else _instant(one.finished_at_s),
            error=one.error,
            statements=_statements(one.statements),
            by=one.by,
            database=one.database,
            note=NOTE,
        )
        for one in dry_runs
    ]


def _statements(statements: Sequence[StatementRun]) -> list[shapes.StatementRunBody]:
    return [
        shapes.StatementRunBody(
            status=one.status.value,
            affected=one.affected,
            error=one.error,
            sqlstate=one.sqlstate,
            duration_ms=one.duration_ms,
            command_id=one.command_id,
            locks=[shapes.LockBody(lock.relation, lock.mode) for lock in one.locks],
        )
        for one in statements
    ]


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
