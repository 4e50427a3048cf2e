"""Makes what the templates deploy in the local AWS account, and gives each function its role's credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from postern_local.aws.server import AwsServer
from postern_local.clients import make_client
from postern_local.failure import StackFailure
from postern_local.model import KEY_ID_TAG, Bucket, Deployment, Function, Key, Queue, Role, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


def create_resources(deployment: Deployment, endpoint_url: str) -> None:
    """Makes roles, keys, tables, event buses, queues and buckets, with all that the templates say of each.

    Raises `StackFailure`.
    """
    client = partial(make_client, endpoint_url=endpoint_url, region=deployment.names.region)
    try:
        iam = client("iam")
        for role in deployment.roles:
            _create_role(iam, role)
        dynamodb = client("dynamodb")
        for table in deployment.tables:
            _create_table(dynamodb, table)
        kms = client("kms")
        for key in deployment.keys:
            _create_key(kms, key)
        events = client("events")
        for bus in deployment.event_buses:
            events.create_event_bus(Name=bus)
        sqs = client("sqs")
        for queue in deployment.queues:
            _create_queue(sqs, queue)
        s3 = client("s3")
        for bucket in deployment.buckets:
            _create_bucket(s3, bucket)
    except (ClientError, BotoCoreError) as error:
        raise StackFailure(f"template: could not be deployed: {error}") from error


def _create_role(iam: IAMClient, role: Role) -> None:
    iam.create_role(
        RoleName=role.name,
        AssumeRolePolicyDocument=json.dumps(role.trust),
        MaxSessionDuration=role.max_session_s,
    )
    for name, document in role.policies.items():
        iam.put_role_policy(RoleName=role.name, PolicyName=name, PolicyDocument=json.dumps(document))


def _create_table(dynamodb: DynamoDBClient, table: Table) -> None:
    dynamodb.create_table(**table.create)
    if table.ttl_attribute is not None:
        dynamodb.update_time_to_live(
            TableName=table.name,
            TimeToLiveSpecification={"AttributeName": table.ttl_attribute, "Enabled": True},
        )
    dynamodb.update_continuous_backups(
        TableName=table.name,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": table.point_in_time_recovery},
    )


def _create_key(kms: Any, key: Key) -> None:  # noqa: ANN401 - KMS has no stubs here
    """The id is the template's own, so that whatever names the key could be made before it."""
    kms.create_key(**key.create, Tags=[{"TagKey": KEY_ID_TAG, "TagValue": key.id}])


def _create_queue(sqs: SQSClient, queue: Queue) -> None:
    sqs.create_queue(QueueName=queue.name, Attributes=queue.attributes)  # type: ignore[arg-type]


def _create_bucket(s3: S3Client, bucket: Bucket) -> None:
    """The policy comes last, as in a deploy: it closes what the steps before it do."""
    s3.create_bucket(Bucket=bucket.name, ObjectLockEnabledForBucket=bucket.object_lock)
    if bucket.versioning is not None:
        s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=bucket.versioning)  # type: ignore[arg-type]
    if bucket.lock_configuration is not None:
        s3.put_object_lock_configuration(Bucket=bucket.name, ObjectLockConfiguration=bucket.lock_configuration)  # type: ignore[arg-type]
    if bucket.encryption is not None:
        s3.put_bucket_encryption(Bucket=bucket.name, ServerSideEncryptionConfiguration=bucket.encryption)  # type: ignore[arg-type]
    if bucket.public_access is not None:
        s3.put_public_access_block(Bucket=bucket.name, PublicAccessBlockConfiguration=bucket.public_access)  # type: ignore[arg-type]
    if bucket.ownership is not None:
        s3.put_bucket_ownership_controls(Bucket=bucket.name, OwnershipControls=bucket.ownership)  # type: ignore[arg-type]
    if bucket.notification is not None:
        s3.put_bucket_notification_configuration(
            Bucket=bucket.name,
            NotificationConfiguration=bucket.notification,  # type: ignore[arg-type]
        )
    if bucket.policy is not None:
        s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(bucket.policy))


@dataclass(frozen=True, slots=True)
class FunctionEnvironment:
    """What a worker of a function gets: the template's variables and credentials of its role, fresh each time."""

    deployment: Deployment
    aws: AwsServer
    local_issuer: str
    opt: str  # the folder that stands for /opt

    def __call__(self, function: Function) -> Mapping[str, str]:
        """Raises `StackFailure` where the AWS server gives no credentials."""
        (role,) = (role for role in self.deployment.roles if role.name == function.role)
        session = self.aws.assume_as_service(role.arn, session_name=function.name, source_function_arn=function.arn)
        region = self.deployment.names.region
        return {
            **{name: self._mounted(value) for name, value in function.environment.items()},
            "AWS_ACCESS_KEY_ID": session.access_key_id,
            "AWS_SECRET_ACCESS_KEY": session.secret_access_key.reveal(),
            "AWS_SESSION_TOKEN": session.session_token.reveal(),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.aws.url,
            "POSTERN_LOCAL_ISSUER": self.local_issuer,
        }

    def _mounted(self, value: str) -> str:
        """A path below /opt, where Lambda lays layers out, as the path of the folder here."""
        return self.opt + value.removeprefix("/opt") if value == "/opt" or value.startswith("/opt/") else value
