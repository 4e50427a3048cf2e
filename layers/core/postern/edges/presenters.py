"""Domain objects in the contract's shapes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from postern.edges import contract
from postern.policy.requests import AccessRequest, TaskRequest
from postern.services.answers import Answer
from postern.types import DatabaseName, GrantedTable, Task, ViewColumn


def task_request(body: contract.OpenTaskBody) -> TaskRequest:
    return TaskRequest(
        database=DatabaseName(body.database),
        purpose=body.purpose,
        ticket=body.ticket,
        access=tuple(
            AccessRequest(tuple(one.tables), tuple(one.actions), None if one.columns is None else tuple(one.columns))
            for one in body.access
        ),
        unmask=tuple(body.unmask),
        lookup=tuple(body.lookup),
        ttl_s=body.ttl_s,
        max_statements=body.max_statements,
        max_rows=body.max_rows,
    )


def task_answer(task: Task) -> contract.TaskAnswer:
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
        budgets=contract.BudgetsAnswer(task.budgets.statements, task.budgets.rows),
    )


def tasks_answer(tasks: Iterable[Task]) -> contract.TasksAnswer:
    return contract.TasksAnswer([task_answer(task) for task in tasks])


def schema_answer(task: Task) -> contract.SchemaAnswer:
    return contract.SchemaAnswer(
        task.grant.database,
        [contract.SchemaTable(table.qualified, _columns(task, table)) for table in task.grant.tables],
    )


def query_answer(answer: Answer, *, now_s: int) -> bytes:
    """The answer's body. The rows go in as the bytes that were digested."""
    delivery = answer.delivery
    return msgspec.json.encode(
        contract.QueryAnswer(
            command_id=answer.command_id,
            columns=[contract.AnswerColumnBody(one.name, one.type, one.mask) for one in delivery.columns],
            rows=msgspec.Raw(delivery.rows_json),
            row_count=delivery.row_count,
            affected=answer.affected,
            truncated=delivery.truncated,
            masked=[contract.MaskedBody(one.column, one.mask, one.count) for one in delivery.masked],
            remaining=contract.RemainingBody(
                answer.remaining.statements, answer.remaining.rows, max(0, answer.expires_at_s - now_s)
            ),
            receipt=contract.ReceiptBody(
                answer.receipt.intent_sha256,
                answer.receipt.outcome_sha256,
                answer.receipt.log,
                answer.receipt.digest_key,
            ),
        )
    )


def _columns(task: Task, table: GrantedTable) -> list[contract.ScopeColumn]:
    """The view's columns as the database has them; before the world stands, as granted, types not yet known."""
    for view in task.views:
        if view.qualified == table.qualified:
            return [_built(column) for column in view.columns]
    return [
        contract.ScopeColumn(
            column.name, None, column.class_name or "open", column.mask.kind.value if column.mask else None
        )
        for column in table.columns
    ]


def _built(column: ViewColumn) -> contract.ScopeColumn:
    return contract.ScopeColumn(
        column.name, column.type, column.class_name or "open", column.mask.value if column.mask else None
    )


def _instant(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
