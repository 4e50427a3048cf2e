"""The evidence bucket's own walls: the lock, and a policy that is evaluated here as IAM would."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from postern_cli.inventory.manifest import COLUMNS
from postern_local.failure import StackFailure
from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Bucket, Names
from postern_local.template import Template
from tests.support.stack import PARAMETERS, PROJECT, project_deployment

ACCOUNT = "123456789012"
ADMINISTRATOR = PARAMETERS["EvidenceAdministratorArn"]
EVERYTHING = parse_policy(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}},
    kind=PolicyKind.IDENTITY,
    name="everything",
)
RECORD = "wal/v1/test-2026/a/20261122/10/018f/1-intent.json"
CHECKPOINT = "log/test-2026/checkpoint"
SEQUENCER = "role/postern-local-SequenceRole"
TLS = {"aws:SecureTransport": ("true",)}
LOCKS = {
    **TLS,
    "s3:object-lock-mode": ("COMPLIANCE",),
    "s3:object-lock-retain-until-date": ("2028-02-05T00:00:00Z",),
    "s3:object-lock-remaining-retention-days": ("500",),
}
CREATES = {**LOCKS, "s3:if-none-match": ("*",)}


@pytest.fixture(scope="module")
def bucket() -> Bucket:
    (bucket,) = project_deployment().buckets
    return bucket


def is_allowed(
    bucket: Bucket, action: str, key: str | None, context: dict[str, tuple[str, ...]], caller: str = "role/owner"
) -> bool:
    """What a principal that may do everything in the account can do to the bucket."""
    assert bucket.policy is not None
    arn = f"arn:aws:iam::{ACCOUNT}:{caller}"
    resource = f"arn:aws:s3:::{bucket.name}" + (f"/{key}" if key is not None else "")
    policy = parse_policy(bucket.policy, kind=PolicyKind.RESOURCE, name="bucket policy")
    request = Request(Caller(arn, ACCOUNT), action, resource, {"aws:PrincipalArn": (arn,), **context})
    return isinstance(evaluate(PolicySet(identity=(EVERYTHING,), resource=(policy,)), request), Allowed)


def test_locks_every_object_in_compliance_mode(bucket: Bucket) -> None:
    assert bucket.object_lock
    assert bucket.lock_configuration == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}},
    }
    assert bucket.versioning == {"Status": "Enabled"}


def test_is_encrypted_private_and_owns_its_objects(bucket: Bucket) -> None:
    assert bucket.encryption == {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    assert bucket.public_access is not None
    assert set(bucket.public_access.values()) == {True}
    assert len(bucket.public_access) == 4
    assert bucket.ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize(
    ("action", "key"),
    [
        pytest.param(action, key, id=action.removeprefix("s3:"))
        for action, key in (
            ("s3:DeleteObject", RECORD),
            ("s3:DeleteObjectVersion", RECORD),
            ("s3:DeleteObject", CHECKPOINT),
            ("s3:ReplicateDelete", RECORD),
            ("s3:ReplicateObject", RECORD),
            ("s3:ReplicateObject", CHECKPOINT),
            ("s3:PutObjectLegalHold", RECORD),
            ("s3:BypassGovernanceRetention", RECORD),
            ("s3:PutBucketObjectLockConfiguration", None),
            ("s3:PutBucketVersioning", None),
            ("s3:PutLifecycleConfiguration", None),
            ("s3:PutEncryptionConfiguration", None),
            ("s3:PutBucketOwnershipControls", None),
            ("s3:PutBucketPublicAccessBlock", None),
            ("s3:DeleteBucket", None),
        )
    ],
)
@pytest.mark.parametrize("caller", ["role/owner", ADMINISTRATOR.rpartition(":")[2]])
def test_nobody_undoes_evidence(action: str, key: str | None, caller: str, bucket: Bucket) -> None:
    assert not is_allowed(bucket, action, key, TLS, caller)


@pytest.mark.parametrize("action", ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketNotification"])
def test_one_role_changes_the_policy_and_who_is_told_of_records(action: str, bucket: Bucket) -> None:
    assert is_allowed(bucket, action, None, TLS, ADMINISTRATOR.rpartition(":")[2])
    assert not is_allowed(bucket, action, None, TLS, "role/owner")
    assert not is_allowed(bucket, action, None, TLS, "role/evidence-administrator-2")


@pytest.mark.parametrize(
    ("key", "context", "expected"),
    [
        pytest.param(RECORD, CREATES, True, id="record that must not exist"),
        pytest.param(RECORD, LOCKS, False, id="record, whatever is there"),
        pytest.param(RECORD, {**LOCKS, "s3:if-match": ("etag",)}, False, id="record over one that was read"),
        pytest.param("log/test-2026/checkpoints/7", LOCKS, False, id="checkpoint copy, whatever is there"),
        pytest.param("log/test-2026/tile/0/000", {**LOCKS, "s3:if-match": ("etag",)}, False, id="tile over one"),
        pytest.param(CHECKPOINT, CREATES, True, id="first checkpoint"),
        pytest.param(CHECKPOINT, {**LOCKS, "s3:if-match": ("etag",)}, True, id="checkpoint over one that was read"),
        pytest.param(CHECKPOINT, LOCKS, False, id="checkpoint, whatever is there"),
        pytest.param("wal/log/x/checkpoint", LOCKS, False, id="name like a checkpoint's"),
        pytest.param(RECORD, {**CREATES, "aws:SecureTransport": ("false",)}, False, id="without TLS"),
    ],
)
def test_a_key_is_written_once(key: str, context: dict[str, tuple[str, ...]], expected: bool, bucket: Bucket) -> None:
    caller = SEQUENCER if key.startswith("log/") else "role/owner"
    assert is_allowed(bucket, "s3:PutObject", key, context, caller) is expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, True, id="within bounds"),
        pytest.param({"s3:object-lock-remaining-retention-days": ("400",)}, True, id="the shortest"),
        pytest.param({"s3:object-lock-remaining-retention-days": ("399",)}, False, id="too short"),
        pytest.param({"s3:object-lock-remaining-retention-days": ("800",)}, True, id="the longest"),
        pytest.param({"s3:object-lock-remaining-retention-days": ("801",)}, False, id="too long"),
        pytest.param({"s3:object-lock-remaining-retention-days": ()}, False, id="without a date"),
        pytest.param({"s3:object-lock-mode": ("GOVERNANCE",)}, False, id="another mode"),
        pytest.param({"s3:object-lock-mode": ()}, False, id="without a mode"),
    ],
)
@pytest.mark.parametrize("caller", ["role/owner", ADMINISTRATOR.rpartition(":")[2]])
def test_every_lock_is_of_one_mode_and_within_bounds(
    changed: dict[str, tuple[str, ...]], expected: bool, caller: str, bucket: Bucket
) -> None:
    context = {name: values for name, values in {**CREATES, **changed}.items() if values}

    both = [is_allowed(bucket, action, RECORD, context, caller) for action in ("s3:PutObject", "s3:PutObjectRetention")]
    assert all(both) is expected


LONGEST = int(PARAMETERS["LongestLockDays"])


@pytest.mark.parametrize(
    ("days_early", "longest", "expected"),
    [
        pytest.param(0, LONGEST, True, id="on the day before it begins"),
        pytest.param(30, LONGEST, True, id="a month early"),
        pytest.param(34, LONGEST, True, id="as early as can be"),
        pytest.param(35, LONGEST, False, id="earlier"),
        pytest.param(30, 400 + 366, False, id="a month early, where the bound leaves no days for it"),
    ],
)
def test_the_next_years_epoch_may_be_deployed_early(days_early: int, longest: int, expected: bool) -> None:
    """Its records are locked from the first minute until the end of that year and the retention."""
    (found,) = _audit_stack(LongestLockDays=str(longest)).of_type("AWS::S3::BucketPolicy").values()
    bucket = replace(project_deployment().buckets[0], name=found["Bucket"], policy=found["PolicyDocument"])
    ends, writes = date(2029, 1, 1), date(2028, 1, 1) - timedelta(days=days_early)  # a leap year
    remaining = (ends - writes).days + 400
    context = {**CREATES, "s3:object-lock-remaining-retention-days": (str(remaining),)}

    assert is_allowed(bucket, "s3:PutObjectRetention", RECORD, context) is expected


def test_an_object_without_a_lock_of_its_own_is_not_taken(bucket: Bucket) -> None:
    assert not is_allowed(bucket, "s3:PutObject", RECORD, {**TLS, "s3:if-none-match": ("*",)})


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        pytest.param({}, True, id="the bucket's own"),
        pytest.param({"": "AES256"}, True, id="the bucket's own, named"),
        pytest.param({"": "aws:kms"}, False, id="a key of KMS"),
        pytest.param({"": "aws:kms", "-aws-kms-key-id": "arn:aws:kms:us-east-1:1:key/x"}, False, id="a named one"),
        pytest.param({"": "aws:kms:dsse"}, False, id="two layers of KMS"),
        pytest.param({"": "aes256"}, False, id="not as S3 spells it"),
        pytest.param({"-customer-algorithm": "AES256"}, False, id="the writer's own key"),
        pytest.param({"": "AES256", "-customer-algorithm": "AES256"}, False, id="the writer's own, and named"),
    ],
)
@pytest.mark.parametrize(("caller", "key"), [("role/owner", RECORD), (SEQUENCER, CHECKPOINT)])
def test_nobody_stores_what_the_log_cannot_read(
    encryption: dict[str, str], expected: bool, caller: str, key: str, bucket: Bucket
) -> None:
    context = {f"s3:x-amz-server-side-encryption{name}": (value,) for name, value in encryption.items()}

    assert is_allowed(bucket, "s3:PutObject", key, {**CREATES, **context}, caller) is expected


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:PutObjectRetention"])
@pytest.mark.parametrize(
    ("caller", "key", "expected"),
    [
        pytest.param(SEQUENCER, CHECKPOINT, True, id="the sequencer moves the checkpoint"),
        pytest.param(SEQUENCER, "log/test-2026/tile/0/000", True, id="and writes tiles"),
        pytest.param(SEQUENCER, RECORD, False, id="but no record"),
        pytest.param(SEQUENCER, "blob/test-2026/018f/0", False, id="no text"),
        pytest.param(SEQUENCER, "elsewhere", False, id="and nothing else"),
        pytest.param("role/owner", CHECKPOINT, False, id="nobody else moves the checkpoint"),
        pytest.param("role/owner", "log/test-2026/tile/0/000", False, id="or writes tiles"),
        pytest.param("role/postern-local-SequenceRole2", CHECKPOINT, False, id="nor a role with a like name"),
        pytest.param(ADMINISTRATOR.rpartition(":")[2], CHECKPOINT, False, id="nor the administrator"),
        pytest.param("role/owner", RECORD, True, id="records are the others'"),
    ],
)
def test_records_and_log_have_different_writers(
    action: str, caller: str, key: str, expected: bool, bucket: Bucket
) -> None:
    assert is_allowed(bucket, action, key, CREATES, caller) is expected


def test_while_no_sequencer_is_named_nobody_writes_the_log(bucket: Bucket) -> None:
    (found,) = _audit_stack().of_type("AWS::S3::BucketPolicy").values()
    bucket = replace(bucket, name=found["Bucket"], policy=found["PolicyDocument"])

    assert not is_allowed(bucket, "s3:PutObject", CHECKPOINT, CREATES, SEQUENCER)
    assert is_allowed(bucket, "s3:PutObject", RECORD, CREATES, SEQUENCER)


def test_a_queue_is_told_of_records_and_of_nothing_else(bucket: Bucket) -> None:
    assert bucket.notification == {
        "QueueConfigurations": [
            {
                "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:postern-local-Queue",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "wal/v1/"}]}},
            }
        ]
    }


def test_while_no_queue_is_named_nobody_is_told() -> None:
    (found,) = _audit_stack().of_type("AWS::S3::Bucket").values()

    assert "NotificationConfiguration" not in found


def test_an_inventory_tells_of_every_version_what_a_pull_asks_of_it() -> None:
    template = _audit_stack(InventoryBucketArn="arn:aws:s3:::inventories")
    (found,) = template.of_type("AWS::S3::Bucket").values()

    (inventory,) = found["InventoryConfigurations"]
    assert inventory["Destination"] == {"BucketArn": "arn:aws:s3:::inventories", "Format": "CSV"}
    assert (inventory["Enabled"], inventory["IncludedObjectVersions"]) == (True, "All")
    always = {"Bucket", "Key", "VersionId"}  # of an inventory of all versions
    assert {*inventory["OptionalFields"]} | always == {*COLUMNS}


def test_there_is_no_inventory_unless_a_bucket_is_named() -> None:
    (found,) = _audit_stack().of_type("AWS::S3::Bucket").values()

    assert "InventoryConfigurations" not in found


def test_nobody_else_sends_lists_of_the_bucket_elsewhere(bucket: Bucket) -> None:
    assert not is_allowed(bucket, "s3:PutInventoryConfiguration", None, TLS)
    assert is_allowed(bucket, "s3:PutInventoryConfiguration", None, TLS, ADMINISTRATOR.split(":")[-1])


def test_nothing_is_read_without_tls(bucket: Bucket) -> None:
    assert is_allowed(bucket, "s3:GetObject", RECORD, TLS)
    assert not is_allowed(bucket, "s3:GetObject", RECORD, {"aws:SecureTransport": ("false",)})


def test_lets_another_accounts_roles_add_and_read_only() -> None:
    template = _audit_stack(WriterAccountId="210987654321")
    (found,) = template.of_type("AWS::S3::BucketPolicy").values()
    allows = [one for one in found["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]

    account = {"AWS": "arn:aws:iam::210987654321:root"}
    assert [(one["Principal"], sorted(one["Action"])) for one in allows] == [
        (account, ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention"]),
        (account, ["s3:ListBucket", "s3:ListBucketVersions"]),
    ]
    assert [resource.partition("/")[2] for resource in allows[0]["Resource"]] == ["wal/v1/*", "blob/*", "log/*"]


def test_allows_nobody_by_itself(bucket: Bucket) -> None:
    assert bucket.policy is not None
    assert {statement["Effect"] for statement in bucket.policy["Statement"]} == {"Deny"}


@pytest.mark.parametrize("missing", ["RetentionDays", "LongestLockDays", "EvidenceAdministratorArn"])
def test_has_no_default_for_what_an_operator_must_decide(missing: str) -> None:
    with pytest.raises(StackFailure, match=f"{missing}: expected a value"):
        _audit_stack(without=missing)


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "36500", "ten"])
def test_refuses_a_retention_that_is_none(days: str) -> None:
    with pytest.raises(StackFailure, match="RetentionDays"):
        _audit_stack(RetentionDays=days)


@pytest.mark.parametrize("resource", ["EvidenceBucket", "EvidenceBucketPolicy"])
def test_outlives_its_stack(resource: str, written: dict[str, Any]) -> None:
    assert written["Resources"][resource]["DeletionPolicy"] == "Retain"
    assert written["Resources"][resource]["UpdateReplacePolicy"] == "Retain"


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    from postern_local.transform import read_yaml

    return read_yaml(PROJECT / "infra/audit.yaml")


def _audit_stack(without: str | None = None, **parameters: str) -> Template:
    given = {
        "RetentionDays": "400",
        "LongestLockDays": "800",
        "EvidenceAdministratorArn": ADMINISTRATOR,
    } | parameters
    template = Template(
        Path(PROJECT / "infra/audit.yaml"), {name: given[name] for name in given if name != without}, Names()
    )
    assert template.resources
    return template
