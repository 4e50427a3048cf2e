"""A task past its deadline is refused at once, and the timer's next pass takes its role away."""

from __future__ import annotations

import json
import time

import boto3

from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.support import direct


def let_expire(stack: Stack, task_id: str) -> None:
    """Moves a task's deadline into the past, as waiting for it would."""
    change(stack, task_id, "SET expires_at_s = :past, gsi2sk = :past", {":past": {"N": str(int(time.time()) - 1)}})


def change(stack: Stack, task_id: str, update: str, values: dict[str, dict[str, str]]) -> None:
    """Writes a task's item behind everybody's back."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=stack.ready.aws,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    (table,) = [name for name in client.list_tables()["TableNames"] if "State" in name]
    client.update_item(
        TableName=table,
        Key={"pk": {"S": f"task#{task_id}"}, "sk": {"S": "task"}},
        UpdateExpression=update,
        ExpressionAttributeValues=values,
        **({"ExpressionAttributeNames": {"#state": "state"}} if "#state" in update else {}),
    )


def test_an_expired_task_is_refused_at_once_and_torn_down_by_the_timer(shop):
    agent = Caller(shop.ready, "repo:acme/shop:main", {"role": "agent"})
    access = [{"tables": ["orders"], "actions": ["select"]}]
    task = agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "expire", "access": access}).body["task_id"]
    role = f"SELECT count(*) FROM pg_roles WHERE rolname = 'task_{task}'"
    assert agent.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"}).status == 200

    let_expire(shop, task)
    refused = agent.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"})
    assert (refused.status, refused.body["code"]) == (409, "task.expired")

    # What the rule in the template sends each minute; the stack's own timer may have come first.
    passed = shop.lambdas.invoke("postern-reap", json.dumps({"action": "reap"}).encode()).result()
    assert b'"status": "ok"' in passed.payload or b'"status":"ok"' in passed.payload
    assert direct.answer(shop.ready.databases["shop"], role)[1] == [[0]]
    assert agent.call("GET", f"/v1/tasks/{task}").body["state"] == "expired"


def test_a_role_that_no_live_task_owns_is_dropped_by_the_sweep_and_one_of_a_live_task_stays(shop):
    agent = Caller(shop.ready, "repo:acme/shop:main", {"role": "agent"})
    access = [{"tables": ["orders"], "actions": ["select"]}]
    asked = {"database": "shop", "purpose": "leave something behind", "access": access}
    stray, live = (agent.call("POST", "/v1/tasks", asked).body["task_id"] for _ in range(2))
    # As a database that was restored from a backup has it: the task is over, its world is there again.
    change(shop, stray, "SET #state = :ended REMOVE gsi2pk", {":ended": {"S": "ended"}})

    answer = shop.lambdas.invoke("postern-provision", json.dumps({"action": "sweep", "database": "shop"}).encode())
    swept = json.loads(answer.result().payload)
    assert (swept["status"], swept["left"], swept["unknown"]) == ("ok", [], 0)
    assert stray in swept["dropped"]
    roles = f"SELECT count(*) FROM pg_roles WHERE rolname IN ('task_{stray}', 'task_{live}')"
    assert direct.answer(shop.ready.databases["shop"], roles)[1] == [[1]]
    assert agent.call("POST", f"/v1/tasks/{live}/query", {"sql": "SELECT 1"}).status == 200
    assert agent.call("DELETE", f"/v1/tasks/{live}").status == 200
    passed = json.loads(shop.lambdas.invoke("postern-reap", json.dumps({"action": "reap"}).encode()).result().payload)
    assert (passed["StrayRolesLeft"], passed["UnknownRoles"]) == (0, 0)
