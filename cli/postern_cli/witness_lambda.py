"""The witness as a small Lambda function of an account that is not the log's operator's: `witness_lambda.handler`.

    POSTERN_LOG_VKEYS              the log's public keys, with commas between
    POSTERN_LOG_BUCKET             the evidence bucket: s3:GetObject on log/*
    POSTERN_WITNESS_BUCKET         a versioned bucket of the witness's own: s3:GetObject, s3:PutObject
    POSTERN_WITNESS_KEY_PARAMETER  the SSM parameter, a SecureString, that holds the key: ssm:GetParameter

In its own bucket are `state.json`, which `postern audit witness init` makes and a person puts there, `cosigned/<log>`
and `evidence/`. The state is replaced only where it is still the one that was read, so two runs at once cannot both
sign; one of them fails. A run that fails raises: an alarm on the function's errors is the witness's voice.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from postern.errors import IntegrityError
from postern.types import Secret
from postern.witness.signing_key import WitnessKey, parse_key
from postern_cli.log_sources import BucketSource
from postern_cli.stop import Exit, Stop
from postern_cli.witnessing import Outlet, read_log, run_once

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_STATE = "state.json"


@dataclass(slots=True)
class BucketMemory:
    """Implements `witnessing.Memory` on an object that is replaced with If-Match."""

    client: S3Client
    bucket: str
    _etag: str = ""

    def read(self) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=_STATE)
            self._etag = answer["ETag"]
            return answer["Body"].read()
        except ClientError as error:
            raise Stop(Exit.UNKNOWN, f"{_STATE}: expected the witness's state, got {_code(error)}") from error
        except BotoCoreError as error:
            raise Stop(Exit.UNKNOWN, f"{_STATE}: expected the witness's state, got {type(error).__name__}") from error

    def write(self, data: bytes) -> None:
        put(self.client, self.bucket, _STATE, data, IfMatch=self._etag)


def put(client: S3Client, bucket: str, key: str, data: bytes, **conditions: str) -> None:
    """Durable once it returns. Raises `Stop` where it is not, or may not be."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.put_object(Bucket=bucket, Key=key, Body=data, ChecksumAlgorithm="SHA256", **conditions)  # type: ignore[arg-type]
    except ClientError as error:
        raise Stop(Exit.UNKNOWN, f"{key}: expected to write it, got {_code(error)}") from error
    except BotoCoreError as error:
        raise Stop(Exit.UNKNOWN, f"{key}: expected to write it, got {type(error).__name__}") from error


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Runs the witness once; made for a schedule. Raises `Stop` where it did not sign."""
    import boto3

    environment = os.environ
    log = read_log(environment["POSTERN_LOG_VKEYS"].split(","))
    name = log.origin.rpartition("/")[2]
    client, own = boto3.client("s3"), environment["POSTERN_WITNESS_BUCKET"]
    source = BucketSource(client, environment["POSTERN_LOG_BUCKET"], name)
    outlet = Outlet(
        publish=partial(put, client, own, f"cosigned/{name}"),
        keep_evidence=lambda name, data: put(client, own, f"evidence/{name}", data),
    )
    key = _read_key(boto3.client("ssm"), environment["POSTERN_WITNESS_KEY_PARAMETER"])
    seen = run_once(key, BucketMemory(client, own), log, source.read, outlet, time_s=int(time.time()))
    print(seen)
    return {"origin": seen.origin, "size": seen.size, "size_before": seen.size_before}


def _read_key(client: Any, name: str) -> WitnessKey:  # noqa: ANN401 - no stubs of SSM are installed
    answer = client.get_parameter(Name=name, WithDecryption=True)
    try:
        return parse_key(Secret(str(answer["Parameter"]["Value"])))
    except IntegrityError as error:
        raise Stop(Exit.UNKNOWN, f"{name}: {error.detail}") from error


def _code(error: Any) -> str:  # noqa: ANN401 - botocore's class is imported only where it is needed
    return str(error.response.get("Error", {}).get("Code", "an error"))
