"""The evidence in an account of its own: the two stacks, each deployed with the other's outputs, fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Deployment
from tests.support.stack import NAMES, project_deployment
from tests.support.stacks import Stack, stack, written

AUDIT = "210987654321"
BUCKET = "audit-evidencebucket-1x2y"
ADMINISTRATOR = f"arn:aws:iam::{AUDIT}:role/evidence-administrator"
RETENTION = {"RetentionDays": "400", "LongestLockDays": "800", "EvidenceAdministratorArn": ADMINISTRATOR}
RECORD = "wal/v1/test-2026/a/20261122/10/018f/1-intent.json"
CREATES = {
    "aws:SecureTransport": ("true",),
    "s3:object-lock-mode": ("COMPLIANCE",),
    "s3:object-lock-remaining-retention-days": ("500",),
    "s3:if-none-match": ("*",),
}


@pytest.fixture(scope="module")
def broker() -> Deployment:
    """The second step: the broker's stack, which knows the bucket."""
    return project_deployment(
        EvidenceBucketName=BUCKET, EvidenceAccountId=AUDIT, LongestLockDays="0", EvidenceAdministratorArn=""
    )


def audit(broker: Deployment | None = None) -> Stack:
    """The first step; or the third, which knows the broker's outputs."""
    told = {} if broker is None else {name: broker.outputs[name] for name in ("SequencerRoleArn", "QueueArn")}
    return stack("infra/audit.yaml", **RETENTION, WriterAccountId=NAMES.account, **told)


def bucket_policy(made: Stack, caller: str) -> dict[str, Any]:
    """The policy for a caller of the other account: what names that account reaches each role that its own lets."""
    (found,) = made.of_type("AWS::S3::BucketPolicy").values()
    account = {"AWS": f"arn:aws:iam::{NAMES.account}:root"}
    text = json.dumps(found["PolicyDocument"]).replace("<EvidenceBucket.Arn>", f"arn:aws:s3:::{BUCKET}")
    document: dict[str, Any] = json.loads(text)
    for statement in document["Statement"]:
        if statement["Principal"] == account:
            statement["Principal"] = {"AWS": caller}
    return document


def may(made: Stack, broker: Deployment, function: str, action: str, key: str | None) -> bool:
    """Across accounts both sides must allow it."""
    name = broker.function(f"postern-{function}").role
    (role,) = (role for role in broker.roles if role.name == name)
    resource = f"arn:aws:s3:::{BUCKET}" + ("" if key is None else f"/{key}")
    context = {**CREATES, "aws:PrincipalArn": (role.arn,), "s3:prefix": ("wal/v1/test-2026/",)}
    request = Request(Caller(role.arn, NAMES.account), action, resource, context)
    own = tuple(parse_policy(one, kind=PolicyKind.IDENTITY, name=name) for name, one in role.policies.items())
    theirs = parse_policy(bucket_policy(made, role.arn), kind=PolicyKind.RESOURCE, name="bucket")
    sides = (PolicySet(identity=own), PolicySet(resource=(theirs,)))
    return all(isinstance(evaluate(side, request), Allowed) for side in sides)


@pytest.mark.parametrize(
    ("function", "action", "key", "expected"),
    [
        pytest.param("query", "s3:PutObject", RECORD, True, id="query writes a record"),
        pytest.param("query", "s3:PutObjectRetention", RECORD, True, id="with its lock"),
        pytest.param("run", "s3:PutObject", RECORD, True, id="run writes a record"),
        pytest.param("query", "s3:PutObject", "log/test-2026/tile/0/000", False, id="query writes no tile"),
        pytest.param("sequence", "s3:PutObject", "log/test-2026/tile/0/000", True, id="the sequencer writes a tile"),
        pytest.param("sequence", "s3:PutObject", RECORD, False, id="and no record"),
        pytest.param("sequence", "s3:GetObjectVersion", RECORD, True, id="it reads records"),
        pytest.param("sequence", "s3:ListBucketVersions", None, True, id="and lists them"),
        pytest.param("reap", "s3:ListBucket", None, True, id="the reaper lists"),
        pytest.param("receipts", "s3:GetObject", "log/test-2026/checkpoint", True, id="receipts read the log"),
        pytest.param("authorize", "s3:GetObject", RECORD, False, id="the authorizer reads nothing"),
        pytest.param("query", "s3:DeleteObjectVersion", RECORD, False, id="nobody deletes"),
    ],
)
def test_the_brokers_functions_do_their_work_from_another_account(
    function: str, action: str, key: str | None, expected: bool, broker: Deployment
) -> None:
    assert may(audit(broker), broker, function, action, key) is expected


def test_before_the_third_step_nobody_writes_the_log_and_records_are_taken(broker: Deployment) -> None:
    first = audit()
    assert may(first, broker, "query", "s3:PutObject", RECORD)
    assert not may(first, broker, "sequence", "s3:PutObject", "log/test-2026/checkpoint")


def test_no_account_is_let_in_but_the_brokers(broker: Deployment) -> None:
    (found,) = audit(broker).of_type("AWS::S3::BucketPolicy").values()
    let_in = [one["Principal"] for one in found["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    assert let_in == [{"AWS": f"arn:aws:iam::{NAMES.account}:root"}] * 2


def test_news_of_objects_come_to_the_brokers_queue_from_that_account_only(broker: Deployment) -> None:
    (bucket,) = audit(broker).of_type("AWS::S3::Bucket").values()
    (told,) = bucket["NotificationConfiguration"]["QueueConfigurations"]
    (queue,) = (one for one in broker.queues if one.arn == told["Queue"])
    policy = parse_policy(queue.attributes["Policy"], kind=PolicyKind.RESOURCE, name="queue")

    def may_send(account: str, name: str) -> bool:
        context = {
            "aws:SourceAccount": (account,),
            "aws:SourceArn": (f"arn:aws:s3:::{name}",),
            "aws:SecureTransport": ("true",),
        }
        service = Caller("s3.amazonaws.com", account, service="s3.amazonaws.com")
        request = Request(service, "sqs:SendMessage", queue.arn, context)
        return isinstance(evaluate(PolicySet(resource=(policy,)), request), Allowed)

    assert may_send(AUDIT, BUCKET)
    assert not may_send(AUDIT, "another")
    assert not may_send(NAMES.account, BUCKET)
    assert not may_send("999999999999", BUCKET)


def test_each_steps_outputs_are_the_next_steps_parameters() -> None:
    first, second = written("infra/audit.yaml"), written("template.yaml")

    assert {"SequencerRoleArn", "QueueArn"} <= set(second["Outputs"]) & set(first["Parameters"])
    assert {"EvidenceBucketName", "RetentionDays"} <= set(first["Outputs"]) & set(second["Parameters"])


def test_the_broker_makes_no_bucket_where_one_stands(broker: Deployment) -> None:
    assert not broker.buckets
    assert broker.outputs["EvidenceBucket"] == BUCKET


@pytest.mark.parametrize("template", ["infra/audit.yaml", "template.yaml"])
def test_who_deploys_reads_that_a_lock_cannot_be_undone(template: str) -> None:
    declaration = written(template)["Parameters"]["RetentionDays"]
    assert "Default" not in declaration
    assert "nobody" in declaration["Description"].lower()
    assert "COMPLIANCE" in declaration["Description"]
    assert "1 for a trial" in declaration["Description"]
