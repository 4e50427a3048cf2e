"""A migration over the whole stack: asked for, tried, approved by two, run once, recorded; and nothing else runs."""

from __future__ import annotations

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from postern_cli.main import main as postern
from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.support import direct

ADDED = [
    "CREATE TABLE parcels (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id integer, weight numeric)",
    "INSERT INTO parcels (order_id, weight) SELECT id, 1.5 FROM orders WHERE id <= 3",
    "ALTER TABLE orders ADD COLUMN parcel_count integer NOT NULL DEFAULT 0",
    "CREATE INDEX CONCURRENTLY parcels_by_order ON parcels (order_id)",
]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def agent(shop: Stack) -> Caller:
    return Caller(shop.ready, "repo:acme/migrations:main", {"role": "agent"})


@pytest.fixture(scope="module")
def approvers(shop: Stack) -> tuple[Caller, Caller]:
    ann, ben = (Caller(shop.ready, f"person:{name}", {"role": "approver"}) for name in ("ann", "ben"))
    return ann, ben


def opened(agent: Caller, statements: list[str], **more: object) -> str:
    body = {"database": "shop", "purpose": "parcels", "statements": [{"sql": sql} for sql in statements], **more}
    reply = agent.call("POST", "/v1/tasks", body)
    assert (reply.status, reply.body["state"]) == (201, "pending_approval"), reply.body
    return str(reply.body["task_id"])


def approve(approvers: tuple[Caller, Caller], task: str) -> list[int]:
    said = {"decision": "approve", "comment": "looked at each statement"}
    return [one.call("POST", f"/v1/tasks/{task}/approval", said).status for one in approvers]


