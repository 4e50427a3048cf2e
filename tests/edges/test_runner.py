"""The runner and the contract of statements: what is sent, and what is refused before anything is."""

from __future__ import annotations

import io
import json
from typing import Any

import boto3
import msgspec
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from postern.edges import contract, presenters
from postern.edges.provisioner import LambdaProvisioner
from postern.edges.runner import LambdaRunner
from postern.errors import DatabaseUnavailable
from postern.types import Budgets, TaskId
from tests.support.domain import TASK_ID, a_task

DRY = TaskId("f" * 32)


@pytest.fixture
def client() -> Any:
    return boto3.client("lambda", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def sent(client: Any, status: int, act: Any) -> dict[str, Any]:
    """The event of the one asynchronous invocation."""
    captured: dict[str, Any] = {}
    client.meta.events.register("provide-client-params.lambda.Invoke", lambda params, **_: captured.update(params))
    with Stubber(client) as stub:
        stub.add_response("invoke", {"StatusCode": status, "Payload": StreamingBody(io.BytesIO(b""), 0)})
        act(LambdaRunner(client, "postern-run"))
    assert (captured["FunctionName"], captured["InvocationType"]) == ("postern-run", "Event")
    return dict(json.loads(captured["Payload"]))


def test_starts_a_run_or_a_dry_run_and_waits_for_neither(client):
    assert sent(client, 202, lambda runner: runner.start(TASK_ID)) == {"action": "run", "task_id": TASK_ID}
    dry = sent(client, 202, lambda runner: runner.start_dry_run(TASK_ID, DRY))
    assert dry == {"action": "dry_run", "task_id": TASK_ID, "dry_run_id": DRY}


def test_what_was_not_accepted_was_not_started(client):
    with pytest.raises(DatabaseUnavailable):
        sent(client, 200, lambda runner: runner.start(TASK_ID))
    with Stubber(client) as stub:
        stub.add_client_error("invoke", "TooManyRequestsException")
        with pytest.raises(DatabaseUnavailable):
            LambdaRunner(client, "postern-run").start(TASK_ID)


def test_asks_the_provisioner_for_the_role_of_a_dry_run(client):
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.lambda.Invoke", lambda params, **_: asked.append(json.loads(params["Payload"]))
    )
    with Stubber(client) as stub:
        for _ in range(2):
            body = b'{"status": "ok"}'
            stub.add_response("invoke", {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body))})
        provisioner = LambdaProvisioner(client, "postern-provision")
        provisioner.provision_dry_run(TASK_ID, DRY)
        provisioner.tear_down_dry_run(TASK_ID, DRY)
    assert [one["action"] for one in asked] == ["provision_dry_run", "tear_down_dry_run"]
    assert {one["dry_run_id"] for one in asked} == {DRY}


OPEN = {"database": "shop", "purpose": "p"}
ACCESS = [{"tables": ["orders"], "actions": ["select"]}]
STATEMENTS = [{"sql": "SELECT 1"}]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(OPEN, id="neither"),
        pytest.param({**OPEN, "access": ACCESS, "statements": STATEMENTS}, id="both"),
        pytest.param({**OPEN, "statements": []}, id="none"),
        pytest.param({**OPEN, "statements": STATEMENTS * 51}, id="too-many"),
        pytest.param({**OPEN, "statements": [{"sql": "SELECT $1", "params": [1]}]}, id="parameters"),
        pytest.param({**OPEN, "statements": [{"sql": ""}]}, id="empty"),
        pytest.param({**OPEN, "statements": STATEMENTS, "unmask": ["pii.email"]}, id="unmask"),
        pytest.param({**OPEN, "statements": STATEMENTS, "lookup": ["pii.email"]}, id="lookup"),
        pytest.param({**OPEN, "statements": ["SELECT 1"]}, id="text"),
    ],
)
def test_refuses_a_body_that_is_no_request_for_tables_or_for_statements(body):
    with pytest.raises(msgspec.ValidationError):
        contract.OPEN_TASK.decode(json.dumps(body).encode())


def test_a_request_for_statements_has_no_budgets():
    body = contract.OPEN_TASK.decode(json.dumps({**OPEN, "statements": STATEMENTS}).encode())
    request = presenters.task_request(body)
    assert (request.statements, request.access, request.budgets) == (("SELECT 1",), (), Budgets())


def test_a_list_leaves_statements_out_and_a_look_shows_what_they_are():
    task = a_task(statements=("CREATE INDEX CONCURRENTLY i ON t (a)", "SELECT 1"))
    shown = presenters.task_answer(task).statements
    assert [(one.kind, one.in_transaction) for one in shown] == [
        *(("CREATE INDEX CONCURRENTLY", False), ("SELECT", True))
    ]
    assert presenters.task_answer(task, is_listed=True).statements is None
    assert presenters.task_answer(a_task()).statements is None
