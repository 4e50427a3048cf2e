"""What was recorded is soon in the signed log: S3's news, the queue, the sequencer and its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from postern.tlog.bundles import parse_bundle
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.compact_range import CompactRange
from postern.tlog.hashing import leaf_hash
from postern.tlog.notes import parse_vkey
from postern.tlog.tiles import Bundle, format_path, paths_of
from postern_local.clients import make_client
from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.support.stack import wait_until

ORIGIN = "postern.postern/local"
STATEMENTS = ["SELECT count(*) FROM orders", "SELECT id FROM orders ORDER BY id LIMIT 3", "SELECT nothing FROM orders"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The stack's bucket, as its administrator reads it."""

    stack: Stack
    s3: Any

    def keys(self, prefix: str) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.ready.bucket, Prefix=prefix)
        return {one["Key"] for page in pages for one in page.get("Contents", [])}

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.stack.ready.bucket, Key=key)["Body"].read())

    def checkpoint(self) -> Checkpoint:
        """The latest one, verified with the key of the ready file and nothing else."""
        return open_checkpoint(self.read("log/local/checkpoint"), [parse_vkey(self.stack.ready.vkey)], ORIGIN)

    def entries(self, size: int) -> list[bytes]:
        bundles = [part for part in paths_of(size) if isinstance(part, Bundle)]
        parts = [parse_bundle(self.read(f"log/local/{format_path(part)}"), part.width) for part in bundles]
        return [entry for part in parts for entry in part]


@pytest.fixture(scope="module")
def evidence(shop: Stack) -> Evidence:
    return Evidence(shop, make_client("s3", endpoint_url=shop.ready.aws, region="us-east-1"))


@pytest.fixture(scope="module")
def answers(shop: Stack) -> list[Mapping[str, Any]]:
    """What an agent was told of its statements, by a task that is over."""
    agent = Caller(shop.ready, "repo:acme/shop:log", {"role": "agent"})
    access = [{"tables": ["orders"], "actions": ["select"]}]
    opened = agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "fill the log", "access": access})
    task = opened.body["task_id"]
    said = [agent.call("POST", f"/v1/tasks/{task}/query", {"sql": sql}).body for sql in STATEMENTS]
    assert agent.call("DELETE", f"/v1/tasks/{task}").status == 200
    assert ["rows" in one for one in said] == [True, True, False]
    return said


def covers(evidence: Evidence, size: int) -> Callable[[], bool]:
    return lambda: evidence.checkpoint().size >= size


def test_a_signed_checkpoint_covers_every_record_byte_for_byte(
    evidence: Evidence, answers: list[Mapping[str, Any]]
) -> None:
    written = evidence.keys("wal/v1/local/")
    assert sum(key.endswith("/1-intent.json") for key in written) >= len(answers)
    wait_until(covers(evidence, len(written)))

    checkpoint = evidence.checkpoint()
    entries = evidence.entries(checkpoint.size)

    assert CompactRange.over([leaf_hash(entry) for entry in entries]).root() == checkpoint.root
    assert len(set(entries)) == len(entries)
    assert {evidence.read(key) for key in written} <= set(entries)
    assert entries[0].count(b'"epoch_start"') == 1


def test_nothing_of_it_unlocks_before_the_epochs_end_and_the_retention(
    evidence: Evidence, answers: list[Mapping[str, Any]]
) -> None:
    wait_until(covers(evidence, len(evidence.keys("wal/v1/local/"))))

    versions = evidence.s3.list_object_versions(Bucket=evidence.stack.ready.bucket)
    heads = [
        evidence.s3.head_object(Bucket=evidence.stack.ready.bucket, Key=one["Key"], VersionId=one["VersionId"])
        for one in versions["Versions"][:40] + versions["Versions"][-40:]
    ]

    assert {head["ObjectLockMode"] for head in heads} == {"COMPLIANCE"}
    assert len({head["ObjectLockRetainUntilDate"] for head in heads}) == 1
    assert "DeleteMarkers" not in versions


def test_anyone_is_told_the_logs_head_and_whose_key_signs_it(shop: Stack, evidence: Evidence) -> None:
    told = Caller(shop.ready, "nobody", {}).call("GET", "/v1/log").body

    assert told["origin"] == ORIGIN
    assert [key["vkey"] for key in told["keys"]] == [shop.ready.vkey]
    assert open_checkpoint(told["checkpoint"].encode(), [parse_vkey(shop.ready.vkey)], ORIGIN).size >= 1


def test_the_queue_is_empty_once_everything_is_in_the_log(evidence: Evidence, answers: list[Mapping[str, Any]]) -> None:
    wait_until(covers(evidence, len(evidence.keys("wal/v1/local/"))))
    deployment = evidence.stack.deployment
    sqs = make_client("sqs", endpoint_url=evidence.stack.ready.aws, region="us-east-1")

    def waiting(name: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = f"{evidence.stack.ready.aws}/123456789012/{name}"
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[one]) for one in names)

    wait_until(lambda: sum(waiting(queue.name) for queue in deployment.queues) == 0)
