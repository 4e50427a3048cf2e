"""A queue's messages become invocations as Lambda makes them: in batches, deleted when done, and back when not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from postern_local.aws.server import AwsServer
from postern_local.event_sources import EventSources
from postern_local.model import Deployment, EventSource, Function, Role
from postern_local.worker_process import Outcome
from tests.support.aws import REGION, allow, client, make_role, unique
from tests.support.stack import deployment, wait_until

ACCOUNT = "123456789012"
Answer = Callable[[list[dict[str, Any]]], Outcome]
DONE = Outcome(b'{"batchItemFailures": []}')
TAKES = ["sqs:ReceiveMessage", "sqs:DeleteMessage"]


@dataclass
class Invoked:
    """Stands for the functions: notes each batch and answers it as told."""

    answer: Answer
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    holding: threading.Event | None = None  # set: an invocation does not end before

    def invoke(self, name: str, payload: bytes) -> Future[Outcome]:
        assert name == "sequence"
        self.batches.append(json.loads(payload)["Records"])
        future: Future[Outcome] = Future()
        if self.holding is None:
            future.set_result(self.answer(self.batches[-1]))
        return future

    @property
    def bodies(self) -> list[str]:
        return [record["body"] for batch in self.batches for record in batch]


@dataclass(frozen=True)
class Line:
    """A queue with its dead letters."""

    aws: AwsServer
    url: str
    arn: str
    dead_url: str

    def send(self, *bodies: str) -> None:
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            client(self.aws, "sqs").send_message_batch(QueueUrl=self.url, Entries=entries)

    def counts(self, url: str | None = None) -> tuple[int, int]:
        """Messages that can be received, and that somebody holds."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = client(self.aws, "sqs").get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return int(found["Attributes"][names[0]]), int(found["Attributes"][names[1]])


def line(aws: AwsServer, *, visibility_s: int = 30, max_receives: int = 5) -> Line:
    sqs = client(aws, "sqs")
    dead = sqs.create_queue(QueueName=unique("dead"))["QueueUrl"]
    dead_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{dead.rsplit('/', 1)[-1]}"
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receives})
    attributes = {"VisibilityTimeout": str(visibility_s), "RedrivePolicy": redrive}
    url = sqs.create_queue(QueueName=unique("line"), Attributes=attributes)["QueueUrl"]
    return Line(aws, url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}", dead)


@contextmanager
def polled(
    made: Line, invoked: Invoked, *, rights: list[str] | None = None, batch_size: int = 1000, reports: bool = True
) -> Iterator[None]:
    name = unique("role")
    arn = make_role(made.aws, allow(rights or TAKES), name=name)
    source = EventSource(made.arn, "sequence", batch_size, window_s=0, reports_items=reports)
    with_source = replace(_deployment(name, arn), event_sources=[source])
    sources = EventSources(with_source, made.aws, invoked)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sources.stop()


def _deployment(role: str, arn: str) -> Deployment:
    function = Function(
        "sequence", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sequence", Path(), "h.h", 5, 128, {}, role, None
    )
    return replace(deployment([function], []), roles=[Role(role, arn, {}, {}, 3600)])


def test_a_message_arrives_in_lambdas_form_and_is_deleted_once_it_is_done(aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(lambda _batch: DONE)
    made.send("one")

    with polled(made, invoked):
        wait_until(lambda: made.counts() == (0, 0))

    ((record,),) = invoked.batches
    assert (record["body"], record["eventSource"], record["eventSourceARN"]) == ("one", "aws:sqs", made.arn)
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"messageId", "receiptHandle", "md5OfBody", "messageAttributes", "awsRegion"} <= set(record)


def test_messages_come_in_batches_no_larger_than_asked_for(aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(lambda _batch: DONE)
    made.send(*map(str, range(45)))

    with polled(made, invoked, batch_size=20):
        wait_until(lambda: made.counts() == (0, 0))

    assert [len(batch) for batch in invoked.batches] == [20, 20, 5]
    assert sorted(map(int, invoked.bodies)) == list(range(45))


def failing(*bodies: str) -> Answer:
    """Answers that these messages failed."""

    def answer(batch: list[dict[str, Any]]) -> Outcome:
        failed = [{"itemIdentifier": record["messageId"]} for record in batch if record["body"] in bodies]
        return Outcome(json.dumps({"batchItemFailures": failed}).encode())

    return answer


def test_what_is_named_as_failed_stays_and_the_rest_is_deleted(aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(failing("bad"))
    made.send("good", "bad", "better")

    with polled(made, invoked):
        wait_until(lambda: made.counts() == (0, 1))

    assert len(invoked.batches) == 1  # it is hidden for the queue's visibility timeout


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(Outcome(b'{"errorMessage": "x"}', failed=True), id="the function raised"),
        pytest.param(Outcome(b'{"batchItemFailures": [{"itemIdentifier": "nobody"}]}'), id="names what is not there"),
        pytest.param(Outcome(b'{"batchItemFailures": [{}]}'), id="names nothing"),
        pytest.param(Outcome(b'["batchItemFailures"]'), id="answer of another form"),
        pytest.param(Outcome(b"not JSON"), id="no JSON"),
    ],
)
def test_all_of_a_batch_stays_where_it_cannot_be_told_what_failed(outcome: Outcome, aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(lambda _batch: outcome)
    made.send("one", "two")

    with polled(made, invoked):
        wait_until(lambda: len(invoked.batches) == 1)

    assert made.counts() == (0, 2)


@pytest.mark.parametrize("payload", [b"null", b"{}", b'{"batchItemFailures": null}'])
def test_an_answer_without_failures_is_success(payload: bytes, aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(lambda _batch: Outcome(payload))
    made.send("one")

    with polled(made, invoked):
        wait_until(lambda: made.counts() == (0, 0))

    assert len(invoked.batches) == 1


def test_a_function_that_does_not_report_items_is_done_with_all_of_them(aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(failing("one"))
    made.send("one")

    with polled(made, invoked, reports=False):
        wait_until(lambda: made.counts() == (0, 0))

    assert invoked.bodies == ["one"]


def test_a_message_that_fails_again_and_again_comes_back_and_ends_as_a_dead_letter(aws: AwsServer) -> None:
    made, invoked = line(aws, visibility_s=0, max_receives=3), Invoked(failing("bad"))
    made.send("bad", "good")

    with polled(made, invoked):
        wait_until(lambda: made.counts(made.dead_url) == (1, 0))

    assert made.counts() == (0, 0)
    assert (invoked.bodies.count("bad"), invoked.bodies.count("good")) == (3, 1)


def test_it_takes_messages_with_the_rights_of_the_functions_role(
    aws: AwsServer, caplog: pytest.LogCaptureFixture
) -> None:
    made, invoked = line(aws), Invoked(lambda _batch: DONE)
    made.send("one")

    with polled(made, invoked, rights=["sqs:SendMessage"]):
        wait_until(lambda: "not authorized to perform: sqs:ReceiveMessage" in caplog.text)
    assert (invoked.batches, made.counts()) == ([], (1, 0))

    with polled(made, invoked):
        wait_until(lambda: made.counts() == (0, 0))


def test_a_stop_leaves_what_is_under_way_in_the_queue(aws: AwsServer) -> None:
    made, invoked = line(aws), Invoked(lambda _batch: DONE, holding=threading.Event())
    made.send("one")

    with polled(made, invoked):
        wait_until(lambda: len(invoked.batches) == 1)

    assert made.counts() == (0, 1)
