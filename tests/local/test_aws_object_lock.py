"""Object Lock on the local AWS server: each behaviour that moto alone gets wrong, and those that it gets right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from tests.support.aws import client, error_code, locked_bucket, unique

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def s3(aws: AwsServer) -> Any:
    return client(aws, "s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A locked bucket that retains what it holds for ten days, in COMPLIANCE mode."""
    return locked_bucket(s3, days=10)


@pytest.fixture
def stored(s3: Any, bucket: str) -> dict[str, str]:
    """Bucket, key and version of a fresh object."""
    key = unique("wal")
    return {
        "Bucket": bucket,
        "Key": key,
        "VersionId": s3.put_object(Bucket=bucket, Key=key, Body=b"record")["VersionId"],
    }


def until(s3: Any, stored: dict[str, str]) -> datetime:
    found = s3.get_object_retention(**stored)["Retention"]["RetainUntilDate"]
    assert isinstance(found, datetime)
    return found


def test_retention_can_be_read(s3: Any, stored: dict[str, str]) -> None:
    retention = s3.get_object_retention(**stored)["Retention"]
    assert retention["Mode"] == "COMPLIANCE"
    assert abs(retention["RetainUntilDate"] - datetime.now(UTC) - 10 * DAY) < timedelta(minutes=1)
    assert retention["RetainUntilDate"] == s3.head_object(**stored)["ObjectLockRetainUntilDate"]


def test_reading_the_retention_of_an_object_without_one_says_so(s3: Any) -> None:
    name = unique("plain")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=name, Key="a", Body=b"")
    with pytest.raises(ClientError) as failure:
        s3.get_object_retention(Bucket=name, Key="a")
    assert error_code(failure) == "NoSuchObjectLockConfiguration"


