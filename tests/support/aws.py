"""Clients, roles and sessions on the local AWS server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from postern_local.aws.server import AwsServer
from postern_local.aws.sessions import StsSession

REGION = "eu-central-1"
_ONE_TRY = Config(retries={"total_max_attempts": 1})


def unique(prefix: str) -> str:
    """A name that no other test has, in what every service takes."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def client(aws: AwsServer, service: str, session: StsSession | None = None) -> Any:
    """A client that tries once: the administrator's, or the session's."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    if session is not None:
        keys = {
            "aws_access_key_id": session.access_key_id,
            "aws_secret_access_key": session.secret_access_key.reveal(),
            "aws_session_token": session.session_token.reveal(),
        }
    return boto3.client(service, endpoint_url=aws.url, region_name=REGION, config=_ONE_TRY, **keys)  # type: ignore[call-overload]


def locked_bucket(s3: Any, *, days: int | None = None) -> str:
    """A new bucket with Object Lock; what it holds is locked for so many days, or not by itself."""
    name = unique("locked")
    location = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=location)
    if days is not None:
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    return name


def policy(*statements: Mapping[str, object]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **elements: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def trust(principal: object, *, action: str | list[str] = "sts:AssumeRole", **elements: object) -> str:
    """A trust policy of one statement."""
    return policy({"Effect": "Allow", "Principal": principal, "Action": action, **elements})


LAMBDA = {"Service": "lambda.amazonaws.com"}


def make_role(
    aws: AwsServer,
    *statements: Mapping[str, object],
    trusted: str | None = None,
    name: str | None = None,
    **options: Any,
) -> str:
    """A new role with these statements as its policy; returns its ARN. Lambda may assume it unless told otherwise."""
    iam = client(aws, "iam")
    role = name or unique("role")
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusted or trust(LAMBDA), **options)
    if statements:
        iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=policy(*statements))
    return str(made["Role"]["Arn"])


def function_session(aws: AwsServer, *statements: Mapping[str, object]) -> StsSession:
    """A session of a new role with these statements, as Lambda would hold it."""
    return aws.assume_as_service(make_role(aws, *statements), session_name="function")


def assume(aws: AwsServer, by: StsSession | None, role_arn: str, **options: Any) -> StsSession:
    """A session that AssumeRole gives; read back with everything that the server keeps of it."""
    answer = client(aws, "sts", by).assume_role(**{"RoleArn": role_arn, "RoleSessionName": "session", **options})
    session = aws.session(answer["Credentials"]["AccessKeyId"])
    assert session is not None
    return session


def error_code(failure: Any) -> str:
    """The AWS error code of a `ClientError`'s `ExceptionInfo`."""
    return str(failure.value.response["Error"]["Code"])
