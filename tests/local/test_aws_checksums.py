"""Checksums on the local AWS server are compared with the bytes."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from tests.support.aws import client, error_code, locked_bucket, unique

BODY = b'{"kind":"intent"}'


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


RIGHT = {
    "ChecksumSHA256": encoded(hashlib.sha256(BODY).digest()),
    "ChecksumSHA1": encoded(hashlib.sha1(BODY).digest()),
    "ChecksumCRC32": encoded(zlib.crc32(BODY).to_bytes(4, "big")),
    "ContentMD5": encoded(hashlib.md5(BODY).digest()),
}
WRONG = {
    "ChecksumSHA256": encoded(hashlib.sha256(b"other").digest()),
    "ChecksumSHA1": encoded(hashlib.sha1(b"other").digest()),
    "ChecksumCRC32": encoded(zlib.crc32(b"other").to_bytes(4, "big")),
    "ContentMD5": encoded(hashlib.md5(b"other").digest()),
}


@pytest.fixture(scope="module")
def s3(aws: AwsServer) -> Any:
    return client(aws, "s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with a default retention: S3 requires a checksum of every PUT there."""
    return locked_bucket(s3, days=1)


@pytest.mark.parametrize("name", RIGHT)
def test_right_checksum_alone_is_accepted(s3: Any, bucket: str, name: str) -> None:
    key = unique("a")
    s3.put_object(Bucket=bucket, Key=key, Body=BODY, **{name: RIGHT[name]})
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == BODY


@pytest.mark.parametrize("name", WRONG)
def test_wrong_checksum_is_refused_and_nothing_stored(s3: Any, bucket: str, name: str) -> None:
    key = unique("a")
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key=key, Body=BODY, **{name: WRONG[name]})
    assert error_code(failure) == "BadDigest"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


def test_stored_checksum_is_read_back(s3: Any, bucket: str) -> None:
    key = unique("a")
    s3.put_object(Bucket=bucket, Key=key, Body=BODY, ChecksumSHA256=RIGHT["ChecksumSHA256"])
    assert s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["ChecksumSHA256"] == RIGHT["ChecksumSHA256"]


def test_wrong_checksum_of_a_part_is_refused(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", ChecksumAlgorithm="SHA256")["UploadId"]
    with pytest.raises(ClientError) as failure:
        s3.upload_part(
            Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=BODY, ChecksumSHA256=WRONG["ChecksumSHA256"]
        )
    assert error_code(failure) == "BadDigest"


def test_two_checksums_are_refused(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as failure:
        s3.put_object(
            Bucket=bucket,
            Key="two",
            Body=BODY,
            ChecksumSHA256=RIGHT["ChecksumSHA256"],
            ChecksumSHA1=RIGHT["ChecksumSHA1"],
        )
    assert error_code(failure) == "InvalidRequest"
