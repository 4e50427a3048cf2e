"""Tasks in words: what state one is in, what it may see and do, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from postern.edges.mcp.guidance import PENDING, POLL_S
from postern.edges.mcp.printable import printable

_MAX_NAME = 200
_MAX_LINES = 400
_BUILDING_S = 5

# By state: what to do next, and after how many seconds to look again where something is waited for.
_NEXT: Mapping[str, tuple[str, int | None]] = {
    "active": ("Call describe, then query. Call end_task as soon as the work is done.", None),
    "pending_approval": (f"{PENDING.next} {PENDING.do_not}", POLL_S),
    "provisioning": (f"It is being built: look with task_status after {_BUILDING_S} s.", _BUILDING_S),
    "suspending": ("Its database is held for maintenance: look with task_status later.", POLL_S),
    "suspended": ("Its database is held for maintenance: look with task_status later.", POLL_S),
    "ending": ("It ends and takes no statement any more.", None),
    "denied": (
        "A person denied it. Tell the person you work for; do not open it again unless what was asked for changes.",
        None,
    ),
    "revoked": ("An operator took the access away. Stop, and say so; do not open another task for it.", None),
    "failed": ("It could not be built. Open a new task once; if that fails too, tell an operator.", None),
}
_OVER = ("It is over. If work is left, open a new task for it.", None)
# One of statements that run once: people approve it, and then it runs by itself.
_RUNS_ONCE = ("Its statements run by themselves once: look with task_status what came of them.", POLL_S)


def next_of(task: Mapping[str, Any]) -> tuple[str, int | None]:
    """What to do next, and when to look again."""
    if task.get("statements") is not None and task.get("state") == "active":
        return _RUNS_ONCE
    return _NEXT.get(str(task.get("state")), _OVER)


def task_text(task: Mapping[str, Any], console: str) -> str:
    """A task in a few lines; `console` is where people decide."""
    lines = [
        f"Task {_name(task.get('task_id'))} of database {_name(task.get('database'))}: {_name(task.get('state'))},"
        f" until {_name(task.get('expires_at'))}.",
    ]
    approvals = task.get("approvals") or {}
    if approvals:
        lines.append(f"Approvals: {approvals.get('given')} of {approvals.get('needed')}.")
    if task.get("state") == "pending_approval":
        lines.append(
            f"People who may approve it decide at {console}, or by `postern task approve {_name(task.get('task_id'))}`."
        )
    lines += list(_scope(task.get("scope") or []))
    if task.get("statements") is None:
        lines.append(budgets_text(task.get("budgets") or {}))
    else:  # which have no budgets
        lines.append(f"Statements that run once: {len(task['statements'])}.")
    lines += list(_runs(task))
    return "\n".join([*lines, f"Next: {next_of(task)[0]}"])


def tasks_text(tasks: Iterable[Mapping[str, Any]], *, older: int) -> str:
    """A task a line; `older` ones are left out."""
    lines = [
        f"- {_name(one.get('task_id'))}: {_name(one.get('state'))}, {_name(one.get('database'))}, until"
        f" {_name(one.get('expires_at'))}"
        for one in tasks
    ]
    more = [f"…(+{older} older)"] if older else []
    return "\n".join(["Your tasks, the newest first:", *lines, *more] if lines else ["You have no tasks."])


def described_text(described: Mapping[str, Any]) -> str:
    """What a statement can name, a column a line."""
    lines = [f"Database {_name(described.get('database'))}, PostgreSQL. Masked columns are masked everywhere."]
    if not described["tables"]:
        lines = [f"Database {_name(described.get('database'))}. The task sees no table: its statements run once."]
    for table in described["tables"]:
        actions, key = ", ".join(table["actions"]), ", ".join(map(_name, table["key"]))
        lines.append(f"{_name(table['table'])} ({actions})" + (f" key: {key}" if key else ""))
        if table["row_filter"]:
            lines.append(f"  only rows where {_name(table['row_filter'])}")
        lines += [f"  {_column(column)}" for column in table["columns"]]
    if described["lookup"]:
        lines.append(f"Values may be looked up in classes {', '.join(map(_name, described['lookup']))}.")
    shown = lines[:_MAX_LINES]
    if len(lines) > len(shown):
        shown.append(f"…(+{len(lines) - len(shown)} lines; all is in the structured content)")
    left = [budgets_text(described["budgets"])] if described["tables"] else []
    return "\n".join([*shown, *left, f"Next: {described['next']}"])


# The contract's names say too little by themselves.
_BUDGETS = {"affected": "rows to write", "bytes": "bytes of answers", "values": "sensitive values"}


def budgets_text(left: Mapping[str, Any]) -> str:
    counts = (f"{amount:,} {_BUDGETS.get(name, name)}" for name, amount in left.items() if isinstance(amount, int))
    return f"Left: {', '.join(counts)}."


def _scope(tables: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for table in tables:
        masked = [f"{_name(column['name'])} ({column['mask']})" for column in table["columns"] if column["mask"]]
        line = f"- {_name(table['table'])}: {', '.join(table['actions'])}, {len(table['columns'])} columns"
        yield printable(line + (f"; masked: {', '.join(masked)}" if masked else ""), at_most=1_000)


def _runs(task: Mapping[str, Any]) -> Iterator[str]:
    for run in [task.get("run"), *(task.get("dry_runs") or [])]:
        if run is not None:
            tried = "Dry run" if "note" in run else "Run"
            states = ", ".join(f"{index}: {one['status']}" for index, one in enumerate(run["statements"], 1))
            yield f"{tried} {run['state']}" + (f" ({states})" if states else "")


def _column(column: Mapping[str, Any]) -> str:
    writes = ", ".join(action for action in ("insert", "update") if column.get(action))
    what = f"{_name(column['name'])} {_name(column['type'] or '?')}"
    masked = f" [{_name(column['class'])}: masked as {column['mask']}]" if column["mask"] else ""
    return what + masked + (f" ({writes})" if writes else "")


def _name(value: object) -> str:
    return printable(str(value), at_most=_MAX_NAME)
