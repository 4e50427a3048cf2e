"""What statements need beyond what every call reserves: known only once the guard has read them."""

from __future__ import annotations

from collections.abc import Sequence

from postern.guard.verdict import Allowed
from postern.types import Budgets, MaskKind, Task, View

MAX_AFFECTED = 100_000  # rows that one call may write
MAX_VALUES = 20_000  # distinct sensitive values that one answer may hold


def needs_of(task: Task, verdicts: Sequence[Allowed]) -> Budgets:
    """Rows to write for a call that writes, sensitive values for one that reads a relation which has any."""
    sensitive = {view.qualified for view in task.views if _is_sensitive(view)}
    return Budgets(
        affected=MAX_AFFECTED if any(verdict.writes for verdict in verdicts) else 0,
        values=MAX_VALUES if any(sensitive.intersection(verdict.relations) for verdict in verdicts) else 0,
    )


def _is_sensitive(view: View) -> bool:
    """Whether a column of it shows tokens, or a class that is seen raw."""
    return any(
        column.mask is MaskKind.TOKEN or (column.mask is None and column.class_name is not None)
        for column in view.columns
    )
