"""A task that waits for people, over the whole stack: what the approver sees, what four eyes stop, what then runs."""

from __future__ import annotations

import json

import boto3
import pytest

from postern_local.demo.caller import Caller

ASKED = {
    "database": "shop",
    "purpose": "weekly totals",
    "access": [{"tables": ["orders"], "actions": ["select"], "columns": ["id", "total"]}],
    "ttl_s": 7200,
}


@pytest.fixture(scope="module")
def agent(shop):
    return Caller(shop.ready, "repo:acme/reports:main", {"role": "agent"})


@pytest.fixture(scope="module")
def approver(shop):
    return Caller(shop.ready, "person:ann", {"role": "approver"})


@pytest.fixture(scope="module")
def told(shop):
    """What the deployment's bus was told since: the states of a task, in order."""

    def client(service):
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=shop.ready.aws, region_name="us-east-1", **keys)

    url = client("sqs").create_queue(QueueName="told")["QueueUrl"]
    rule = {"Rule": "told", "EventBusName": "postern-tasks"}
    client("events").put_rule(
        Name=rule["Rule"], EventBusName=rule["EventBusName"], EventPattern=json.dumps({"source": ["postern"]})
    )
    arn = f"arn:aws:sqs:us-east-1:123456789012:{url.rsplit('/', 1)[-1]}"
    client("events").put_targets(**rule, Targets=[{"Id": "queue", "Arn": arn}])
    seen = []

    def states(task):
        while messages := client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                seen.append(json.loads(message["Body"])["detail"])
                client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [detail["state"] for detail in seen if detail["task_id"] == task]

    return states


def open_pending(caller):
    opened = caller.call("POST", "/v1/tasks", ASKED)
    assert (opened.status, opened.body["state"]) == (201, "pending_approval"), opened.body
    return opened.body["task_id"]


def decide(caller, task, decision="approve", **body):
    return caller.call("POST", f"/v1/tasks/{task}/approval", {"decision": decision, "comment": "seen", **body})


def test_an_approver_sees_what_is_asked_approves_it_and_the_statement_runs(agent, approver, told):
    task = open_pending(agent)
    assert agent.call("GET", f"/v1/tasks/{task}").body["approvals"] == {"needed": 1, "given": 0}
    assert agent.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"}).body["code"] == "task.state"

    [listed] = [
        one for one in approver.call("GET", "/v1/tasks?state=pending_approval").body["tasks"] if one["task_id"] == task
    ]
    review = approver.call("GET", f"/v1/tasks/{task}").body["review"]
    assert listed["review"]["requester"]["id"] == review["requester"]["id"] == "ci|repo:acme/reports:main"
    [table] = review["tables"]
    assert table["columns"] == [{"name": name, "class": None, "mask": None} for name in ("id", "total")]
    assert table["estimated_rows"] is None or table["estimated_rows"] > 0
    assert agent.call("GET", f"/v1/tasks/{task}").body["review"] is None

    approved = decide(approver, task, scope_digest=review["scope_digest"])
    assert (approved.status, approved.body["state"]) == (200, "active"), approved.body
    answer = agent.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT count(*) FROM orders"})
    assert (answer.status, answer.body["row_count"]) == (200, 1), answer.body
    assert task not in [
        one["task_id"] for one in approver.call("GET", "/v1/tasks?state=pending_approval").body["tasks"]
    ]
    agent.call("DELETE", f"/v1/tasks/{task}")
    assert sorted(told(task)) == sorted(["pending_approval", "provisioning", "active", "ending", "ended"])


def test_a_denied_task_ends_and_nobody_else_learns_of_it(agent, approver, shop):
    task = open_pending(agent)
    stranger = Caller(shop.ready, "repo:acme/other:main", {"role": "agent"})
    assert decide(stranger, task).status == stranger.call("GET", f"/v1/tasks/{task}").status == 404
    denied = decide(approver, task, "deny")
    assert (denied.status, denied.body["state"]) == (200, "denied"), denied.body
    assert decide(approver, task).body["code"] == "task.state"
    assert agent.call("GET", f"/v1/tasks/{task}").body["state"] == "denied"


def test_four_eyes(agent, shop):
    both = Caller(shop.ready, agent.sub, {"role": "approver"})
    acting = Caller(shop.ready, "person:ann", {"role": "approver", "actor": "ben"})
    on_behalf = Caller(shop.ready, agent.sub, {"role": "agent", "actor": "person:ann"})
    ann = Caller(shop.ready, "person:ann", {"role": "approver"})
    own, anns = open_pending(agent), open_pending(on_behalf)
    assert decide(both, own).body["code"] == "approval.four_eyes"
    assert decide(acting, own).body["code"] == "approval.delegated"
    assert decide(ann, anns).body["code"] == "approval.four_eyes"
    for caller, task in ((agent, own), (on_behalf, anns)):
        assert caller.call("DELETE", f"/v1/tasks/{task}").body["state"] == "ended"
