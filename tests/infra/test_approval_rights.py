"""Who can write what was decided about a task, and who can tell of tasks: evaluated over the roles as deployed."""

from __future__ import annotations

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Deployment, Role
from tests.support.stack import project_deployment

ACCOUNT = "123456789012"
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()


def may(role: Role, action: str, resource: str, *keys: str) -> bool:
    policies = tuple(
        parse_policy(document, kind=PolicyKind.IDENTITY, name=name) for name, document in role.policies.items()
    )
    context = {"dynamodb:LeadingKeys": keys} if keys else {}
    request = Request(Caller(role.arn, ACCOUNT), action, resource, context)
    return isinstance(evaluate(PolicySet(identity=policies), request), Allowed)


def roles(deployed: Deployment) -> dict[str, Role]:
    by_name = {role.name: role for role in deployed.roles}
    return {one.name.removeprefix("postern-"): by_name[one.role] for one in deployed.functions}


def state_table(deployed: Deployment) -> str:
    (table,) = (table for table in deployed.tables if table.name.endswith("StateTable"))
    return f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table.name}"


def test_tasks_alone_writes_what_was_decided_about_a_task(deployed: Deployment) -> None:
    table = state_table(deployed)
    writers = {
        name
        for name, role in roles(deployed).items()
        if any(may(role, f"dynamodb:{action}", table, "approval#018f") for action in WRITES)
    }
    assert writers == {"tasks"}
    # Nor in one request with what it may write.
    assert not may(roles(deployed)["query"], "dynamodb:UpdateItem", table, "task#018f", "approval#018f")


def test_provision_reads_what_was_decided_and_an_approval_checks_what_stands(deployed: Deployment) -> None:
    table, by_name = state_table(deployed), roles(deployed)
    assert may(by_name["provision"], "dynamodb:GetItem", table, "approval#018f")
    for key in ("task#018f", "deny"):
        assert may(by_name["tasks"], "dynamodb:ConditionCheckItem", table, key)


def test_who_moves_tasks_tells_of_them_on_the_deployments_bus_and_nowhere_else(deployed: Deployment) -> None:
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus"
    tell = {name for name, role in roles(deployed).items() if may(role, "events:PutEvents", f"{bus}/postern-tasks")}
    movers = {one.name.removeprefix("postern-") for one in deployed.functions if "POSTERN_BUCKET" in one.environment}
    assert tell == movers - {"sequence", "receipts", "inspect", "deploy"}
    for role in roles(deployed).values():
        assert not may(role, "events:PutEvents", f"{bus}/default")
        assert not may(role, "events:PutRule", f"{bus}/postern-tasks")
    assert deployed.event_buses == ["postern-tasks"]
    assert {one.environment["POSTERN_EVENT_BUS"] for one in deployed.functions} == {"postern-tasks"}