def awaited(agent: Caller, task: str, is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The task once it is as expected: what happens asynchronously has no other end to wait for."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        body: dict[str, Any] = agent.call("GET", f"/v1/tasks/{task}").body
        if is_there(body) or time.monotonic() > until_s:
            return body
        time.sleep(0.2)


def sql(shop: Stack, text: str) -> list[list[object]]:
    return direct.answer(shop.ready.databases["shop"], text)[1]


def is_over(body: dict[str, Any]) -> bool:
    return body["state"] in {"ended", "failed", "expired", "revoked", "denied"}


def test_a_migration_is_tried_approved_by_two_and_run_once(shop: Stack, agent: Caller, approvers, tmp_path: Path):
    task = opened(agent, ADDED)
    assert agent.call("POST", f"/v1/tasks/{task}/dry-run").status == 202
    tried = awaited(agent, task, lambda body: bool(body["dry_runs"]) and body["dry_runs"][0]["state"] != "running")
    [dry_run] = tried["dry_runs"]
    assert [one["status"] for one in dry_run["statements"]] == ["ok", "ok", "ok", "not_tried"], dry_run
    assert dry_run["statements"][1]["affected"] == 3
    assert {"relation": "public.orders", "mode": "AccessExclusiveLock"} in dry_run["statements"][2]["locks"]
    assert sql(shop, "SELECT to_regclass('parcels')::text") == [[None]]
    looked = approvers[0].call("GET", f"/v1/tasks/{task}").body
    assert [one["in_transaction"] for one in looked["statements"]] == [True, True, True, False]
    assert looked["dry_runs"][0]["state"] == "done"

    assert approve(approvers, task) == [200, 202]
    done = awaited(agent, task, is_over)
    assert (done["state"], done["run"]["state"]) == ("ended", "done"), done["run"]
    assert [one["status"] for one in done["run"]["statements"]] == ["ok"] * 4
    assert [one["affected"] for one in done["run"]["statements"]] == [None, 3, None, None]
    owners = "SELECT relname::text, relowner::regrole::text FROM pg_class WHERE relname LIKE 'parcels%' ORDER BY 1"
    assert {owner for _, owner in sql(shop, owners)} == {"shop_owner"}
    assert sql(shop, "SELECT count(*) FROM parcels") == [[3]]
    assert sql(shop, f"SELECT count(*) FROM pg_roles WHERE rolname = 'task_{task}'") == [[0]]
    assert sql(shop, f"SELECT count(*) FROM pg_roles WHERE rolname = 'task_{dry_run['id']}'") == [[0]]

    again = shop.lambdas.invoke("postern-run", f'{{"action": "run", "task_id": "{task}"}}'.encode()).result()
    assert b"refused" in again.payload
    assert sql(shop, "SELECT count(*) FROM parcels") == [[3]]
    kinds = told(shop, tmp_path, task)
    assert (kinds["run_once"], kinds["dry_run"]) == (4 + 4 + 3, 3 + 3)
    assert kinds["approval"] == 2
    assert kinds["provision"] == kinds["teardown"] == 4  # of the task's role and of the dry run's


def told(shop: Stack, folder: Path, task: str) -> Counter[str]:
    """The kinds of the task's records in the log, which verifies."""
    ready, log = folder / "pulled.json", folder / "log"
    ready.write_text(json.dumps({"bucket": shop.ready.bucket, "aws": shop.ready.aws}))
    assert postern(["audit", "pull", "--ready", str(ready), "--dir", str(log)]) == 0
    assert postern(["audit", "verify", "--dir", str(log), "--vkey", shop.ready.vkey]) == 0
    records = (json.loads(file.read_bytes()) for file in log.glob("objects/wal/**/*.json"))
    return Counter(one["kind"] for one in records if one.get("task", {}).get("id") == task)


def test_a_statement_with_one_byte_changed_is_refused(shop: Stack, agent: Caller, approvers):
    task = opened(agent, ["DELETE FROM orders WHERE id = -1"])
    client = boto3.client(
        "dynamodb",
        endpoint_url=shop.ready.aws,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    (table,) = [name for name in client.list_tables()["TableNames"] if "State" in name]
    key = {"pk": {"S": f"task#{task}"}, "sk": {"S": "scope"}}
    before = sql(shop, "SELECT count(*) FROM orders")
    said = {"decision": "approve", "comment": "looked"}
    assert approvers[0].call("POST", f"/v1/tasks/{task}/approval", said).status == 200
    item = client.get_item(TableName=table, Key=key)["Item"]
    before_it = zlib.decompress(item["scope"]["B"])
    changed = before_it.replace(b"id = -1", b"id >= 1")
    assert changed != before_it
    client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #body = :body",
        ExpressionAttributeNames={"#body": "scope"},
        ExpressionAttributeValues={":body": {"B": zlib.compress(changed)}},
    )
    refused = approvers[1].call("POST", f"/v1/tasks/{task}/approval", said)
    assert (refused.status, refused.body["code"]) == (409, "approval.changed"), refused.body
    assert sql(shop, "SELECT count(*) FROM orders") == before


def test_a_statement_that_fails_in_the_middle_takes_all_of_them_back(shop: Stack, agent: Caller, approvers):
    statements = [
        "CREATE TABLE half (a integer)",
        "INSERT INTO half SELECT 1 / (id - id) FROM orders",
        "ALTER TABLE half ADD b text",
    ]
    task = opened(agent, statements)
    assert approve(approvers, task) == [200, 202]
    done = awaited(agent, task, is_over)
    assert (done["state"], done["run"]["state"]) == ("failed", "failed")
    assert [(one["status"], one["sqlstate"]) for one in done["run"]["statements"]] == [
        ("rolled_back", None),
        ("failed", "22012"),
        ("not_run", None),
    ]
    assert sql(shop, "SELECT to_regclass('half')::text") == [[None]]
    assert sql(shop, f"SELECT count(*) FROM pg_roles WHERE rolname = 'task_{task}'") == [[0]]


def test_what_may_not_stand_in_them_is_refused_with_its_place(agent: Caller):
    body = {"database": "shop", "purpose": "parcels", "statements": [{"sql": "SELECT 1"}, {"sql": "CREATE ROLE me"}]}
    refused = agent.call("POST", "/v1/tasks", body)
    assert refused.status == 403, refused.body
    assert refused.body["detail"].startswith("statements[1]: ")
    assert refused.body["command_id"]


def test_no_query_passes_through_a_task_of_statements(agent: Caller):
    task = opened(agent, ["SELECT 1"])
    assert agent.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"}).status in {409, 429}
    assert agent.call("DELETE", f"/v1/tasks/{task}").body["state"] == "ended"
