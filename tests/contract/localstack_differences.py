"""What LocalStack does otherwise, at least one test a `Difference`: each asserts it, and fails once it is gone.

Then take the difference out of `tests.support.places`, and the tests that it left out run against LocalStack too. Only
`make contract-localstack` runs this.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern.edges.database_token import TaskTokens
from tests.contract.test_sessions import Site, site_at
from tests.support.aws import unique
from tests.support.domain import ADDRESS, a_task
from tests.support.places import Difference, Place


def of(difference: Difference) -> Any:
    return pytest.mark.parametrize("_difference", [pytest.param(difference, id=difference.value)])


@pytest.fixture
def site(outside: Place) -> Site:
    return site_at(outside)


@of(Difference.ED25519)
def test_a_key_for_Ed25519_is_refused(outside, _difference):  # noqa: N802 - a name
    with pytest.raises(ClientError) as refused:
        outside.client("kms").create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "keySpec" in refused.value.response["Error"]["Message"]


@of(Difference.MARKERS)
def test_a_key_that_a_listing_encodes_is_lost_after_a_marker(outside, _difference):
    s3, bucket, folder = outside.client("s3"), outside.bucket(), f"{unique('listed')}/"
    s3.put_object(Bucket=bucket, Key=f"{folder}é2", Body=b"x")
    listed = [
        [one["Key"] for one in s3.list_object_versions(Bucket=bucket, Prefix=folder, **marker).get("Versions", [])]
        for marker in ({}, {"KeyMarker": f"{folder}é1"})
    ]
    assert listed == [[f"{folder}é2"], []]


@of(Difference.POLICIES)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Tags": None}, id="a session without the tag that its trust asks for"),
        pytest.param({"RoleArn": "arn:aws:iam::000000000000:role/postern-absent"}, id="a role that is not there"),
        pytest.param({"DurationSeconds": 7200}, id="longer than the role lets it be"),
        pytest.param({"Policy": "not JSON"}, id="a session policy that is none"),
    ],
)
def test_a_session_that_STS_refuses_is_given(site, change, _difference):  # noqa: N802 - a name
    assert site.assume(**change)["Credentials"]["AccessKeyId"]


@of(Difference.POLICIES)
def test_the_session_policy_bounds_nothing(site, _difference):
    TaskTokens(site.sts, site.role).mint(a_task(), ADDRESS)
    bounded = site.sts.answers[-1]["Credentials"]
    found = site.client("s3", bounded).list_objects_v2(Bucket=site.place.bucket(), MaxKeys=1)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200
