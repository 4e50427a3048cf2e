"""How a task is shown to a person. What others wrote (purposes, names, statements, comments) moves no cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from postern.edges.contract import ScopeColumn, ScopeTable, TaskAnswer
from postern.edges.run_contract import CheckedStatement, RunBody
from postern_cli.tables import print_table
from postern_cli.terminal import printable

_WIDTH = 14


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """A name and its text a line."""
    for name, text in fields:
        print(f"{name:<{_WIDTH}}{printable(text)}")


def print_tasks(tasks: Sequence[TaskAnswer], what: str) -> None:
    rows = [
        [
            printable(text)
            for text in (one.task_id, one.state, one.database, _approvals(one), one.expires_at, one.purpose)
        ]
        for one in tasks
    ]
    print_table("", ["task", "state", "database", "approvals", "until", "purpose"], rows)
    if not rows:
        print(f"no {what}")


def print_task(task: TaskAnswer) -> None:
    """All that its own principal needs to know."""
    print_fields(list(_fields(task)))
    for table in task.scope:
        _print_table(table)
    print_statements(task.statements or [])
    if task.run is not None:
        print_run(task.run)


def print_statements(statements: Sequence[CheckedStatement]) -> None:
    """Statements that run once, whole, each line marked: so that none can pass for a line of ours."""
    for number, one in enumerate(statements, 1):
        print_fields([(f"statement {number}", f"{one.kind or 'unknown kind'}, sha256 {one.sha256}")])
        print_quoted(one.sql)
        for effect in one.effects:
            print_fields([("", f"note: {effect}")])


def print_quoted(text: str) -> None:
    """A text of others in its own lines."""
    for line in text.splitlines() or [""]:
        print(f"{'':<{_WIDTH}}| {printable(line, keep='')}")


def print_run(run: RunBody) -> None:
    print_fields([("run", f"{run.state}, since {run.started_at}{f': {run.error}' if run.error else ''}")])
    for number, one in enumerate(run.statements, 1):
        rows = "" if one.affected is None else f", {one.affected:,} rows"
        why = f": {one.sqlstate or one.error}" if one.sqlstate or one.error else ""
        print_fields([(f"  {number}", f"{one.status}{rows}{why}")])


def _fields(task: TaskAnswer) -> Iterator[tuple[str, str]]:
    yield "task", task.task_id
    yield "state", f"{task.state}, until {task.expires_at}"
    yield "database", task.database
    yield "purpose", task.purpose
    if task.ticket is not None:
        yield "ticket", task.ticket
    if task.approvals is not None:
        yield "approvals", f"{task.approvals.given} of {task.approvals.needed}"
    if task.statements is None:
        budgets = task.budgets
        yield "left", f"{budgets.statements:,} statements, {budgets.rows:,} rows, {budgets.affected:,} rows written"
    if task.lookup:
        yield "lookup", ", ".join(task.lookup)


def _print_table(table: ScopeTable) -> None:
    print_fields([("table", f"{table.table}: {', '.join(table.actions)}")])
    hidden = [f"{one.name} ({one.mask})" for one in table.columns if one.mask is not None]
    shown = [_shown(one) for one in table.columns if one.mask is None]
    if shown:
        print_fields([("  shown", ", ".join(shown))])
    if hidden:
        print_fields([("  masked", ", ".join(hidden))])
    if table.row_filter is not None:
        print_fields([("  rows where", table.row_filter)])


def _shown(column: ScopeColumn) -> str:
    return column.name if column.class_name == "open" else f"{column.name} ({column.class_name}, raw)"


def _approvals(task: TaskAnswer) -> str:
    return "-" if task.approvals is None else f"{task.approvals.given} of {task.approvals.needed}"
