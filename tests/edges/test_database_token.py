"""Database tokens: signed for exactly one user, over a session that may be nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EndpointConnectionError

from postern.edges.database_token import RoleTokens, TaskTokens, sign_token
from postern.errors import DatabaseUnavailable
from postern.types import TaskId
from tests.support.domain import ADDRESS, TASK_ID, a_task
from tests.support.fake_sts import FakeSts

ROLE = "arn:aws:iam::123456789012:role/connect"


def parts(token: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(f"https://{token}").query)


def test_signs_as_the_sdk_does():
    sdk = boto3.client(
        "rds",
        region_name=ADDRESS.region,
        aws_access_key_id="AKID",
        aws_secret_access_key="s3cr3t/+",
        aws_session_token="tok/+==",
    )

    def both() -> tuple[dict, dict]:
        ours = sign_token(Credentials("AKID", "s3cr3t/+", "tok/+=="), ADDRESS, "task_x").reveal()
        return parts(ours), parts(sdk.generate_db_auth_token(ADDRESS.host, ADDRESS.port, "task_x", ADDRESS.region))

    ours, theirs = both()
    if ours["X-Amz-Date"] != theirs["X-Amz-Date"]:  # the second changed between the two
        ours, theirs = both()
    assert ours == theirs


def test_a_token_is_never_printed():
    token = sign_token(Credentials("AKID", "s3cr3t/+"), ADDRESS, "task_x")
    assert "X-Amz" not in f"{token!r} {token}"


def test_the_session_may_connect_as_exactly_one_user():
    sts = FakeSts()
    token = TaskTokens(sts, ROLE).mint(a_task(), ADDRESS)
    [call] = sts.calls
    user = f"task_{TASK_ID}"
    assert json.loads(call["Policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "rds-db:connect",
            "Resource": f"arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-LOCAL/{user}",
        }
    ]
    assert call["Tags"] == [{"Key": "postern_user", "Value": user}]
    assert call["SourceIdentity"] == call["RoleSessionName"] == TASK_ID
    assert call["DurationSeconds"] == 900
    assert parts(token.reveal())["DBUser"] == [user]


def test_keeps_a_session_for_its_task_and_no_other():
    sts = FakeSts()
    tokens = TaskTokens(sts, ROLE)
    tokens.mint(a_task(), ADDRESS)
    tokens.mint(a_task(), ADDRESS)
    assert len(sts.calls) == 1
    tokens.mint(a_task(id=TaskId("0199a0b0c0d17000800000000000000b")), ADDRESS)
    assert len(sts.calls) == 2


def test_keeps_no_session_for_another_database():
    sts = FakeSts()
    tokens = TaskTokens(sts, ROLE)
    tokens.mint(a_task(), ADDRESS)
    tokens.mint(a_task(), replace(ADDRESS, resource_id="cluster-OTHER"))
    assert "cluster-OTHER" in sts.calls[1]["Policy"]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole"),
        EndpointConnectionError(endpoint_url="https://sts"),
    ],
    ids=["refused", "away"],
)
def test_no_session_no_token(error):
    with pytest.raises(DatabaseUnavailable) as caught:
        TaskTokens(FakeSts(error), ROLE).mint(a_task(), ADDRESS)
    assert "s3cr3t" not in str(caught.value)


def test_the_provisioner_signs_with_the_functions_own_role():
    session = boto3.Session("AKID", "s3cr3t/+", "tok", "us-east-1")
    assert parts(RoleTokens(session, "postern_provision").mint(ADDRESS).reveal())["DBUser"] == ["postern_provision"]
