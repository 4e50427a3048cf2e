"""Two worlds over the two editions of the shop, and one statement asked of both.

The way of a statement is the product's: the guard, the session of the task's role, the delivery. What is left out is
what no value of a row reaches: identity, policy, records, budgets.

The planner chooses by size and statistics of raw values. Neither database is analysed, and each table fits its first
pages, where the planner assumes one size: both run the same plans, so rows come in the same order and
everything can be compared to the byte. What plans alone tell is measured in `test_plans.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from postern.errors import PosternError
from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from postern.ports import Limits, Result
from postern.types import GrantedTable, View
from postern.world.names import role_name
from postern_local.postgres import PostgresServer
from tests.noninterference.shop import CATALOGUED, SCHEMA, Edition, grant_tables
from tests.noninterference.statement import Statement
from tests.support.pipeline import Pipeline, pipeline
from tests.support.servers import Database, fresh_database
from tests.support.world import new_task_id, prepared

LIMITS = Limits(
    max_rows=300, max_bytes=200_000, max_cell_bytes=20_000, statement_timeout_ms=3_000, lock_timeout_ms=1_000
)
KEY = bytes(range(32))  # of both tasks: equal values then have equal tokens


@dataclass(frozen=True, slots=True)
class Delivered:
    """Everything that leaves for one statement: an answer's parts or an error's, with the task's name taken out."""

    outcome: str  # `answer`, the guard's code, or the error's class and code
    parts: tuple[object, ...]
    row_count: int = 0

    @property
    def was_stopped(self) -> bool:
        """By its time: how far it came says nothing that can be compared."""
        return "database.timeout" in self.outcome


@dataclass(frozen=True, slots=True)
class Side:
    """One edition with a world over it."""

    database: Database
    pipeline: Pipeline

    def run(self, statement: Statement, verdict: Allowed | None) -> Delivered:
        """What is delivered for a statement that the guard let through, or that was kept from it."""
        sql = statement.sql if verdict is None else verdict.sql
        role = self.pipeline.role
        try:
            run = self.pipeline.write if verdict is not None and verdict.writes else self.pipeline.run
            result, delivery = run(sql, statement.parameters)
        except PosternError as failed:
            position = getattr(failed, "position", None)
            if verdict is not None and position is not None:
                position = verdict.position_as_asked(position)
            parts = (failed.detail.replace(role, "task"), getattr(failed, "sqlstate", None), position)
            return Delivered(f"{type(failed).__name__} {failed.code}", parts)
        rows = delivery.rows_json.replace(role.encode(), b"task")
        answer = (delivery.columns, rows, delivery.row_count, delivery.truncated, delivery.masked, result.affected)
        return Delivered("answer", answer, delivery.row_count)


@dataclass(frozen=True, slots=True)
class Twins:
    """Both sides; their grants, views and tokens are the same."""

    one: Side
    other: Side

    def ask(self, statement: Statement, *, guarded: bool = True) -> tuple[Delivered, Delivered]:
        """What each delivers. The guard is asked once: it knows nothing but the statement and the grant."""
        verdict = check(statement.sql, self.one.pipeline.scope) if guarded else None
        if isinstance(verdict, Refused):
            refused = Delivered(verdict.code, (verdict.reason, verdict.position))
            return refused, refused
        return self.one.run(statement, verdict), self.other.run(statement, verdict)

    @property
    def views(self) -> tuple[View, ...]:
        return self.one.pipeline.views


@dataclass(frozen=True, slots=True)
class Wall:
    """How the worlds are made. The default is the product's way; the rest is for walls with a hole in them."""

    tables: tuple[GrantedTable, ...] = field(default_factory=grant_tables)
    finish: Callable[[Database, str], None] = lambda _database, _role: None  # given the schema of the world that stands
    change: Callable[[Result], Result] = lambda result: result


EDITIONS = (Edition(0, "one"), Edition(0, "other"))


@contextmanager
def twins(
    server: PostgresServer, *, editions: tuple[Edition, Edition] = EDITIONS, wall: Wall | None = None
) -> Iterator[Twins]:
    """Both editions, with a world in each."""
    chosen = Wall() if wall is None else wall
    with ExitStack() as stack:
        one, other = (stack.enter_context(_side(server, edition, chosen)) for edition in editions)
        yield Twins(one, other)


@contextmanager
def _side(server: PostgresServer, edition: Edition, wall: Wall) -> Iterator[Side]:
    with (
        fresh_database(server) as database,
        prepared(database, f"{SCHEMA};\n{edition.fill()}", CATALOGUED) as ready,
    ):
        task_id, views = ready.build(*wall.tables, task_id=new_task_id())
        role = role_name(task_id)
        database.run(f"UPDATE postern.task_key SET k = '\\x{KEY.hex()}' WHERE role = '{role}'")
        wall.finish(database, role)
        with pipeline(ready, task_id, views, wall.tables) as opened:
            yield Side(database, replace(opened, limits=LIMITS, change=wall.change))


def difference(statement: Statement, one: Delivered, other: Delivered) -> str:
    """What a counterexample is shown as."""
    lines = [f"the two editions can be told apart by: {statement.sql}", f"parameters: {list(statement.parameters)}"]
    lines += [f"{one.outcome} | {other.outcome}"] if one.outcome != other.outcome else []
    for left, right in itertools.zip_longest(one.parts, other.parts):
        if left != right:
            lines += [f"  one:   {left!r:.600}", f"  other: {right!r:.600}"]
    return "\n".join(lines)
