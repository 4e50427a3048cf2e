"""Versions listed as S3 lists them: order, pages, prefixes; and what is said of an object that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from tests.support.aws import REGION, allow, client, error_code, function_session, unique

KEYS = ("a/1", "a/2", "b/1/x", "b/1/y", "b/2", "c")
TWICE = ("a/2", "b/1/x")


@pytest.fixture(scope="module")
def bucket(aws: AwsServer) -> str:
    """Every key once, two of them twice, and a delete marker over one."""
    s3, name = client(aws, "s3"), unique("listed")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in (*reversed(KEYS), *TWICE):
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    s3.delete_object(Bucket=name, Key="b/2")
    return name


def rows(answer: dict[str, Any]) -> list[tuple[str, bool]]:
    """Keys and whether each version is the latest; delete markers end in `!`."""
    found = [(one["Key"], one["IsLatest"]) for one in answer.get("Versions", [])]
    return found + [(f"{one['Key']}!", one["IsLatest"]) for one in answer.get("DeleteMarkers", [])]


EVERYTHING = [
    ("a/1", True),
    ("a/2", True),
    ("a/2", False),
    ("b/1/x", True),
    ("b/1/x", False),
    ("b/1/y", True),
    ("b/2", False),
    ("c", True),
    ("b/2!", True),
]


def test_lists_by_key_and_the_newest_version_first(aws: AwsServer, bucket: str) -> None:
    answer = client(aws, "s3").list_object_versions(Bucket=bucket)

    assert rows(answer) == EVERYTHING
    assert not answer["IsTruncated"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_of_any_size_hold_everything_once(size: int, aws: AwsServer, bucket: str) -> None:
    pages = (
        client(aws, "s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
    )

    found = list(pages)
    assert all(len(rows(page)) <= size for page in found)
    assert sorted(row for page in found for row in rows(page)) == sorted(EVERYTHING)


@pytest.mark.parametrize(
    ("prefix", "marker", "expected"),
    [
        pytest.param("b/", "", ["b/1/x", "b/1/x", "b/1/y", "b/2", "b/2!"], id="prefix"),
        pytest.param("b/", "b/1/x", ["b/1/y", "b/2", "b/2!"], id="after a key, all its versions"),
        pytest.param("", "b/1", ["b/1/x", "b/1/x", "b/1/y", "b/2", "c", "b/2!"], id="after what is no key"),
        pytest.param("a/", "b", [], id="marker beyond the prefix"),
        pytest.param("a/1", "", ["a/1"], id="prefix that is a key"),
        pytest.param("z", "", [], id="nothing"),
    ],
)
def test_begins_after_the_marker(prefix: str, marker: str, expected: list[str], aws: AwsServer, bucket: str) -> None:
    answer = client(aws, "s3").list_object_versions(Bucket=bucket, Prefix=prefix, KeyMarker=marker)

    assert [key for key, _ in rows(answer)] == expected


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_delimiter_gives_each_folder_once(size: int, aws: AwsServer, bucket: str) -> None:
    pages = (
        client(aws, "s3")
        .get_paginator("list_object_versions")
        .paginate(Bucket=bucket, Prefix="b/", Delimiter="/", PaginationConfig={"PageSize": size})
    )

    found = list(pages)
    assert [one["Prefix"] for page in found for one in page.get("CommonPrefixes", [])] == ["b/1/"]
    assert sorted(row[0] for page in found for row in rows(page)) == ["b/2", "b/2!"]


@pytest.mark.parametrize(
    ("rights", "code"),
    [
        pytest.param(["s3:GetObject"], "AccessDenied", id="who may not list"),
        pytest.param(["s3:GetObject", "s3:ListBucket"], "NoSuchKey", id="who may list"),
    ],
)
@pytest.mark.parametrize("key", ["nothing", "b/2"], ids=["never written", "under a delete marker"])
def test_who_may_not_list_is_not_told_that_an_object_is_not_there(
    key: str, rights: list[str], code: str, aws: AwsServer, bucket: str
) -> None:
    s3 = client(aws, "s3", function_session(aws, allow(rights)))

    with pytest.raises(ClientError) as failure:
        s3.get_object(Bucket=bucket, Key=key)
    assert error_code(failure) == code


def test_a_right_to_list_below_a_prefix_is_none_to_be_told(aws: AwsServer, bucket: str) -> None:
    below = allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "*"}})
    s3 = client(aws, "s3", function_session(aws, allow("s3:GetObject"), below))

    with pytest.raises(ClientError) as failure:
        s3.get_object(Bucket=bucket, Key="nothing")
    assert error_code(failure) == "AccessDenied"
