"""Domain objects in the contract's shapes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

import msgspec

from postern.approval_ports import Approved
from postern.approvals import Mine, Review, TaskApprovals
from postern.edges import contract
from postern.edges.review_contract import ApprovalsAnswer, ReviewBody
from postern.edges.review_presenter import review_body
from postern.edges.run_presenter import checked_statements, dry_run_bodies, run_body
from postern.policy.requests import AccessRequest, TaskRequest
from postern.run_ports import TaskRuns
from postern.types import Budgets, DatabaseName, GrantedTable, Principal, Task, TaskState, ViewColumn

MAX_LISTED_BYTES = 4_000_000  # of a list; a Lambda function's answer may have 6 MB


def task_request(body: contract.OpenTaskBody) -> TaskRequest:
    return TaskRequest(
        database=DatabaseName(body.database),
        purpose=body.purpose,
        ticket=body.ticket,
        access=tuple(
            AccessRequest(tuple(one.tables), tuple(one.actions), None if one.columns is None else tuple(one.columns))
            for one in body.access or ()
        ),
        unmask=tuple(body.unmask),
        lookup=tuple(body.lookup),
        ttl_s=body.ttl_s,
        statements=tuple(one.sql for one in body.statements or ()),
        budgets=Budgets()
        if body.statements
        else Budgets(
            statements=body.max_statements,
            rows=body.max_rows,
            bytes=body.max_bytes,
            affected=body.max_affected,
            values=body.max_values,
            lookups=body.max_lookups,
        ),
    )


def task_answer(
    task: Task,
    approvals: TaskApprovals | None = None,
    review: ReviewBody | None = None,
    runs: TaskRuns | None = None,
    *,
    is_listed: bool = False,
) -> contract.TaskAnswer:
    """A task. In a list its statements are left out: a hundred tasks may have as many megabytes of them."""
    return contract.TaskAnswer(
        task_id=task.id,
        state=task.state.value,
        database=task.grant.database,
        purpose=task.purpose,
        ticket=task.ticket,
        created_at=_instant(task.created_at_s),
        expires_at=_instant(task.expires_at_s),
        scope=[
            contract.ScopeTable(
                table=table.qualified,
                actions=list(table.actions),
                columns=_columns(task, table),
                row_filter=None if table.row_filter is None else table.row_filter.expression,
            )
            for table in task.grant.tables
        ],
        lookup=list(task.grant.lookups),
        budgets=contract.BudgetsAnswer(**asdict(task.budgets)),
        worlds=task.worlds,
        ttl_s=task.ttl_s,
        scope_digest=task.scope_digest,
        approvals=None if approvals is None else ApprovalsAnswer(approvals.needed, len(approvals.given)),
        review=review,
        statements=None if is_listed else checked_statements(task),
        run=None if runs is None else run_body(runs.run),
        dry_runs=[] if runs is None else dry_run_bodies(runs.dry_runs),
    )


def seen_answer(seen: Mine | Review, principal: Principal, runs: TaskRuns | None = None) -> contract.TaskAnswer:
    """A task as its own principal sees it, or who may approve it."""
    review = review_body(seen, principal) if isinstance(seen, Review) else None
    return task_answer(seen.task, seen.approvals, review, runs)


def seen_answers(seen: Iterable[Mine | Review], principal: Principal) -> contract.TasksAnswer:
    """As many, from the first on, as fit into an answer: a wide task may have megabytes of columns. One always fits."""
    listed: list[contract.TaskAnswer] = []
    left = MAX_LISTED_BYTES
    for one in seen:
        answer = _listed(one, principal)
        left -= len(msgspec.json.encode(answer))
        if listed and left < 0:
            break
        listed.append(answer)
    return contract.TasksAnswer(listed)


def _listed(seen: Mine | Review, principal: Principal) -> contract.TaskAnswer:
    review = msgspec.structs.replace(review_body(seen, principal), statements=[]) if isinstance(seen, Review) else None
    return task_answer(seen.task, seen.approvals, review, is_listed=True)


def approved_answer(approved: Approved, principal: Principal) -> tuple[int, contract.TaskAnswer]:
    """The task after an approver's word, as the approver sees it; 202 where its statements run now, once."""
    runs = approved.task.runs_once and approved.task.state is TaskState.ACTIVE
    review = Review(approved.task, approved.approvals, approved.approvals.estimates or {})
    return 202 if runs else 200, seen_answer(review, principal)


def schema_answer(task: Task) -> contract.SchemaAnswer:
    keys = {view.qualified: list(view.key) for view in task.views}
    return contract.SchemaAnswer(
        task.grant.database,
        [
            contract.SchemaTable(table.qualified, keys.get(table.qualified, []), _columns(task, table))
            for table in task.grant.tables
        ],
    )


def _columns(task: Task, table: GrantedTable) -> list[contract.ScopeColumn]:
    """The view's columns as the database has them; before the world stands, as granted, types not yet known."""
    for view in task.views:
        if view.qualified == table.qualified:
            return [_built(column) for column in view.columns]
    return [
        contract.ScopeColumn(
            name=column.name,
            type=None,
            class_name=column.class_name or "open",
            mask=column.mask.kind.value if column.mask else None,
            insert=False,
            update=False,
        )
        for column in table.columns
    ]


def _built(column: ViewColumn) -> contract.ScopeColumn:
    return contract.ScopeColumn(
        name=column.name,
        type=column.type,
        class_name=column.class_name or "open",
        mask=column.mask.value if column.mask else None,
        insert=column.is_insertable,
        update=column.is_updatable,
    )


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
