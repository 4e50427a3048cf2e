"""`postern smoke` against a local stack: the way of an agent, once, proved."""

from __future__ import annotations

import json

import pytest

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern_cli.main import main
from postern_local.clients import make_client
from postern_local.demo.caller import Caller
from postern_local.stack import Stack


def test_proves_its_own_query_and_leaves_no_task(
    shop: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = Caller(shop.ready, "repo:acme/shop:smoke", {"role": "agent"})
    monkeypatch.setenv("POSTERN_TOKEN", agent.token())
    target = ["--api", shop.ready.api, "--database", "shop", "--table", "orders"]

    assert main(["smoke", *target, "--vkey", shop.ready.vkey, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["key_from"]) == (True, "you")
    assert [step["step"] for step in told["steps"]] == ["health", "log", "open", "query", "prove", "end"]
    assert [task["state"] for task in agent.call("GET", "/v1/tasks").body["tasks"]] == ["ended"]


def test_what_stands_is_recorded_once_with_the_rights_of_the_function_alone(shop: Stack) -> None:
    told = [json.loads(_invoke(shop, {"action": "record"})) for _ in range(2)]

    assert [one["status"] for one in told] == ["recorded", "recorded"]
    assert told[0] == told[1]
    keys = make_client("s3", endpoint_url=shop.ready.aws, region="us-east-1")
    stored = keys.get_object(Bucket=shop.ready.bucket, Key=record_key("local", RecordType.EVENT, told[0]["event"]))
    record = json.loads(stored["Body"].read())
    assert record["code"] == {"function": "deploy", "version": told[0]["version"]}
    assert record["deploy"]["after"]["policy"] == told[0]["policy"]
    assert len(record["deploy"]["after"]["authorities"]) == 1


def _invoke(stack: Stack, event: dict[str, str]) -> bytes:
    outcome = stack.lambdas.invoke("postern-deploy", json.dumps(event).encode()).result(timeout=60)
    assert not outcome.failed, outcome.payload
    return outcome.payload
