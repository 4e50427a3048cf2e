"""The sessions that connect as a task: one contract, run on the fake and on STS; then what STS alone decides."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError

from postern.edges.database_token import SESSION_S, TaskTokens
from postern.errors import DatabaseUnavailable
from postern.types import TaskId
from tests.support.domain import ADDRESS, TASK_ID, a_task
from tests.support.fake_sts import FakeSts
from tests.support.places import Difference, Place, eventually, places

USER = f"task_{TASK_ID}"
EVALUATED = places("sts", differs=Difference.POLICIES)


@dataclass
class Recorded:
    """An STS client that notes what was asked, and what was answered."""

    sts: Any
    calls: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def assume_role(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        self.answers.append(self.sts.assume_role(**call))
        return self.answers[-1]


@dataclass
class Site:
    """STS, and a role like that of template.yaml's connections, which may list one bucket besides."""

    sts: Recorded
    role: str
    place: Place | None = None

    def client(self, service: str, credentials: dict[str, Any]) -> Any:
        assert self.place is not None
        known = self.place.client(service).meta
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=known.region_name,
            endpoint_url=known.endpoint_url,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def assume(self, **changes: Any) -> dict[str, Any]:
        """A session as the edge asks for one, but for these changes; None leaves one out."""
        asked = {
            "RoleArn": self.role,
            "RoleSessionName": TASK_ID,
            "SourceIdentity": TASK_ID,
            "DurationSeconds": SESSION_S,
            "Tags": [{"Key": "postern_user", "Value": USER}],
        }
        return self.sts.assume_role(**{name: one for name, one in (asked | changes).items() if one is not None})


def site_at(place: Place) -> Site:
    sts = place.client("sts")
    account = sts.get_caller_identity()["Account"]
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": actions,
        "Condition": {"StringLike": {"aws:RequestTag/postern_user": "task_*"}},
    }
    bucket = f"arn:aws:s3:::{place.bucket()}"
    site = Site(Recorded(sts), "", place)
    site.role = place.role(trust, [{"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": bucket}])
    eventually(site.assume)
    site.sts = Recorded(sts)
    return site


@pytest.fixture(params=["fake", *places("sts")])
def site(request: pytest.FixtureRequest) -> Site:
    if request.param == "fake":
        return Site(Recorded(FakeSts()), "arn:aws:iam::123456789012:role/connect")
    return site_at(request.getfixturevalue(request.param))


@pytest.fixture(params=places("sts"))
def stored(request: pytest.FixtureRequest) -> Site:
    return site_at(request.getfixturevalue(request.param))


@pytest.fixture(params=EVALUATED)
def deciding(request: pytest.FixtureRequest) -> Site:
    """STS and S3 that evaluate policies."""
    return site_at(request.getfixturevalue(request.param))


def test_the_session_is_asked_for_with_its_second_bound_its_tag_and_whose_it_is(site):
    TaskTokens(site.sts, site.role).mint(a_task(), ADDRESS)
    ((asked,), account) = (site.sts.calls, site.role.split(":")[4])
    (statement,) = json.loads(asked["Policy"])["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Action": "rds-db:connect",
        "Resource": f"arn:aws:rds-db:us-east-1:{account}:dbuser:{ADDRESS.resource_id}/{USER}",
    }
    assert asked["Tags"] == [{"Key": "postern_user", "Value": USER}]
    assert (asked["SourceIdentity"], asked["RoleSessionName"]) == (TASK_ID, TASK_ID)


def test_the_session_bears_the_task_and_ends_after_fifteen_minutes(site):
    begun = datetime.now(UTC)
    TaskTokens(site.sts, site.role).mint(a_task(), ADDRESS)
    (answer,) = site.sts.answers
    assert answer["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{site.role.rsplit('/', 1)[-1]}/{TASK_ID}")
    assert answer["SourceIdentity"] == TASK_ID
    lasts_s = (answer["Credentials"]["Expiration"] - begun).total_seconds()
    assert SESSION_S - 60 < lasts_s < SESSION_S + 60  # of two clocks


def test_the_token_is_signed_with_the_session(site):
    token = TaskTokens(site.sts, site.role).mint(a_task(), ADDRESS).reveal()
    found = parse_qs(urlsplit(f"https://{token}").query)
    (answer,) = site.sts.answers
    assert found["X-Amz-Security-Token"] == [answer["Credentials"]["SessionToken"]]
    assert found["X-Amz-Credential"][0].startswith(answer["Credentials"]["AccessKeyId"] + "/")
    assert found["DBUser"] == [USER]


def test_each_task_has_a_session_of_its_own(site):
    tokens = TaskTokens(site.sts, site.role)
    tokens.mint(a_task(), ADDRESS)
    tokens.mint(a_task(id=TaskId("0199a0b0c0d17000800000000000000b")), ADDRESS)
    assert [call["SourceIdentity"][-1] for call in site.sts.calls] == ["a", "b"]


# What STS alone decides.


def test_the_credentials_are_the_roles_session(stored):
    credentials = stored.assume()["Credentials"]
    assert stored.client("sts", credentials).get_caller_identity()["Arn"].endswith(f"/{TASK_ID}")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Tags": None}, id="no tag"),
        pytest.param({"Tags": [{"Key": "postern_user", "Value": "postern_provision"}]}, id="another user's tag"),
        pytest.param({"Tags": [{"Key": "other", "Value": USER}]}, id="a tag of another name"),
        pytest.param({"RoleArn": "arn:aws:iam::123456789012:role/postern-absent"}, id="a role that is not there"),
    ],
)
def test_a_session_that_the_roles_trust_does_not_name_is_refused(deciding, change):
    with pytest.raises(ClientError) as refused:
        deciding.assume(**change)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"DurationSeconds": 7200}, id="longer than the role lets it be"),
        pytest.param({"Policy": "not JSON"}, id="a session policy that is none"),
    ],
)
def test_a_request_that_is_none_is_refused(deciding, change):
    with pytest.raises(ClientError) as refused:
        deciding.assume(**change)
    assert refused.value.response["Error"]["Code"] in {"ValidationError", "MalformedPolicyDocument"}


def test_the_session_policy_bounds_what_the_role_may_do(deciding):
    bucket = deciding.place.bucket()
    plain = deciding.assume()["Credentials"]
    eventually(lambda: deciding.client("s3", plain).list_objects_v2(Bucket=bucket, MaxKeys=1))
    TaskTokens(deciding.sts, deciding.role).mint(a_task(), ADDRESS)
    bounded = deciding.sts.answers[-1]["Credentials"]
    with pytest.raises(ClientError) as refused:
        deciding.client("s3", bounded).list_objects_v2(Bucket=bucket, MaxKeys=1)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_a_refusal_is_told_as_credentials_that_cannot_be_had(deciding):
    absent = replace(deciding, role="arn:aws:iam::123456789012:role/postern-absent")
    with pytest.raises(DatabaseUnavailable):
        TaskTokens(absent.sts, absent.role).mint(a_task(), ADDRESS)
