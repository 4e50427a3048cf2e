"""SDK clients as the hot path needs them: made once an environment, short timeouts, few attempts, kept connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.config import Config

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient


def dynamodb(session: Session, *, attempts: int = 2) -> DynamoDBClient:
    # One retry: a reservation whose first answer was lost is then taken twice, which errs on the safe side.
    return session.client("dynamodb", config=_config(read_timeout_s=2.0, attempts=attempts))


def s3(session: Session) -> S3Client:
    # No retry in the SDK: the record store itself looks whether a PUT of unknown result has happened.
    return session.client("s3", config=_config(read_timeout_s=3.0, attempts=1))


def sts(session: Session) -> STSClient:
    return session.client("sts", config=_config(read_timeout_s=2.0, attempts=2))


def functions(session: Session) -> LambdaClient:
    # Provisioning is not repeated by the SDK: its own record and state say how far it came.
    return session.client("lambda", config=_config(read_timeout_s=26.0, attempts=1))


def _config(*, read_timeout_s: float, attempts: int) -> Config:
    return Config(
        connect_timeout=1.0,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        tcp_keepalive=True,
        max_pool_connections=4,
    )
