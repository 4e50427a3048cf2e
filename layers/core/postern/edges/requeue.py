"""Tells the sequencer of objects again, in the words of the bucket's own event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from postern.edges.sqs_events import format_message
from postern.errors import EvidenceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_AT_ONCE = 10  # messages of one request


@dataclass(frozen=True, slots=True)
class SqsRequeue:
    """Implements `reap_ports.Requeue`: one message a key, as S3 sends them."""

    client: SQSClient
    queue_url: str
    bucket: str

    def send(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _AT_ONCE):
            entries: Any = [
                {"Id": str(number), "MessageBody": format_message(self.bucket, [key])}
                for number, key in enumerate(keys[start : start + _AT_ONCE])
            ]
            try:
                answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise EvidenceUnavailable("evidence.unavailable", "the queue of the log cannot be reached") from error
            if answer.get("Failed"):
                raise EvidenceUnavailable(
                    "evidence.unavailable", f"queue: expected it to take {len(entries)} messages, it refused some"
                )
