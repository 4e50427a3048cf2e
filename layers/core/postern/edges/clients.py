"""SDK clients as the hot path needs them: made once an environment, short timeouts, few attempts, kept connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.config import Config

from postern.edges.together import WORKERS

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

    from postern.edges.announcer import EventsClient
    from postern.edges.seal_keys import DataKeySource
    from postern.edges.signer import SigningClient


def dynamodb(session: Session, *, attempts: int = 2) -> DynamoDBClient:
    # One retry: a reservation whose first answer was lost is found to be held already, and is not taken twice.
    return session.client("dynamodb", config=_config(read_timeout_s=2.0, attempts=attempts))


def authorizer_table(session: Session) -> DynamoDBClient:
    # No retry: a proof whose first PUT did arrive would seem to be used. Short: the function has 10 s for everything.
    return session.client("dynamodb", config=_config(read_timeout_s=1.0, attempts=1))


def marking_table(session: Session) -> DynamoDBClient:
    # Marks, denials and what is owed may be written twice. Many tasks are marked side by side.
    return session.client("dynamodb", config=_config(read_timeout_s=2.0, attempts=3, connections=WORKERS))


def s3(session: Session) -> S3Client:
    # No retry in the SDK: the record store itself looks whether a PUT of unknown result has happened.
    return session.client("s3", config=_config(read_timeout_s=3.0, attempts=1))


def sts(session: Session) -> STSClient:
    return session.client("sts", config=_config(read_timeout_s=2.0, attempts=2))


def data_keys(session: Session) -> DataKeySource:
    client: DataKeySource = session.client("kms", config=_config(read_timeout_s=2.0, attempts=2))
    return client


def log_table(session: Session) -> DynamoDBClient:
    # Everything that is sent to the log's table may be sent twice.
    return session.client("dynamodb", config=_config(read_timeout_s=2.0, attempts=3, connections=WORKERS))


def log_bucket(session: Session) -> S3Client:
    # Objects of the log are created once with bytes that are always the same, so a PUT may be sent twice.
    return session.client("s3", config=_config(read_timeout_s=5.0, attempts=3, connections=WORKERS))


def signing(session: Session) -> SigningClient:
    client: SigningClient = session.client("kms", config=_config(read_timeout_s=2.0, attempts=3))
    return client


def queue(session: Session) -> SQSClient:
    # A message that is sent twice does no harm.
    return session.client("sqs", config=_config(read_timeout_s=2.0, attempts=3))


def functions(session: Session, *, connections: int = 4) -> LambdaClient:
    # Provisioning is not repeated by the SDK: its own record and state say how far it came.
    return session.client("lambda", config=_config(read_timeout_s=26.0, attempts=1, connections=connections))


def estimates(session: Session) -> LambdaClient:
    # An approver waits for these, and can do without.
    return session.client("lambda", config=_config(read_timeout_s=4.0, attempts=1))


def events(session: Session) -> EventsClient:
    # Nobody waits long to tell others: what does not arrive in a second is lost, and counted.
    client: EventsClient = session.client("events", config=_config(read_timeout_s=1.0, attempts=1))
    return client


def _config(*, read_timeout_s: float, attempts: int, connections: int = 4) -> Config:
    return Config(
        connect_timeout=1.0,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        tcp_keepalive=True,
        max_pool_connections=connections,
    )
