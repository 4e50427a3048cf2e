"""The product's way of a statement without what no row reaches: the guard, a task's own session, the delivery.

Identity, policy, records, budgets and HTTP are left out, so that a statement takes milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from postern.edges.postgres.sessions import KeptSession
from postern.guard.check import check
from postern.guard.scope import Scope, scope_of
from postern.guard.verdict import Allowed
from postern.policy.catalog import parse_catalog
from postern.ports import Limits, Parameter, Result
from postern.services.answers import Delivery, deliver
from postern.types import (
    Action,
    CommandId,
    DatabaseAddress,
    GrantedColumn,
    GrantedTable,
    Task,
    TaskId,
    View,
)
from postern.world.names import role_name, view_name
from tests.support.domain import a_task
from tests.support.session import open_plain
from tests.support.world import PreparedDatabase, grant_of

LIMITS = Limits(
    max_rows=100_000,
    max_bytes=50_000_000,
    max_cell_bytes=1_000_000,
    statement_timeout_ms=20_000,
    lock_timeout_ms=2_000,
)
_COMMAND = CommandId("0199a0b0-c0d0-7000-8000-00000000000a")


def _unchanged(result: Result) -> Result:
    return result


@dataclass(slots=True)
class Pipeline:
    """A task's statements, one at a time. `change` stands for a broker that masks by itself: ours does not."""

    task: Task
    address: DatabaseAddress
    scope: Scope
    views: tuple[View, ...]
    sessions: KeptSession
    limits: Limits = LIMITS
    change: Callable[[Result], Result] = _unchanged

    @property
    def role(self) -> str:
        return role_name(self.task.id)

    def run(self, sql: str, parameters: Sequence[str | None] = (), *, writes: bool = False) -> tuple[Result, Delivery]:
        """What is delivered for a statement that the guard let through, or was kept from. Raises as the session does.

        One that writes is committed.
        """
        session = self.sessions.session(self.task, self.address)
        result = session.run(sql, _sent(parameters), self.limits, command_id=_COMMAND)
        return result, self._deliver(result)

    def write(self, sql: str, parameters: Sequence[str | None] = ()) -> tuple[Result, Delivery]:
        """As `run`, for a statement that writes; what it wrote is undone."""
        session = self.sessions.session(self.task, self.address)
        transaction = session.begin(self.limits, command_id=_COMMAND, read_only=False)
        result = transaction.run(sql, _sent(parameters), self.limits, read_only=False)
        transaction.rollback()
        return result, self._deliver(result)

    def _deliver(self, result: Result) -> Delivery:
        return deliver(self.change(result), self.views, self.task.grant.detectors)

    def ask(self, sql: str) -> dict[str, Any]:
        """The answer in the shape of the contract; the guard must allow the statement."""
        verdict = check(sql, self.scope)
        assert isinstance(verdict, Allowed), verdict
        _, delivery = self.run(verdict.sql)
        return {
            "columns": [{"name": one.name, "type": one.type, "mask": one.mask} for one in delivery.columns],
            "rows": json.loads(delivery.rows_json),
            "row_count": delivery.row_count,
            "truncated": delivery.truncated,
            "masked": delivery.masked,
        }


def _sent(parameters: Sequence[str | None]) -> list[Parameter]:
    return [Parameter(text) for text in parameters]


def catalog_tables(catalog: Path) -> tuple[GrantedTable, ...]:
    """Every table of a catalog as a grant of `select` on all of it has it."""
    parsed = parse_catalog(catalog.read_bytes(), file=catalog.name)
    return tuple(
        GrantedTable(
            name.schema,
            name.name,
            view_name(name.schema, name.name, parsed.schema_default),
            (Action.SELECT,),
            tuple(
                GrantedColumn(column, of, None if of is None else parsed.classes[of])
                for column, of in table.columns.items()
            ),
        )
        for name, table in parsed.tables.items()
    )


def server_major(ready: PreparedDatabase) -> int:
    ((version,),) = ready.database.run("SHOW server_version_num")
    return int(str(version)) // 10_000


@contextmanager
def pipeline(
    ready: PreparedDatabase, task_id: TaskId, views: tuple[View, ...], tables: Sequence[GrantedTable]
) -> Iterator[Pipeline]:
    """A pipeline into a world that stands, closed at the end."""
    role = role_name(task_id)
    grant = grant_of(*tables)
    sessions = KeptSession(lambda _task, _address: open_plain(ready.database, user=role))
    task = replace(a_task(), id=task_id, grant=grant, views=views)
    try:
        yield Pipeline(task, ready.address, scope_of(grant, server_major(ready), role, views), views, sessions)
    finally:
        sessions.discard()
