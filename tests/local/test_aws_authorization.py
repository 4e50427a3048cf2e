"""Who may do what on the local AWS server: roles, session policies, bucket policies and their conditions."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from postern_local.aws.sessions import StsSession
from tests.support.aws import allow, assume, client, error_code, function_session, make_role, policy, trust, unique


@pytest.fixture(scope="module")
def admin(aws: AwsServer) -> Any:
    return client(aws, "s3")


def make_bucket(admin: Any, *statements: dict[str, Any], locked: bool = False) -> str:
    """A bucket whose policy has these statements; `BUCKET` stands for its ARN."""
    name = unique("evidence")
    location = {"LocationConstraint": admin.meta.region_name}
    admin.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked, CreateBucketConfiguration=location)
    if statements:
        document = policy(*statements).replace("BUCKET", f"arn:aws:s3:::{name}")
        admin.put_bucket_policy(Bucket=name, Policy=document)
    return name


def deny(action: str | list[str], resource: str = "BUCKET/*", **elements: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **elements}


@pytest.fixture(scope="module")
def plain(admin: Any) -> str:
    """A bucket without a policy, with one object."""
    name = make_bucket(admin)
    admin.put_object(Bucket=name, Key="wal/a", Body=b"record")
    return name


def session_for(aws: AwsServer, bucket: str, action: str, resource: str = "/*") -> StsSession:
    return function_session(aws, allow(action, f"arn:aws:s3:::{bucket}{resource}"))


TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "PutObject": ("s3:PutObject", "put_object", {"Key": "wal/b", "Body": b""}),
    "GetObject": ("s3:GetObject", "get_object", {"Key": "wal/a"}),
    "HeadObject": ("s3:GetObject", "head_object", {"Key": "wal/a"}),
    "DeleteObject": ("s3:DeleteObject", "delete_object", {"Key": "wal/gone"}),
    "PutObjectTagging": (
        "s3:PutObjectTagging",
        "put_object_tagging",
        {"Key": "wal/a", "Tagging": TAGS},
    ),
    "GetObjectTagging": ("s3:GetObjectTagging", "get_object_tagging", {"Key": "wal/a"}),
    "GetObjectAcl": ("s3:GetObjectAcl", "get_object_acl", {"Key": "wal/a"}),
    "CreateMultipartUpload": ("s3:PutObject", "create_multipart_upload", {"Key": "wal/c"}),
}
BUCKET_CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ListObjectsV2": ("s3:ListBucket", "list_objects_v2", {}),
    "ListObjectVersions": ("s3:ListBucketVersions", "list_object_versions", {}),
    "HeadBucket": ("s3:ListBucket", "head_bucket", {}),
    "GetBucketVersioning": ("s3:GetBucketVersioning", "get_bucket_versioning", {}),
    "PutBucketVersioning": (
        "s3:PutBucketVersioning",
        "put_bucket_versioning",
        {"VersioningConfiguration": {"Status": "Enabled"}},
    ),
    "GetBucketLocation": ("s3:GetBucketLocation", "get_bucket_location", {}),
}


def is_denied(call: Any, **options: Any) -> str:
    with pytest.raises(ClientError) as failure:
        call(**options)
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert error_code(failure) in ("AccessDenied", "403")  # a HEAD has no body to name the code
    return str(failure.value)


@pytest.mark.parametrize(("action", "method", "options"), CALLS.values(), ids=CALLS.keys())
def test_object_call_needs_its_action_and_no_other(
    aws: AwsServer, plain: str, action: str, method: str, options: dict[str, Any]
) -> None:
    granted = client(aws, "s3", session_for(aws, plain, action))
    getattr(granted, method)(Bucket=plain, **options)
    others = sorted({name for name, _, _ in CALLS.values()} - {action})
    refused = function_session(aws, allow(others, f"arn:aws:s3:::{plain}/*"))
    is_denied(getattr(client(aws, "s3", refused), method), Bucket=plain, **options)


@pytest.mark.parametrize(("action", "method", "options"), BUCKET_CALLS.values(), ids=BUCKET_CALLS.keys())
def test_bucket_call_needs_its_action_on_the_bucket(
    aws: AwsServer, admin: Any, action: str, method: str, options: dict[str, Any]
) -> None:
    bucket = make_bucket(admin)
    getattr(client(aws, "s3", session_for(aws, bucket, action, "")), method)(Bucket=bucket, **options)
    for refused in (session_for(aws, bucket, action), session_for(aws, bucket, "s3:GetObject*", "")):
        is_denied(getattr(client(aws, "s3", refused), method), Bucket=bucket, **options)


def test_version_needs_the_action_for_versions(aws: AwsServer, admin: Any) -> None:
    bucket = make_bucket(admin, locked=True)
    version = admin.put_object(Bucket=bucket, Key="a", Body=b"x")["VersionId"]
    latest_only = client(aws, "s3", function_session(aws, allow(["s3:GetObject", "s3:DeleteObject"])))
    versions = client(aws, "s3", function_session(aws, allow(["s3:GetObjectVersion", "s3:DeleteObjectVersion"])))
    is_denied(latest_only.get_object, Bucket=bucket, Key="a", VersionId=version)
    is_denied(latest_only.delete_object, Bucket=bucket, Key="a", VersionId=version)
    is_denied(versions.get_object, Bucket=bucket, Key="a")
    assert versions.get_object(Bucket=bucket, Key="a", VersionId=version)["Body"].read() == b"x"
    versions.delete_object(Bucket=bucket, Key="a", VersionId=version)


@pytest.mark.parametrize(
    ("options", "action"),
    [
        pytest.param(
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=2)},
            "s3:PutObjectRetention",
            id="retention",
        ),
        pytest.param({"ObjectLockLegalHoldStatus": "ON"}, "s3:PutObjectLegalHold", id="legal-hold"),
        pytest.param({"Tagging": "a=b"}, "s3:PutObjectTagging", id="tags"),
        pytest.param({"ACL": "private"}, "s3:PutObjectAcl", id="acl"),
    ],
)
def test_put_with_more_than_bytes_needs_more_than_put(
    aws: AwsServer, admin: Any, options: dict[str, Any], action: str
) -> None:
    bucket = make_bucket(admin, locked=True)
    put = client(aws, "s3", function_session(aws, allow("s3:PutObject")))
    both = client(aws, "s3", function_session(aws, allow(["s3:PutObject", action])))
    assert action in is_denied(put.put_object, Bucket=bucket, Key="a", Body=b"", **options)
    both.put_object(Bucket=bucket, Key="a", Body=b"", **options)


def test_copy_needs_to_read_its_source(aws: AwsServer, admin: Any, plain: str) -> None:
    target = make_bucket(admin)
    source = {"Bucket": plain, "Key": "wal/a"}
    writer = client(aws, "s3", session_for(aws, target, "s3:PutObject"))
    assert "s3:GetObject" in is_denied(writer.copy_object, Bucket=target, Key="a", CopySource=source)


def test_copy_from_a_bucket_that_denies_reading_is_refused(aws: AwsServer, admin: Any) -> None:
    source = make_bucket(admin, deny("s3:GetObject"))
    admin.put_object(Bucket=source, Key="a", Body=b"x")
    target = make_bucket(admin)
    is_denied(admin.copy_object, Bucket=target, Key="a", CopySource={"Bucket": source, "Key": "a"})


@pytest.mark.parametrize("service", ["kms", "iam", "sqs", "logs", "secretsmanager", "rds"])
def test_session_may_not_call_a_service_that_is_not_modelled(aws: AwsServer, service: str) -> None:
    calls = {
        "kms": "list_keys",
        "iam": "list_roles",
        "sqs": "list_queues",
        "logs": "describe_log_groups",
        "secretsmanager": "list_secrets",
        "rds": "describe_db_instances",
    }
    session = function_session(aws, allow("*"))
    with pytest.raises(ClientError) as failure:
        getattr(client(aws, service, session), calls[service])()
    assert re.search("no role's session|not served to a role's session", str(failure.value))
    getattr(client(aws, service), calls[service])()  # the administrator may


def test_session_without_any_policy_may_do_nothing(aws: AwsServer, plain: str) -> None:
    session = function_session(aws)
    assert "no policy allows it" in is_denied(client(aws, "s3", session).get_object, Bucket=plain, Key="wal/a")
    is_denied(client(aws, "s3", session).list_buckets)


def test_policy_that_changes_counts_at_once(aws: AwsServer, plain: str) -> None:
    session = function_session(aws, allow("s3:GetObject"))
    client(aws, "s3", session).get_object(Bucket=plain, Key="wal/a")
    client(aws, "iam").put_role_policy(
        RoleName=session.role_name, PolicyName="rights", PolicyDocument=policy(allow("s3:PutObject"))
    )
    is_denied(client(aws, "s3", session).get_object, Bucket=plain, Key="wal/a")


def test_session_of_a_deleted_role_may_do_nothing(aws: AwsServer, plain: str) -> None:
    session = function_session(aws, allow("s3:GetObject"))
    iam = client(aws, "iam")
    iam.delete_role_policy(RoleName=session.role_name, PolicyName="rights")
    iam.delete_role(RoleName=session.role_name)
    is_denied(client(aws, "s3", session).get_object, Bucket=plain, Key="wal/a")


def test_attached_policy_counts_as_an_inline_one(aws: AwsServer, plain: str) -> None:
    iam = client(aws, "iam")
    arn = iam.create_policy(PolicyName=unique("reads"), PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    session = function_session(aws)
    iam.attach_role_policy(RoleName=session.role_name, PolicyArn=arn)
    client(aws, "s3", session).get_object(Bucket=plain, Key="wal/a")


def test_session_policy_narrows_the_role(aws: AwsServer, plain: str) -> None:
    by = function_session(aws)
    role = make_role(aws, allow("s3:*"), trusted=trust({"AWS": by.role_arn}))
    narrowed = assume(aws, by, role, Policy=policy(allow("s3:GetObject", f"arn:aws:s3:::{plain}/wal/*")))
    s3 = client(aws, "s3", narrowed)
    s3.get_object(Bucket=plain, Key="wal/a")
    assert "session policy" in is_denied(s3.put_object, Bucket=plain, Key="wal/z", Body=b"")


ONLY_NEW = deny("s3:PutObject", Sid="OnlyNew", Condition={"Null": {"s3:if-none-match": "true"}})


def test_bucket_policy_with_a_condition_denies_only_where_it_holds(aws: AwsServer, admin: Any) -> None:
    bucket = make_bucket(admin, ONLY_NEW)
    session = client(aws, "s3", session_for(aws, bucket, "s3:PutObject"))
    for s3 in (admin, session):
        assert "OnlyNew" in is_denied(s3.put_object, Bucket=bucket, Key="a", Body=b"")
        s3.put_object(Bucket=bucket, Key=unique("a"), Body=b"", IfNoneMatch="*")


@pytest.mark.parametrize("write", ["copy", "multipart"])
def test_every_way_of_writing_without_the_header_is_denied(admin: Any, plain: str, write: str) -> None:
    bucket = make_bucket(admin, ONLY_NEW)
    if write == "copy":
        is_denied(admin.copy_object, Bucket=bucket, Key="a", CopySource={"Bucket": plain, "Key": "wal/a"})
    else:
        is_denied(admin.create_multipart_upload, Bucket=bucket, Key="a")


def test_deny_of_a_bucket_holds_for_the_administrator_too(admin: Any) -> None:
    bucket = make_bucket(admin, deny(["s3:DeleteObject", "s3:DeleteObjectVersion"]), locked=True)
    version = admin.put_object(Bucket=bucket, Key="a", Body=b"x")["VersionId"]
    is_denied(admin.delete_object, Bucket=bucket, Key="a")
    is_denied(admin.delete_object, Bucket=bucket, Key="a", VersionId=version)


def test_batch_deletion_is_decided_key_by_key(admin: Any) -> None:
    bucket = make_bucket(admin, deny("s3:DeleteObject", "BUCKET/wal/*"))
    for key in ("wal/a", "free/a"):
        admin.put_object(Bucket=bucket, Key=key, Body=b"")
    answer = admin.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "wal/a"}, {"Key": "free/a"}]})
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("wal/a", "AccessDenied")]
    assert [entry["Key"] for entry in admin.list_objects_v2(Bucket=bucket)["Contents"]] == ["wal/a"]


@pytest.mark.parametrize(
    ("action", "method", "options"),
    [
        ("s3:PutBucketVersioning", "put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
        ("s3:DeleteBucketPolicy", "delete_bucket_policy", {}),
        ("s3:PutBucketPolicy", "put_bucket_policy", {"Policy": policy(ONLY_NEW).replace("BUCKET", "arn:aws:s3:::x")}),
        (
            "s3:PutBucketObjectLockConfiguration",
            "put_object_lock_configuration",
            {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
        ),
        ("s3:PutLifecycleConfiguration", "delete_bucket_lifecycle", {}),
        ("s3:DeleteBucket", "delete_bucket", {}),
    ],
)
def test_bucket_operations_are_denied_by_name(admin: Any, action: str, method: str, options: dict[str, Any]) -> None:
    bucket = make_bucket(admin, deny(action, "BUCKET", Sid="Fixed"), locked=True)
    assert "Fixed" in is_denied(getattr(admin, method), Bucket=bucket, **options)


@pytest.mark.parametrize("operation", ["put_object_retention", "put_object_legal_hold"])
def test_lock_operations_are_denied_by_name(admin: Any, operation: str) -> None:
    bucket = make_bucket(admin, deny(["s3:PutObjectRetention", "s3:PutObjectLegalHold"], Sid="Fixed"), locked=True)
    admin.put_object(Bucket=bucket, Key="a", Body=b"")
    later = datetime.now(UTC) + timedelta(days=9)
    calls: dict[str, Any] = {
        "put_object_retention": {"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": later}},
        "put_object_legal_hold": {"LegalHold": {"Status": "ON"}},
    }
    assert "Fixed" in is_denied(getattr(admin, operation), Bucket=bucket, Key="a", **calls[operation])


@pytest.mark.parametrize(
    ("condition", "options", "denied"),
    [
        pytest.param({"Bool": {"aws:SecureTransport": "false"}}, {}, False, id="loopback-stands-for-tls"),
        pytest.param(
            {"StringNotEquals": {"s3:object-lock-mode": "COMPLIANCE"}},
            {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=2)},
            True,
            id="other-lock-mode",
        ),
        pytest.param(
            {"NumericLessThan": {"s3:object-lock-remaining-retention-days": "5"}},
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=2)},
            True,
            id="retention-too-short",
        ),
        pytest.param(
            {"NumericLessThan": {"s3:object-lock-remaining-retention-days": "5"}},
            {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=9)},
            False,
            id="retention-long-enough",
        ),
        pytest.param(
            {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:user/moto"}}, {}, False, id="the-named-one"
        ),
        pytest.param(
            {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/x"}}, {}, True, id="not-the-named-one"
        ),
        pytest.param({"Null": {"s3:if-match": "true", "s3:if-none-match": "true"}}, {}, True, id="neither-header"),
        pytest.param(
            {"Null": {"s3:if-match": "true", "s3:if-none-match": "true"}}, {"IfNoneMatch": "*"}, False, id="one-header"
        ),
    ],
)
def test_condition_keys_have_the_values_of_the_request(
    admin: Any, condition: dict[str, Any], options: dict[str, Any], denied: bool
) -> None:
    bucket = make_bucket(admin, deny("s3:PutObject", Condition=condition), locked=True)
    if denied:
        is_denied(admin.put_object, Bucket=bucket, Key="a", Body=b"", **options)
    else:
        admin.put_object(Bucket=bucket, Key="a", Body=b"", **options)


def test_retention_keys_come_from_the_body_of_put_object_retention(admin: Any) -> None:
    short = {"NumericLessThan": {"s3:object-lock-remaining-retention-days": "5"}}
    bucket = make_bucket(admin, deny("s3:PutObjectRetention", Condition=short), locked=True)
    admin.put_object(Bucket=bucket, Key="a", Body=b"")
    for days, denied in ((2, True), (9, False)):
        retention: Any = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=days)}
        if denied:
            is_denied(admin.put_object_retention, Bucket=bucket, Key="a", Retention=retention)
        else:
            admin.put_object_retention(Bucket=bucket, Key="a", Retention=retention)


def test_the_evidence_bucket_refuses_every_change_by_the_brokers_own_credentials(aws: AwsServer, admin: Any) -> None:
    bucket = make_bucket(
        admin,
        ONLY_NEW,
        deny(["s3:DeleteObject", "s3:DeleteObjectVersion"], Sid="NoDelete"),
        deny(["s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:BypassGovernanceRetention"], Sid="NoShorter"),
        locked=True,
    )
    writer = client(
        aws, "s3", function_session(aws, allow("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]))
    )
    version = writer.put_object(Bucket=bucket, Key="wal/a", Body=b"record", IfNoneMatch="*")["VersionId"]
    soon = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(hours=1)}
    assert "OnlyNew" in is_denied(writer.put_object, Bucket=bucket, Key="wal/a", Body=b"other")
    assert "NoDelete" in is_denied(writer.delete_object, Bucket=bucket, Key="wal/a")
    assert "NoDelete" in is_denied(writer.delete_object, Bucket=bucket, Key="wal/a", VersionId=version)
    assert "NoShorter" in is_denied(writer.put_object_retention, Bucket=bucket, Key="wal/a", Retention=soon)
    with pytest.raises(ClientError) as failure:
        writer.put_object(Bucket=bucket, Key="wal/a", Body=b"other", IfNoneMatch="*")
    assert error_code(failure) == "PreconditionFailed"
    assert writer.get_object(Bucket=bucket, Key="wal/a")["Body"].read() == b"record"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(deny("s3:PutObject", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), id="operator"),
        pytest.param(deny("s3:PutObject", Condition={"StringEquals": {"s3:nothing": "x"}}), id="key"),
        pytest.param({**deny("s3:PutObject"), "Extra": 1}, id="element"),
        pytest.param({**deny("s3:PutObject"), "Principal": {"CanonicalUser": "x"}}, id="principal"),
    ],
)
def test_bucket_policy_that_cannot_be_evaluated_is_not_stored(admin: Any, statement: dict[str, Any]) -> None:
    bucket = make_bucket(admin)
    document = policy(statement).replace("BUCKET", f"arn:aws:s3:::{bucket}")
    with pytest.raises(ClientError) as failure:
        admin.put_bucket_policy(Bucket=bucket, Policy=document)
    assert error_code(failure) == "MalformedPolicy"
    with pytest.raises(ClientError) as absent:
        admin.get_bucket_policy(Bucket=bucket)
    assert error_code(absent) == "NoSuchBucketPolicy"


UNKNOWN: Any = {"Condition": {"StringEquals": {"aws:Nothing": "x"}}}


@pytest.mark.parametrize("call", ["create_role", "update_assume_role_policy", "put_role_policy", "create_policy"])
def test_role_policy_that_cannot_be_evaluated_is_not_stored(aws: AwsServer, call: str) -> None:
    iam, name = client(aws, "iam"), unique("role")
    service = {"Service": "lambda.amazonaws.com"}
    if call != "create_role":
        make_role(aws, name=name)
    options: dict[str, dict[str, Any]] = {
        "create_role": {"RoleName": name, "AssumeRolePolicyDocument": trust(service, **UNKNOWN)},
        "update_assume_role_policy": {"RoleName": name, "PolicyDocument": trust(service, **UNKNOWN)},
        "put_role_policy": {"RoleName": name, "PolicyName": "p", "PolicyDocument": policy(allow("s3:*", **UNKNOWN))},
        "create_policy": {"PolicyName": name, "PolicyDocument": policy(allow("s3:*", **UNKNOWN))},
    }
    with pytest.raises(ClientError) as failure:
        getattr(iam, call)(**options[call])
    assert error_code(failure) == "MalformedPolicyDocument"
    assert "aws:Nothing" in str(failure.value)


def test_users_groups_and_boundaries_are_not_served(aws: AwsServer) -> None:
    iam = client(aws, "iam")
    for call, options in (("create_user", {"UserName": "ann"}), ("create_group", {"GroupName": "staff"})):
        with pytest.raises(ClientError):
            getattr(iam, call)(**options)


def test_policy_of_a_bucket_can_be_read_back(admin: Any) -> None:
    bucket = make_bucket(admin, ONLY_NEW)
    assert json.loads(admin.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Sid"] == "OnlyNew"
