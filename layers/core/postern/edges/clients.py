"""SDK clients as the hot path needs them: made once an environment, short timeouts, few attempts, kept connections.

They are botocore's own. boto3's are the same objects, behind resources and file transfers that nothing here uses and
that every cold start would load.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore import __version__ as botocore_version
from botocore.config import Config
from botocore.session import Session

from postern.edges.descriptions import loader
from postern.edges.timestamps import read_timestamp
from postern.edges.together import WORKERS
from postern.version import __version__

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

    from postern.edges.announcer import EventsClient
    from postern.edges.deploy_hook import CodeDeployClient
    from postern.edges.seal_keys import DataKeySource
    from postern.edges.signer import SigningClient


def connect(region: str) -> Session:
    """A session in the function's own region, with the credentials of its environment."""
    session = Session()
    session.register_component("data_loader", loader())
    session.set_config_variable("region", region)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_timestamp)
    return session


@cache
def dynamodb(session: Session, *, attempts: int = 2) -> DynamoDBClient:
    # One retry: a reservation whose first answer was lost is found to be held already, and is not taken twice.
    # One for all stores of a function: threads may share a client, and each takes its time to make.
    # DynamoDB checks what it is sent, so looking it over here as well is a tenth of each request for nothing. Of S3 it
    # stays: an empty key would be a request about the bucket.
    config = _config(read_timeout_s=2.0, attempts=attempts, connections=WORKERS, checks=False)
    client: DynamoDBClient = _client(session, "dynamodb", config)
    return client


def authorizer_table(session: Session) -> DynamoDBClient:
    # No retry: a proof whose first PUT did arrive would seem to be used. Short: the function has 10 s for everything.
    client: DynamoDBClient = _client(session, "dynamodb", _config(read_timeout_s=1.0, attempts=1))
    return client


def marking_table(session: Session) -> DynamoDBClient:
    # Marks, denials and what is owed may be written twice. Many tasks are marked side by side.
    client: DynamoDBClient = _client(session, "dynamodb", _config(read_timeout_s=2.0, attempts=3, connections=WORKERS))
    return client


def s3(session: Session) -> S3Client:
    # No retry in the SDK: the record store itself looks whether a PUT of unknown result has happened.
    client: S3Client = _client(session, "s3", _config(read_timeout_s=3.0, attempts=1))
    return client


def sts(session: Session) -> STSClient:
    client: STSClient = _client(session, "sts", _config(read_timeout_s=2.0, attempts=2))
    return client


def data_keys(session: Session) -> DataKeySource:
    client: DataKeySource = _client(session, "kms", _config(read_timeout_s=2.0, attempts=2))
    return client


def log_table(session: Session) -> DynamoDBClient:
    # Everything that is sent to the log's table may be sent twice.
    client: DynamoDBClient = _client(session, "dynamodb", _config(read_timeout_s=2.0, attempts=3, connections=WORKERS))
    return client


def log_bucket(session: Session) -> S3Client:
    # Objects of the log are created once with bytes that are always the same, so a PUT may be sent twice.
    client: S3Client = _client(session, "s3", _config(read_timeout_s=5.0, attempts=3, connections=WORKERS))
    return client


def signing(session: Session) -> SigningClient:
    client: SigningClient = _client(session, "kms", _config(read_timeout_s=2.0, attempts=3))
    return client


def queue(session: Session) -> SQSClient:
    # A message that is sent twice does no harm.
    client: SQSClient = _client(session, "sqs", _config(read_timeout_s=2.0, attempts=3))
    return client


def functions(session: Session, *, connections: int = 4) -> LambdaClient:
    # Provisioning is not repeated by the SDK: its own record and state say how far it came.
    client: LambdaClient = _client(session, "lambda", _config(read_timeout_s=26.0, attempts=1, connections=connections))
    return client


def deployments(session: Session) -> CodeDeployClient:
    # The same answer may be given twice.
    client: CodeDeployClient = _client(session, "codedeploy", _config(read_timeout_s=5.0, attempts=3))
    return client


def estimates(session: Session) -> LambdaClient:
    # An approver waits for these, and can do without.
    client: LambdaClient = _client(session, "lambda", _config(read_timeout_s=4.0, attempts=1))
    return client


def events(session: Session) -> EventsClient:
    # Nobody waits long to tell others: what does not arrive in a second is lost, and counted.
    client: EventsClient = _client(session, "events", _config(read_timeout_s=1.0, attempts=1))
    return client


def _client(session: Session, service: str, config: Config) -> Any:  # noqa: ANN401 - the callers say of which service
    return session.create_client(service, config=config)


# The SDK's own is put together anew from some twenty parts, twice a request, which takes up to a quarter of it.
_USER_AGENT = f"postern/{__version__} Botocore/{botocore_version}"


def _config(*, read_timeout_s: float, attempts: int, connections: int = 4, checks: bool = True) -> Config:
    return Config(
        user_agent=_USER_AGENT,
        parameter_validation=checks,
        connect_timeout=1.0,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        tcp_keepalive=True,
        max_pool_connections=connections,
        # The SDK's default in us-east-1 is S3's global name, which a network without a way out need not resolve.
        s3={"us_east_1_regional_endpoint": "regional"},
    )
