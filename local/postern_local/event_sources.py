"""Lambda's event source mappings on one machine: a queue's messages become a function's invocations.

As Lambda does it: messages are received with the rights of the function's own role, gathered into a
batch, handed over, and deleted when the function is done with them. What it names as failed, and all of
a batch whose invocation failed, comes back after the queue's visibility timeout, and goes to the dead
letters after as many times as the queue says. One batch of a source is under way at a time.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from postern_local.aws.server import AwsServer
from postern_local.clients import make_client
from postern_local.failure import StackFailure
from postern_local.lambdas import Lambdas
from postern_local.model import Deployment, EventSource
from postern_local.worker_process import Outcome

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_AT_ONCE = 10  # SQS's bound for one receive and one delete
_MIN_WAIT_S, _MAX_WAIT_S = 0.05, 1.0  # a batching window of minutes would be waited for by a person here
_CREDENTIALS_S = 1800.0  # they end after an hour
_FAILURES = (ClientError, BotoCoreError, StackFailure)

_log = logging.getLogger(__name__)
Message = dict[str, Any]


class EventSources:
    """A thread for each source, which asks its queue once a window."""

    def __init__(self, deployment: Deployment, aws: AwsServer, lambdas: Lambdas) -> None:
        self._stopped = threading.Event()
        self._pollers = [
            _Poller(source, _Queue(source, deployment, aws), lambdas, self._stopped)
            for source in deployment.event_sources
        ]
        self._threads = [threading.Thread(target=poller.run, daemon=True) for poller in self._pollers]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when nothing more is received. What was under way stays in its queue. Idempotent."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()


class _Queue:
    """The queue as the function's role may use it; its credentials are renewed before they end."""

    def __init__(self, source: EventSource, deployment: Deployment, aws: AwsServer) -> None:
        self._function = deployment.function(source.function)
        (self._role,) = (role for role in deployment.roles if role.name == self._function.role)
        region, account, name = source.queue_arn.split(":")[3:]
        self._url = f"{aws.url}/{account}/{name}"
        self._region = region
        self._aws = aws
        self._client: SQSClient | None = None
        self._renew_at = 0.0

    def receive(self) -> list[Message]:
        answer = self._connected().receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=_AT_ONCE, MessageSystemAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))  # type: ignore[arg-type]

    def delete(self, messages: Sequence[Message]) -> None:
        for some in _tens(messages):
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(some)]
            self._connected().delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]

    def _connected(self) -> SQSClient:
        if self._client is None or time.monotonic() > self._renew_at:
            self._renew_at = time.monotonic() + _CREDENTIALS_S
            self._client = self._connect()
        return self._client

    def _connect(self) -> SQSClient:
        role = self._aws.assume_as_service(
            self._role.arn, session_name=self._function.name, source_function_arn=self._function.arn
        )
        client: SQSClient = make_client("sqs", endpoint_url=self._aws.url, region=self._region, role=role)
        return client


@dataclass(frozen=True, slots=True)
class _Poller:
    """One source's loop."""

    source: EventSource
    queue: _Queue
    lambdas: Lambdas
    stopped: threading.Event

    def run(self) -> None:
        wait_s = min(max(float(self.source.window_s), _MIN_WAIT_S), _MAX_WAIT_S)
        while not self.stopped.is_set():
            is_full = False
            try:
                batch = self._gather()
                is_full = len(batch) >= self.source.batch_size
                if batch:
                    self._hand_over(batch)
            except _FAILURES as error:
                # The queue keeps what is in it: this is tried again as long as the stack runs.
                if not self.stopped.is_set():
                    _log.warning("queue of %s: %s", self.source.function, error)
            if not is_full:
                self.stopped.wait(wait_s)

    def _gather(self) -> list[Message]:
        batch: list[Message] = []
        while len(batch) < self.source.batch_size:
            some = self.queue.receive()
            batch += some
            if len(some) < _AT_ONCE:
                break
        return batch

    def _hand_over(self, batch: Sequence[Message]) -> None:
        event = {"Records": [_record(message, self.source.queue_arn) for message in batch]}
        outcome = self._outcome(self.lambdas.invoke(self.source.function, json.dumps(event).encode()))
        if outcome is None:
            return
        if outcome.failed:
            _log.warning("queue of %s: %s", self.source.function, outcome.payload.decode(errors="replace"))
            return
        failed = _failed_items(outcome.payload, batch) if self.source.reports_items else frozenset()
        self.queue.delete([message for message in batch if message["MessageId"] not in failed])

    def _outcome(self, future: Future[Outcome]) -> Outcome | None:
        """What the invocation came to; None where the stack is stopped before it ends."""
        ended = threading.Event()
        future.add_done_callback(lambda _future: ended.set())
        while not ended.wait(0.1):
            if self.stopped.is_set():
                return None
        return future.result()


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    """A message in the form of Lambda's SQS event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _failed_items(payload: bytes, batch: Sequence[Message]) -> frozenset[str]:
    """Ids of the messages that stay; all of them where the answer is not of the documented form."""
    everything = frozenset(message["MessageId"] for message in batch)
    try:
        answer = json.loads(payload) or {}
        failed = frozenset(item["itemIdentifier"] for item in answer.get("batchItemFailures") or ())
    except (ValueError, TypeError, KeyError, AttributeError):
        return everything
    return failed if failed <= everything else everything


def _tens(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), _AT_ONCE):
        yield messages[start : start + _AT_ONCE]
