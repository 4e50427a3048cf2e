"""The kept scope is the scope of the task that is asked about, and of no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.guard.scope import scope_of
from postern.services.kept_scope import KeptScope
from postern.types import GrantedTable, Task, TaskId
from postern.world.names import schema_name
from tests.support.domain import ADDRESS, GRANT, VIEWS, a_task

WIDE = a_task()
NARROW_TABLE = replace(GRANT.tables[0], columns=GRANT.tables[0].columns[:1])
JSON_VIEW = replace(VIEWS[0], columns=(VIEWS[0].columns[0], replace(VIEWS[0].columns[1], type="json")))


def granted(*tables: GrantedTable) -> Task:
    return a_task(grant=replace(GRANT, tables=tables))


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(granted(NARROW_TABLE), id="a grant with a column less"),
        pytest.param(granted(), id="a grant of nothing"),
        pytest.param(a_task(views=(JSON_VIEW,)), id="a world built anew with another type"),
        pytest.param(a_task(server_major=17), id="a world on another server"),
        pytest.param(a_task(address=ADDRESS), id="a world in another database"),
        pytest.param(a_task(id=TaskId("0199a0b0c0d07000800000000000000b")), id="another task with the same grant"),
    ],
)
def test_another_task_or_world_has_a_scope_of_its_own(task: Task) -> None:
    scopes = KeptScope()
    before = scopes.of(WIDE)

    after = scopes.of(task)

    database = task.address and task.address.dbname
    expected = scope_of(task.grant, task.server_major, schema_name(task.id), task.views, database)
    assert after == expected != before
    assert scopes.of(WIDE) == before


def test_the_next_statement_of_a_task_has_the_same_scope() -> None:
    scopes = KeptScope()

    assert scopes.of(WIDE) is scopes.of(replace(WIDE, sequence=WIDE.sequence + 1))
