"""The mark of a role: what is written is what is read back, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from postern.types import DatabaseName, TaskId
from postern.world.role_marks import RoleMark, deployment_id, format_mark, mark_role_sql, parse_mark

OURS = "0123456789abcdef"
TASK = TaskId("a" * 32)


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        pytest.param(RoleMark(OURS, DatabaseName("shop")), f"postern 1 {OURS} shop", id="task"),
        pytest.param(
            RoleMark(OURS, DatabaseName("shop_2-eu"), TASK),
            f"postern 1 {OURS} shop_2-eu dry run of {TASK}",
            id="dry-run",
        ),
    ],
)
def test_a_mark_is_read_back_as_it_was_written(mark, text):
    assert format_mark(mark) == text
    assert parse_mark(text) == mark
    assert mark_role_sql(TASK, mark) == f"""COMMENT ON ROLE "task_{TASK}" IS '{text}'"""


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("", id="none"),
        pytest.param("the agents' role", id="somebodys-words"),
        pytest.param(f"postern 2 {OURS} shop", id="a-later-form"),
        pytest.param(f"postern 1 {OURS.upper()} shop", id="upper-case"),
        pytest.param(f"postern 1 {OURS} shop ", id="trailing"),
        pytest.param(f"postern 1 {OURS} shop\n", id="line-end"),
        pytest.param(f"postern 1 {OURS} shop dry run of {TASK[:-1]}", id="cut-short"),
        pytest.param(f"postern 1 {OURS[:-1]} shop", id="short-deployment"),
    ],
)
def test_anything_else_is_no_mark(comment):
    assert parse_mark(comment) is None


@pytest.mark.parametrize(
    "mark",
    [RoleMark("ours", DatabaseName("shop")), RoleMark(OURS, DatabaseName("Shop; DROP ROLE x"))],
    ids=["deployment", "database"],
)
def test_what_could_not_be_read_back_is_not_written(mark):
    with pytest.raises(ValueError, match="mark of a role"):
        format_mark(mark)


def test_deployments_differ_by_name_region_and_table():
    named = ("postern", "eu-central-1", "postern-StateTable-1A2B3C")
    others = [("postern2", *named[1:]), (named[0], "eu-west-1", named[2]), (*named[:2], "postern-StateTable-9Z8Y7X")]
    ids = {deployment_id(*one) for one in (named, *others)}
    assert len(ids) == 4
    assert deployment_id(*named) == deployment_id(*named)
    assert all(parse_mark(f"postern 1 {one} shop") is not None for one in ids)
