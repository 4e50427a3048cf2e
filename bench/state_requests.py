"""The state table's requests for one statement that reads, counted where boto3 sends them."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import boto3
from moto import mock_aws
from tests.support.domain import AGENT, NOW_S, TASK_ID, a_task
from tests.support.tables import make_state_table

from postern.edges.task_store import DynamoTaskStore
from postern.types import Budgets, CommandId

_WRITES = frozenset({"PutItem", "UpdateItem"})  # of one item under 1 KB: one request unit


def count_state_requests() -> Counter[str]:
    """`writes` in request units, for what is reserved and settled; the scope is read once an environment."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    counted: Counter[str] = Counter()
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        make_state_table(client, "state")
        store = DynamoTaskStore(client, "state")
        store.create(a_task())
        command = CommandId("01a202b2-c514-7000-8000-000000000003")
        store.settle(_reserve(store, command), used=Budgets(1, 5), command_id=command, idempotency=None, answer=None)

        def count(params: dict[str, Any], model: Any, **_: Any) -> None:  # noqa: ANN401 - botocore's own types
            if model.name in _WRITES:
                counted["writes"] += 1
            elif model.name == "TransactWriteItems":
                counted["writes"] += 2 * len(params["TransactItems"])

        client.meta.events.register("before-parameter-build.dynamodb", count)
        held = _reserve(store, command)
        store.settle(held, used=Budgets(1, 5), command_id=command, idempotency=None, answer={"status": "ok"})
    return counted


def _reserve(store: DynamoTaskStore, command: CommandId) -> Any:  # noqa: ANN401 - a reservation, as there is no key
    wanted = Budgets(1, 10)
    return store.reserve(TASK_ID, AGENT, now_s=NOW_S + 1, wanted=wanted, command_id=command, idempotency=None)
