"""What a statement asks of the state table and of the bucket of records, as tasks and records pile up in them.

The stores are the product's own, over moto in this process: its processor time is in the figures, and most of them.
A table and a bucket on AWS are asked the same: one item by its key, one object by its name, whatever lies beside.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from moto import mock_aws
from tests.support.domain import AGENT, NOW_S, a_task
from tests.support.tables import make_state_table

from bench.growth.series import Series, cpu_ms, up_to
from bench.stub_transport import CREDENTIALS, REGION
from postern.audit.chain import Source
from postern.audit.ids import uuid7
from postern.audit.records import Record, RecordType
from postern.edges.record_store import S3RecordStore
from postern.edges.task_items import format_scope, format_task
from postern.edges.task_store import DynamoTaskStore
from postern.types import Budgets, CommandId, TaskId

TASKS = (1, 10, 100, 1_000, 5_000)
RECORDS = (1, 10, 100, 1_000, 10_000)
_OTHER = replace(AGENT, subject="repo:acme/other:main")
_PLENTY = Budgets(10**9, 10**9, 10**9, 10**9, 10**9, 10**9)
_TAKEN = Budgets(statements=1, rows=10)
_TABLE, _BUCKET = "state", "evidence"


def store_costs(repeats: int, most: int) -> Iterator[Series]:
    """A statement's state step and give-back, and its record, beside more and more of them."""
    os.environ |= CREDENTIALS
    with mock_aws():
        yield _by_tasks(repeats, most)
    with mock_aws():
        yield _by_records(repeats, most)


def _by_tasks(repeats: int, most: int) -> Series:
    client: Any = boto3.client("dynamodb", region_name=REGION)
    make_state_table(client, _TABLE)
    store, ids = DynamoTaskStore(client, _TABLE), _Ids()
    asked = a_task(id=TaskId("f" * 32), budgets=_PLENTY)
    store.create(asked)

    def step() -> None:
        taken = store.reserve(
            *(asked.id, asked.principal), now_s=NOW_S, wanted=_TAKEN, command_id=ids.command(), idempotency=None
        )
        store.settle(taken, used=_TAKEN, command_id=taken.command_id, idempotency=None, answer=None)  # type: ignore[arg-type]

    def more(_number: int) -> None:
        # Each item by itself: for a transaction moto copies the whole table, which no table on AWS does.
        task = a_task(id=ids.task(), principal=_OTHER)
        for item in (format_task(task), format_scope(task, 0)):
            client.put_item(TableName=_TABLE, Item=item)

    sizes = up_to(most, TASKS)
    return Series("state step and give-back", "tasks in the table", "ms", _grown(sizes, more, step, repeats))


def _by_records(repeats: int, most: int) -> Series:
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=_BUCKET, ObjectLockEnabledForBucket=True)
    source = Source("bench", "bench", "0.0.0", "query")
    store, ids = S3RecordStore(client, _BUCKET, source, retain_until_s=int(time.time()) + 86_400), _Ids()

    def put(_number: int = 0) -> None:
        record_id = ids.command()
        store.put(Record(RecordType.INTENT, "statement", record_id, ids.time_us, {"rest": "x" * 1_200}))

    return Series("a record", "records in the bucket", "ms", _grown(up_to(most, RECORDS), put, put, repeats))


def _grown(
    sizes: Sequence[int], more: Callable[[int], None], step: Callable[[], None], repeats: int
) -> dict[int, list[float]]:
    """The step's cost each time that there are so many."""
    samples: dict[int, list[float]] = {}
    begun = 1
    for size in sizes:
        for number in range(begun, size):
            more(number)
        begun = max(begun, size)
        step()
        samples[size] = [cpu_ms(step, 5) for _ in range(repeats)]
    return samples


@dataclass
class _Ids:
    """Ids in the order of time."""

    time_us: int = field(default_factory=lambda: time.time_ns() // 1000)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def command(self) -> CommandId:
        self.time_us += 1_000
        return CommandId(uuid7(self.time_us, next(self._numbers).to_bytes(10)))

    def task(self) -> TaskId:
        return TaskId(self.command().replace("-", ""))
