"""What `bench.own_cost` measures is a statement that is answered, with the requests that each takes."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from bench.own_cost_aws import Noted, answers_of, over_aws
from bench.own_cost_shapes import SHAPES, Shape
from bench.own_cost_site import asking, deployed, open_task, over_fakes
from bench.stub_transport import answering
from functions.query import handler

from postern.policy.bundle import PolicyBundle
from postern.types import Task

RESULTS = {shape.sql: shape.result for shape in SHAPES}


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler has its own services again after each test."""
    monkeypatch.setattr(handler, "services", handler.services)


@pytest.fixture(scope="module")
def bundle() -> PolicyBundle:
    return deployed()


@pytest.fixture(scope="module")
def task(bundle: PolicyBundle) -> Task:
    return open_task(bundle)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_each_statement_is_answered_with_its_rows(shape: Shape, bundle: PolicyBundle, task: Task) -> None:
    answer = asking(over_fakes(bundle, task, RESULTS), shape.sql, shape.params)()

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["row_count"] == shape.result.row_count


@pytest.mark.parametrize(
    ("shape", "updates"),
    [pytest.param(SHAPES[0], 3, id="open columns"), pytest.param(SHAPES[1], 4, id="tokens, which a budget counts")],
)
def test_a_statement_makes_these_requests_and_no_more(
    shape: Shape, updates: int, bundle: PolicyBundle, task: Task
) -> None:
    noted: list[Noted] = []
    with answering(answers_of(task)):
        answer = asking(over_aws(bundle, task, RESULTS, noted), shape.sql, shape.params)()

    assert answer["statusCode"] == 200
    assert Counter(operation for operation, _ in noted) == {"put_object": 2, "update_item": updates}