@pytest.mark.parametrize(
    "retention",
    [
        pytest.param({"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + DAY}, id="shorter"),
        pytest.param({"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + 20 * DAY}, id="governance-longer"),
        pytest.param({"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + DAY}, id="governance-shorter"),
        pytest.param({"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) - DAY}, id="past"),
        pytest.param({"Mode": "COMPLIANCE"}, id="no-date"),
        pytest.param({"RetainUntilDate": datetime.now(UTC) + 20 * DAY}, id="no-mode"),
        pytest.param({}, id="nothing"),
    ],
)
@pytest.mark.parametrize("bypass", [False, True], ids=["plain", "bypass"])
def test_retention_is_never_weakened(s3: Any, stored: dict[str, str], retention: Any, bypass: bool) -> None:
    before = until(s3, stored)
    with pytest.raises(ClientError) as failure:
        s3.put_object_retention(**stored, Retention=retention, BypassGovernanceRetention=bypass)
    assert error_code(failure) in ("AccessDenied", "InvalidArgument")
    assert s3.get_object_retention(**stored)["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": before}


def test_retention_can_be_extended(s3: Any, stored: dict[str, str]) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + 20 * DAY
    s3.put_object_retention(**stored, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later})
    assert until(s3, stored) == later


def test_retention_of_an_object_that_is_not_there_is_told(s3: Any, bucket: str) -> None:
    retention = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + DAY}
    with pytest.raises(ClientError) as failure:
        s3.put_object_retention(Bucket=bucket, Key="absent", Retention=retention)
    assert error_code(failure) == "NoSuchKey"


@pytest.mark.parametrize("bypass", [False, True], ids=["plain", "bypass"])
def test_locked_version_cannot_be_deleted(s3: Any, stored: dict[str, str], bypass: bool) -> None:
    with pytest.raises(ClientError) as failure:
        s3.delete_object(**stored, BypassGovernanceRetention=bypass)
    assert error_code(failure) == "AccessDenied"
    assert s3.get_object(**stored)["Body"].read() == b"record"


def test_batch_deletion_of_a_locked_version_is_refused(s3: Any, stored: dict[str, str]) -> None:
    entry = {"Key": stored["Key"], "VersionId": stored["VersionId"]}
    answer = s3.delete_objects(Bucket=stored["Bucket"], Delete={"Objects": [entry]}, BypassGovernanceRetention=True)
    assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"]
    assert s3.get_object(**stored)["Body"].read() == b"record"


def test_overwriting_adds_a_version_and_keeps_the_locked_one(s3: Any, stored: dict[str, str]) -> None:
    s3.put_object(Bucket=stored["Bucket"], Key=stored["Key"], Body=b"other")
    assert s3.get_object(**stored)["Body"].read() == b"record"


@pytest.mark.parametrize("status", ["Suspended"])
def test_versioning_of_a_locked_bucket_cannot_be_suspended(s3: Any, bucket: str, status: str) -> None:
    with pytest.raises(ClientError) as failure:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    assert error_code(failure) == "InvalidBucketState"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_versioning_of_a_plain_bucket_can_be_suspended(s3: Any) -> None:
    name = unique("plain")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == status


def test_lock_of_a_bucket_cannot_be_taken_off(s3: Any) -> None:
    name = unique("locked")
    location = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=location)
    with pytest.raises(ClientError):
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Disabled"})
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def copy(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=b"x")
    source = {"Bucket": bucket, "Key": f"{key}-source"}
    s3.copy_object(Bucket=bucket, Key=key, CopySource=source)


def upload_parts(s3: Any, bucket: str, key: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload=parts)


@pytest.mark.parametrize("write", [copy, upload_parts])
def test_default_retention_reaches_every_kind_of_object(s3: Any, bucket: str, write: Any) -> None:
    key = unique("wal")
    write(s3, bucket, key)
    version = s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    assert s3.get_object_retention(Bucket=bucket, Key=key)["Retention"]["Mode"] == "COMPLIANCE"
    with pytest.raises(ClientError) as failure:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    assert error_code(failure) == "AccessDenied"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"ObjectLockRetainUntilDate": datetime.now(UTC) - DAY, "ObjectLockMode": "COMPLIANCE"}, id="past"),
        pytest.param({"ObjectLockMode": "COMPLIANCE"}, id="mode-alone"),
        pytest.param({"ObjectLockRetainUntilDate": datetime.now(UTC) + DAY}, id="date-alone"),
    ],
)
def test_object_with_a_broken_lock_is_not_stored(s3: Any, bucket: str, options: Any) -> None:
    key = unique("wal")
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", **options)
    assert error_code(failure) == "InvalidArgument"
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


def test_longer_retention_of_its_own_stands(s3: Any, bucket: str) -> None:
    key, later = unique("wal"), datetime.now(UTC).replace(microsecond=0) + 400 * DAY
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later)
    assert s3.get_object_retention(Bucket=bucket, Key=key)["Retention"]["RetainUntilDate"] == later


def test_object_without_a_retention_can_be_given_one(s3: Any) -> None:
    name = unique("locked")
    location = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=location)
    version = s3.put_object(Bucket=name, Key="a", Body=b"x")["VersionId"]
    later = datetime.now(UTC).replace(microsecond=0) + DAY
    s3.put_object_retention(Bucket=name, Key="a", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": later})
    assert s3.get_object_retention(Bucket=name, Key="a")["Retention"] == {
        "Mode": "GOVERNANCE",
        "RetainUntilDate": later,
    }
    with pytest.raises(ClientError) as failure:
        s3.delete_object(Bucket=name, Key="a", VersionId=version)
    assert error_code(failure) == "AccessDenied"


def test_bucket_with_locked_objects_cannot_be_deleted(s3: Any, stored: dict[str, str]) -> None:
    with pytest.raises(ClientError) as failure:
        s3.delete_bucket(Bucket=stored["Bucket"])
    assert error_code(failure) == "BucketNotEmpty"


def test_only_one_of_many_writers_creates_a_key(s3: Any, bucket: str) -> None:
    key = unique("wal")
    s3.put_object(Bucket=bucket, Key=key, Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as failure:
        s3.put_object(Bucket=bucket, Key=key, Body=b"second", IfNoneMatch="*")
    assert error_code(failure) == "PreconditionFailed"
