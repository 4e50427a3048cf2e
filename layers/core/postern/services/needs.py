"""What only some statements use up: rows that are written, and sensitive values that are delivered.

How many is known once a statement has run; then they are taken, before anything is committed or delivered. That some
are left at all is asked before it runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from postern.errors import BudgetExceeded
from postern.guard.verdict import Allowed
from postern.types import MaskKind, Task, View


def check_needs(task: Task, verdicts: Sequence[Allowed]) -> None:
    """Raises `BudgetExceeded` where a statement cannot but fail for want of what it needs."""
    if task.budgets.affected < 1 and any(verdict.writes for verdict in verdicts):
        raise BudgetExceeded("budget.affected", "the task may write no more rows: open a new one")
    if task.budgets.values < 1 and any(_sensitive(task).intersection(verdict.relations) for verdict in verdicts):
        raise BudgetExceeded(
            "budget.values", "the task may see no more sensitive values: leave their tables out, or open a new one"
        )


def _sensitive(task: Task) -> set[str]:
    return {view.qualified for view in task.views if _is_sensitive(view)}


def _is_sensitive(view: View) -> bool:
    """Whether a column of it shows tokens, or a class that is seen raw."""
    return any(
        column.mask is MaskKind.TOKEN or (column.mask is None and column.class_name is not None)
        for column in view.columns
    )
