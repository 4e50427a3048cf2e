"""Keys whose event was lost, told to the sequencer's queue."""

from __future__ import annotations

import json
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws

from postern.edges.requeue import SqsRequeue
from postern.edges.sqs_events import parse_messages
from postern.errors import EvidenceUnavailable

KEY = "wal/v1/prod-2026/5/20260921/14/é x"


@pytest.mark.parametrize("count", [1, 10, 25])
def test_each_lost_key_becomes_a_message_that_the_sequencer_reads(monkeypatch, count):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    keys = [f"{KEY}+%/{number}" for number in range(count)]
    with mock_aws():
        client = boto3.client("sqs", region_name="us-east-1")
        url = client.create_queue(QueueName="q")["QueueUrl"]
        SqsRequeue(client, url, "evidence").send(keys)
        bodies: list[str] = []
        while got := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            bodies += [one["Body"] for one in got]
    assert json.loads(bodies[0])["Records"][0]["s3"]["bucket"]["name"] == "evidence"
    event = {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}
    assert sorted(key for message in parse_messages(event, "evidence") for key in message.keys) == sorted(keys)


@dataclass
class _Refusing:
    """A queue that takes some of a batch, or answers nothing."""

    failed: bool

    def send_message_batch(self, **_: object) -> dict[str, object]:
        return {"Failed": [{"Id": "0"}]} if self.failed else {}


def test_says_so_when_the_queue_refuses_a_message():
    with pytest.raises(EvidenceUnavailable):
        SqsRequeue(_Refusing(failed=True), "url", "evidence").send([KEY])  # type: ignore[arg-type]
    SqsRequeue(_Refusing(failed=False), "url", "evidence").send([KEY])  # type: ignore[arg-type]
