"""Row estimates as a real server gives them, and what `tasks` makes of what `provision` answers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import ReadTimeoutError

from postern.edges.row_estimates import DatabaseRows, LambdaEstimator
from postern.errors import Conflict, DatabaseUnavailable, NotFound
from postern.services.estimate_rows import EstimateRows
from postern.types import Action, GrantedTable, TaskState
from postern_local.postgres import PostgresServer
from tests.support.domain import ADDRESS, GRANT, TASK_ID, a_task
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.servers import Database, fresh_database
from tests.support.session import open_plain

HOSTILE = "we\"ird'; DROP TABLE plain; --"


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer) -> Iterator[Database]:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    with fresh_database(postgres) as database:
        for sql in (
            "CREATE TABLE plain AS SELECT n FROM generate_series(1, 1234) AS g(n)",
            "CREATE TABLE fresh (n int)",
            "CREATE TABLE parted (n int) PARTITION BY RANGE (n)",
            "CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (100)",
            "CREATE TABLE high PARTITION OF parted FOR VALUES FROM (100) TO (1000)",
            "INSERT INTO parted SELECT * FROM generate_series(0, 299)",
            f"CREATE TABLE {quoted} AS SELECT 1 AS n",
            f"ANALYZE plain, parted, {quoted}",  # the partitions with it: their sum is not to be counted twice
        ):
            database.run(sql)
        yield database


def granted(*names: str):
    tables = tuple(GrantedTable("public", name, name, (Action.SELECT,), ()) for name in names)
    return replace(GRANT, tables=tables)


def test_gives_what_the_planner_takes_the_tables_for(shop):
    rows = DatabaseRows(lambda _: open_plain(shop)).rows
    asked = granted("plain", "fresh", "parted", HOSTILE, "absent")
    assert rows(asked, ADDRESS) == {"public.plain": 1234, "public.parted": 300, f"public.{HOSTILE}": 1}
    assert rows(granted(), ADDRESS) == {}


class Answers:
    """Lambda, with one answer."""

    def __init__(self, answer: object) -> None:
        self.answer, self.asked = answer, []

    def invoke(self, **request: object) -> dict[str, object]:
        self.asked.append(json.loads(request["Payload"]))  # type: ignore[arg-type]
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode())}


def test_tasks_asks_provision():
    functions = Answers({"status": "ok", "rows": {"public.plain": 7}})
    assert LambdaEstimator(functions, "provision").estimate(TASK_ID) == {"public.plain": 7}  # type: ignore[arg-type]
    assert functions.asked == [{"action": "estimate", "task_id": TASK_ID}]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"status": "refused", "code": "task.state"}, id="refused"),
        pytest.param("text", id="something else"),
        pytest.param(ReadTimeoutError(endpoint_url="x"), id="too late"),
    ],
)
def test_no_answer_is_no_estimate(answer):
    with pytest.raises(DatabaseUnavailable):
        LambdaEstimator(Answers(answer), "provision").estimate(TASK_ID)  # type: ignore[arg-type]


class Counts:
    def rows(self, grant, address):
        return {table.qualified: 1 for table in grant.tables}


def test_estimates_are_for_tasks_that_wait():
    tasks = FakeTaskStore()
    estimate = EstimateRows(FakePolicy(), tasks, Counts())  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        estimate.run(TASK_ID)
    tasks.create(a_task(state=TaskState.PENDING_APPROVAL))
    assert estimate.run(TASK_ID) == {"public.customers": 1}
    tasks.tasks[TASK_ID] = a_task()
    with pytest.raises(Conflict):
        estimate.run(TASK_ID)
