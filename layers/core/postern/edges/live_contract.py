"""The answer about live tasks, for operators and auditors, and what the service says in its shapes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from postern.edges.contract import BudgetsAnswer
from postern.policy.approvals import raw_classes
from postern.types import Action, GrantedTable

if TYPE_CHECKING:
    from postern.services.live_tasks import LivePage, LiveTask

MAX_TABLES = 20  # of a task that is listed


class LiveTable(Struct, frozen=True):
    """A table that the task reaches: how many columns it sees, how many of them raw though they have a class."""

    table: str
    actions: list[Action]
    columns: int
    raw: int
    is_filtered: bool


class LiveBudgets(Struct, frozen=True):
    """What the task was opened with, null where that is not known any more, and what is left.

    What a running statement reserved is taken off what is left.
    """

    granted: BudgetsAnswer | None
    left: BudgetsAnswer


class LiveTaskBody(Struct, frozen=True):
    """A live task as its operators see it.

    `scope` has the first 20 of `tables`; `unmasked` are classes that it sees raw. `statements` counts those that run
    once; `sequence` those that were sent so far. `expires_at` is the end of its building, or of its life.
    """

    task_id: str
    state: str
    database: str
    principal: str
    on_behalf_of: str | None
    purpose: str
    ticket: str | None
    created_at: str
    expires_at: str
    tables: int
    scope: list[LiveTable]
    unmasked: list[str]
    lookup: list[str]
    statements: int
    budgets: LiveBudgets
    sequence: int
    may_revoke: bool


class LiveTasksAnswer(Struct, frozen=True):
    """The live tasks of the databases where the caller may revoke or audit, the youngest first; at most 200.

    With `next` as `cursor` more follow.
    """

    tasks: list[LiveTaskBody]
    next: str | None


def live_answer(page: LivePage) -> LiveTasksAnswer:
    return LiveTasksAnswer([_live(one) for one in page.tasks], page.next)


def _live(one: LiveTask) -> LiveTaskBody:
    task = one.task
    return LiveTaskBody(
        task_id=task.id,
        state=task.state.value,
        database=task.grant.database,
        principal=task.principal.id,
        on_behalf_of=task.principal.on_behalf_of,
        purpose=task.purpose,
        ticket=task.ticket,
        created_at=_instant(task.created_at_s),
        expires_at=_instant(task.expires_at_s),
        tables=len(task.grant.tables),
        scope=[_table(table) for table in task.grant.tables[:MAX_TABLES]],
        unmasked=sorted(raw_classes(task.grant)),
        lookup=list(task.grant.lookups),
        statements=len(task.statements),
        budgets=LiveBudgets(
            None if one.granted is None else BudgetsAnswer(**asdict(one.granted)),
            BudgetsAnswer(**asdict(task.budgets)),
        ),
        sequence=task.sequence,
        may_revoke=one.may_revoke,
    )


def _table(table: GrantedTable) -> LiveTable:
    return LiveTable(
        table=table.qualified,
        actions=list(table.actions),
        columns=len(table.columns),
        raw=sum(column.class_name is not None and column.mask is None for column in table.columns),
        is_filtered=table.row_filter is not None,
    )


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
