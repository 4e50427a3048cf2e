"""The log of the local stack: begun before anybody is told that the stack answers, with its key for verifiers.

On AWS the first pass of the schedules comes within a minute of the deploy, and statements wait for it: the
log has no watermark before. Here it is made at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from postern.audit.keys import log_key
from postern.tlog.notes import format_vkey
from postern_local.clients import make_client
from postern_local.failure import StackFailure
from postern_local.lambdas import Lambdas
from postern_local.model import Deployment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

_LIMIT_S = 60.0
_LOOK_S = 0.1


def fetch_vkey(deployment: Deployment, endpoint_url: str) -> str:
    """The current signing key as verifiers take it (C2SP signed-note). Raises `StackFailure`."""
    arn = deployment.outputs["LogKeyArns"].split(",")[0]
    kms = make_client("kms", endpoint_url=endpoint_url, region=deployment.names.region)
    try:
        key = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    except (ClientError, BotoCoreError) as error:
        raise StackFailure(f"{arn}: expected its public key, got: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise StackFailure(f"{arn}: expected an Ed25519 key, got another")
    return format_vkey(deployment.outputs["LogOrigin"], key.public_bytes_raw())


@dataclass(frozen=True, slots=True)
class LogBeginning:
    """Runs the schedules, before their time, until the log has a checkpoint and a watermark."""

    deployment: Deployment
    endpoint_url: str
    lambdas: Lambdas
    log: str
    stopped: threading.Event

    def run(self) -> None:
        """Returns when the log has begun, or the stack is stopped. Raises `StackFailure`."""
        region = self.deployment.names.region
        table: DynamoDBClient = make_client("dynamodb", endpoint_url=self.endpoint_url, region=region)
        bucket: S3Client = make_client("s3", endpoint_url=self.endpoint_url, region=region)
        limit = time.monotonic() + _LIMIT_S
        try:
            said = self._pass()
            # A pass moves the watermark once what it found is under a checkpoint: the next can do no more before.
            while not self._has_watermark(table):
                if not self._wait(limit, lambda: self._has_checkpoint(bucket)):
                    raise StackFailure(f"log {self.log}: has not begun; the last pass said {said}")
                said = self._pass()
        except (ClientError, BotoCoreError) as error:
            raise StackFailure(f"log {self.log}: could not be begun: {error}") from error

    def _pass(self) -> str:
        outcomes = [
            self.lambdas.invoke(schedule.function, schedule.payload.encode()).result()
            for schedule in self.deployment.schedules
        ]
        return "; ".join(outcome.payload.decode(errors="replace") for outcome in outcomes)

    def _wait(self, limit: float, holds: Callable[[], bool]) -> bool:
        """Whether it came to hold before the limit and before the stack is stopped."""
        while not holds():
            if time.monotonic() > limit or self.stopped.wait(_LOOK_S):
                return False
        return time.monotonic() <= limit and not self.stopped.is_set()

    def _has_watermark(self, table: DynamoDBClient) -> bool:
        key = {"pk": {"S": f"watermark#{self.log}"}}
        found = table.get_item(TableName=self.deployment.outputs["LogTableName"], Key=key, ConsistentRead=True)
        return "Item" in found

    def _has_checkpoint(self, bucket: S3Client) -> bool:
        try:
            bucket.head_object(Bucket=self.deployment.outputs["EvidenceBucket"], Key=log_key(self.log, "checkpoint"))
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return False
        return True
