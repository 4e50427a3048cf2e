"""Which actions an S3 request needs and which condition keys it carries, as a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from postern_local.aws.faults import Refused
from postern_local.aws.s3_requests import S3Request, bucket_of, delete_operations, operations

NOW_S = datetime(2030, 5, 17, tzinfo=UTC).timestamp()
BYPASS = {"x-amz-bypass-governance-retention": "true"}
RETENTION = b"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2030-05-20T00:00:01Z</RetainUntilDate></Retention>"


def request(method: str, key: str | None = "a/b", **changed: Any) -> S3Request:
    values: dict[str, Any] = {"bucket": "evidence", "query": {}, "headers": {}, "body": b"", "now_s": NOW_S}
    given = {name: value for name, value in changed.items() if name != "query"}
    query = {name: [value] for name, value in changed.get("query", {}).items()}
    return S3Request(method=method, key=key, **{**values, **given, "query": query})


def needed(asked: S3Request) -> list[str]:
    """`action resource` of each operation, the resource without its common beginning."""
    return [f"{each.action} {each.resource.removeprefix('arn:aws:s3:::')}" for each in operations(asked)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request("GET", None, bucket=None), ["s3:ListAllMyBuckets *"]),
        (request("GET", None), ["s3:ListBucket evidence"]),
        (request("GET", None, query={"list-type": "2", "prefix": "wal/"}), ["s3:ListBucket evidence"]),
        (request("GET", None, query={"versions": ""}), ["s3:ListBucketVersions evidence"]),
        (request("PUT", None), ["s3:CreateBucket evidence"]),
        (request("DELETE", None), ["s3:DeleteBucket evidence"]),
        (request("DELETE", None, query={"policy": ""}), ["s3:DeleteBucketPolicy evidence"]),
        (request("DELETE", None, query={"lifecycle": ""}), ["s3:PutLifecycleConfiguration evidence"]),
        (request("PUT", None, query={"object-lock": ""}), ["s3:PutBucketObjectLockConfiguration evidence"]),
        (request("GET"), ["s3:GetObject evidence/a/b"]),
        (request("GET", query={"x-id": "GetObject", "X-Amz-Date": "x"}), ["s3:GetObject evidence/a/b"]),
        (request("GET", query={"versionId": "v"}), ["s3:GetObjectVersion evidence/a/b"]),
        (request("HEAD"), ["s3:GetObject evidence/a/b"]),
        (
            request("GET", query={"attributes": ""}),
            ["s3:GetObjectAttributes evidence/a/b", "s3:GetObject evidence/a/b"],
        ),
        (
            request("GET", query={"attributes": "", "versionId": "v"}),
            ["s3:GetObjectVersionAttributes evidence/a/b", "s3:GetObjectVersion evidence/a/b"],
        ),
        (request("PUT"), ["s3:PutObject evidence/a/b"]),
        (
            request(
                "PUT",
                headers={
                    "x-amz-object-lock-mode": "COMPLIANCE",
                    "x-amz-object-lock-retain-until-date": "2030-05-20T00:00:00Z",
                    "x-amz-tagging": "a=b",
                },
            ),
            ["s3:PutObject evidence/a/b", "s3:PutObjectRetention evidence/a/b", "s3:PutObjectTagging evidence/a/b"],
        ),
        (
            request("PUT", headers={"x-amz-copy-source": "/other/a%20b?versionId=v"}),
            ["s3:PutObject evidence/a/b", "s3:GetObjectVersion other/a b"],
        ),
        (
            request("PUT", query={"uploadId": "u", "partNumber": "1"}, headers={"x-amz-copy-source": "other/a"}),
            ["s3:PutObject evidence/a/b", "s3:GetObject other/a"],
        ),
        (request("POST", query={"uploads": ""}), ["s3:PutObject evidence/a/b"]),
        (request("POST", query={"uploadId": "u"}), ["s3:PutObject evidence/a/b"]),
        (request("DELETE", query={"uploadId": "u"}), ["s3:AbortMultipartUpload evidence/a/b"]),
        (request("DELETE"), ["s3:DeleteObject evidence/a/b"]),
        (
            request("DELETE", query={"versionId": "v"}, headers=BYPASS),
            ["s3:DeleteObjectVersion evidence/a/b", "s3:BypassGovernanceRetention evidence/a/b"],
        ),
        (
            request("PUT", query={"retention": ""}, headers=BYPASS, body=RETENTION),
            ["s3:PutObjectRetention evidence/a/b", "s3:BypassGovernanceRetention evidence/a/b"],
        ),
        (request("GET", headers=BYPASS), ["s3:GetObject evidence/a/b"]),
        (request("PUT", query={"legal-hold": ""}), ["s3:PutObjectLegalHold evidence/a/b"]),
        (request("PUT", query={"tagging": "", "versionId": "v"}), ["s3:PutObjectVersionTagging evidence/a/b"]),
    ],
)
def test_request_needs_these_actions(asked: S3Request, expected: list[str]) -> None:
    assert needed(asked) == expected


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(request("GET", query={"acl": "", "tagging": ""}), id="two-subresources"),
        pytest.param(request("GET", query={"torrent": ""}), id="unknown-subresource"),
        pytest.param(request("GET", query={"policy": ""}), id="buckets-subresource-on-an-object"),
        pytest.param(request("HEAD", query={"acl": ""}), id="method-without-an-action"),
        pytest.param(request("POST"), id="post-of-an-object"),
        pytest.param(request("POST", None), id="post-of-a-bucket"),
        pytest.param(request("DELETE", query={"versionId": ""}), id="empty-version"),
        pytest.param(request("PUT", query={"uploadId": "u"}), id="part-without-number"),
        pytest.param(request("PUT", query={"partNumber": "1"}), id="number-without-upload"),
    ],
)
def test_request_that_is_not_in_the_tables_is_refused(asked: S3Request) -> None:
    with pytest.raises(Refused):
        needed(asked)


@pytest.mark.parametrize("name", ["versionId", "prefix", "uploadId"])
def test_parameter_given_twice_is_refused(name: str) -> None:
    twice = S3Request("GET", "evidence", "a", {name: ["1", "2"]}, {}, b"", NOW_S)
    with pytest.raises(Refused):
        needed(twice)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request("PUT", headers={"if-none-match": "*"}), {"s3:if-none-match": ("*",)}),
        (request("PUT"), {"s3:if-none-match": None, "s3:if-match": None, "s3:ObjectCreationOperation": ("true",)}),
        (request("POST", query={"uploads": ""}), {"s3:ObjectCreationOperation": ("false",)}),
        (request("PUT", query={"uploadId": "u", "partNumber": "1"}), {"s3:ObjectCreationOperation": ("false",)}),
        (request("POST", query={"uploadId": "u"}), {"s3:ObjectCreationOperation": ("true",)}),
        (request("GET", None), {"s3:ObjectCreationOperation": None, "s3:prefix": None}),
        (
            request("GET", None, query={"prefix": "wal/", "max-keys": "5"}),
            {"s3:prefix": ("wal/",), "s3:max-keys": ("5",)},
        ),
        (request("GET", query={"versionId": "v"}), {"s3:VersionId": ("v",), "s3:authType": ("REST-HEADER",)}),
        (request("GET", query={"X-Amz-Credential": "x"}), {"s3:authType": ("REST-QUERY-STRING",)}),
        (
            request("PUT", query={"retention": ""}, body=RETENTION),
            {
                "s3:object-lock-mode": ("COMPLIANCE",),
                "s3:object-lock-retain-until-date": ("2030-05-20T00:00:01Z",),
                "s3:object-lock-remaining-retention-days": ("4",),  # a day begun counts
            },
        ),
        (
            request("PUT", body=RETENTION),
            {"s3:object-lock-mode": None, "s3:object-lock-remaining-retention-days": None},
        ),
        (
            request("PUT", query={"retention": ""}, body=b"<Retention/>"),
            {"s3:object-lock-mode": None, "s3:object-lock-retain-until-date": None},
        ),
        (
            request("PUT", headers={"x-amz-object-lock-retain-until-date": "2030-05-18"}),
            {"s3:object-lock-remaining-retention-days": ("1",)},
        ),
        (
            request("PUT", headers={"x-amz-object-lock-retain-until-date": "soon"}),
            {"s3:object-lock-remaining-retention-days": None},
        ),
    ],
)
def test_condition_keys_come_from_the_request(asked: S3Request, expected: dict[str, tuple[str, ...] | None]) -> None:
    context = next(iter(operations(asked))).context
    assert {name: context.get(name) for name in expected} == expected


def test_each_key_of_a_batch_deletion_is_an_operation_of_its_own() -> None:
    asked = request("POST", None, headers=BYPASS)
    versioned = list(delete_operations(asked, "a", "v1"))
    assert [each.action for each in versioned] == ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
    assert versioned[0].context["s3:VersionId"] == ("v1",)
    plain = list(delete_operations(request("POST", None), "a", None))
    assert [(each.action, each.resource) for each in plain] == [("s3:DeleteObject", "arn:aws:s3:::evidence/a")]


def test_bucket_of_an_operation_is_the_one_that_it_touches() -> None:
    copied = list(operations(request("PUT", headers={"x-amz-copy-source": "other/a/b"})))
    assert [bucket_of(each) for each in copied] == ["evidence", "other"]
