"""What the broker's own credentials can do to a record once it is written: nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError


def attacks(environment: Mapping[str, str], bucket: str, key: str) -> dict[str, str]:
    """Each attempt on one record, and the error code that it got; `done` where it went through.

    `environment` is the function's: the credentials that the broker itself writes records with.
    """
    client = boto3.client(
        "s3",
        region_name=environment["AWS_REGION"],
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )
    version = client.head_object(Bucket=bucket, Key=key)["VersionId"]
    tomorrow = datetime.now(UTC) + timedelta(minutes=1)
    this: dict[str, Any] = {"Bucket": bucket, "Key": key}
    attempts: dict[str, Callable[[], object]] = {
        "delete it": lambda: client.delete_object(**this),
        "delete this version of it": lambda: client.delete_object(**this, VersionId=version),
        "overwrite it": lambda: client.put_object(**this, Body=b"{}"),
        "overwrite it, if it is not there": lambda: client.put_object(**this, Body=b"{}", IfNoneMatch="*"),
        "shorten its retention": lambda: client.put_object_retention(
            **this, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": tomorrow}, BypassGovernanceRetention=True
        ),
        "stop keeping versions": lambda: client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
    }
    return {name: _code(attempt) for name, attempt in attempts.items()}


def _code(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return "done"
