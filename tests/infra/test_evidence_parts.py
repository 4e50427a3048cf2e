"""The signing key, the tables and the alarms as the templates have them: what is kept, and who is told of what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Deployment, Key
from postern_local.transform import read_yaml
from tests.support.stack import PROJECT, project_deployment

ACCOUNT = "123456789012"
SEQUENCER = f"arn:aws:iam::{ACCOUNT}:role/postern-local-SequenceRole"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/administrator"
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
PLAIN = {"kms:MessageType": ("RAW",), "kms:SigningAlgorithm": ("ED25519_SHA_512",)}


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return project_deployment()


@pytest.fixture(scope="module")
def key(deployed: Deployment) -> Key:
    (key,) = deployed.keys
    return key


def may(key: Key, caller: str, action: str, context: dict[str, tuple[str, ...]], *, by_role: bool) -> bool:
    """What the key's policy leaves of an action; `by_role`: the caller's own policies allow everything."""
    policy = parse_policy(key.create["Policy"], kind=PolicyKind.KEY, name="key")
    own = (parse_policy(EVERYTHING, kind=PolicyKind.IDENTITY, name="own"),) if by_role else ()
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key.id}"
    request = Request(Caller(caller, ACCOUNT), f"kms:{action}", arn, {"aws:PrincipalArn": (caller,), **context})
    return isinstance(evaluate(PolicySet(identity=own, resource=(policy,)), request), Allowed)


def test_checkpoints_are_signed_with_ed25519(key: Key) -> None:
    assert (key.create["KeySpec"], key.create["KeyUsage"]) == ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")


@pytest.mark.parametrize(
    ("caller", "action", "context", "expected"),
    [
        pytest.param(SEQUENCER, "Sign", PLAIN, True, id="the sequencer signs"),
        pytest.param(SEQUENCER, "Sign", {**PLAIN, "kms:MessageType": ("DIGEST",)}, False, id="whole messages only"),
        pytest.param(ADMINISTRATOR, "Sign", PLAIN, False, id="an administrator does not"),
        pytest.param(f"{SEQUENCER}2", "Sign", PLAIN, False, id="nor a role with a like name"),
        pytest.param(ADMINISTRATOR, "CreateGrant", {}, False, id="an administrator hands it to nobody"),
        pytest.param(SEQUENCER, "CreateGrant", {}, False, id="nor does the sequencer"),
        pytest.param(ADMINISTRATOR, "GetPublicKey", {}, True, id="the public half is the account's to read"),
        pytest.param(ADMINISTRATOR, "PutKeyPolicy", {}, True, id="the policy can be mended, and CloudTrail shows it"),
        pytest.param(ADMINISTRATOR, "ImportKeyMaterial", {}, False, id="no other material"),
    ],
)
def test_one_role_uses_the_signing_key(
    caller: str, action: str, context: dict[str, tuple[str, ...]], expected: bool, key: Key
) -> None:
    assert may(key, caller, action, context, by_role=True) is expected


def test_that_it_may_sign_stands_in_the_keys_policy_alone(key: Key) -> None:
    assert may(key, SEQUENCER, "Sign", PLAIN, by_role=False)


@pytest.mark.parametrize(
    ("template", "resource"),
    [
        ("infra/signing-key.yaml", "Key"),
        ("template.yaml", "AuditStack"),
        ("template.yaml", "LogTable"),
        ("template.yaml", "SealKey"),
        ("template.yaml", "SealTable"),
        ("template.yaml", "SigningKeyStack"),
    ],
)
def test_what_evidence_needs_outlives_its_stack(template: str, resource: str) -> None:
    written = read_yaml(PROJECT / template)["Resources"][resource]

    assert written["DeletionPolicy"] == written["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize(("name", "is_recoverable"), [("LogTable", True), ("SealTable", False)])
def test_tables_are_protected_and_what_was_erased_stays_so(
    name: str, is_recoverable: bool, deployed: Deployment
) -> None:
    (table,) = (table for table in deployed.tables if table.name.endswith(name))

    assert table.create["DeletionProtectionEnabled"] is True
    assert table.create["SSESpecification"] == {"Enabled": True}
    assert table.point_in_time_recovery is is_recoverable


def test_the_bucket_is_made_after_the_queue_takes_its_messages() -> None:
    written = read_yaml(PROJECT / "template.yaml")["Resources"]

    assert written["AuditStack"]["DependsOn"] == "QueuePolicy"


ALARMS = {
    "EpochEndsSoon": ("Postern", "EpochDaysLeft", 14, "notBreaching"),
    "WatermarkIsOld": ("Postern", "WatermarkAge", 600, "breaching"),
    "EvidenceContradictsItself": ("Postern", "IntegrityFaults", 0, "notBreaching"),
    "ReaperFoundAContradiction": ("Postern", "IntegrityFaults", 0, "notBreaching"),
    "EntryIsNoRecord": ("Postern", "OpaqueEntries", 0, "notBreaching"),
    "RecordsAreLate": ("Postern", "LateObjects", 0, "notBreaching"),
    "RecordsWait": ("Postern", "WaitingObjects", 0, "notBreaching"),
    "RecordsAreUnread": ("Postern", "UnreadObjects", 0, "notBreaching"),
    "TasksAreNotTornDown": ("Postern", "TeardownsLeft", 0, "notBreaching"),
    "RevocationsAreNotFinished": ("Postern", "RevocationsLeft", 0, "notBreaching"),
    "RevocationsAreNotOnRecord": ("Postern", "EventsOwed", 0, "notBreaching"),
    "MessagesAreGivenUp": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", 0, "notBreaching"),
    "SequencerFails": ("AWS/Lambda", "Errors", 0, "notBreaching"),
    "ReaperFails": ("AWS/Lambda", "Errors", 0, "notBreaching"),
}


@pytest.fixture(scope="module")
def alarms() -> dict[str, Any]:
    resources: dict[str, Any] = read_yaml(PROJECT / "infra/alarms.yaml")["Resources"]
    return {name: resource["Properties"] for name, resource in resources.items()}


def test_somebody_is_told_of_each_way_in_which_evidence_can_fail(alarms: dict[str, Any]) -> None:
    told = {
        name: (one["Namespace"], one["MetricName"], one["Threshold"], one["TreatMissingData"])
        for name, one in alarms.items()
    }

    assert told == ALARMS
    for name, one in alarms.items():
        below = name == "EpochEndsSoon"
        assert one["ComparisonOperator"] == ("LessThanOrEqualToThreshold" if below else "GreaterThanThreshold")
        assert one["AlarmActions"] == {"Fn::If": ["HasTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}


def test_alarms_watch_counts_that_the_functions_send(alarms: dict[str, Any]) -> None:
    from postern.edges.reporting import INTEGRITY_FAULTS, NAMESPACE
    from postern.services.sequence import Count

    reaper = (PROJECT / "functions/reap/handler.py").read_text()
    passes = (PROJECT / "layers/core/postern/services/reap/passes.py").read_text()
    left = {Count.OPAQUE.value, Count.LATE.value, Count.WAITING.value, Count.UNREAD.value}
    sent = {INTEGRITY_FAULTS, *left, "WatermarkAge", "EpochDaysLeft", "TeardownsLeft", "RevocationsLeft", "EventsOwed"}

    assert {one["MetricName"] for one in alarms.values() if one["Namespace"] == NAMESPACE} == sent
    assert all(f'"{name}"' in passes for name in ("TeardownsLeft", "RevocationsLeft", "EventsOwed"))
    assert '{"WatermarkAge", "EpochDaysLeft"}' in reaper  # counts that it sends even where they are zero


@pytest.mark.parametrize(
    ("alarm", "service", "minutes"),
    [
        pytest.param("RecordsAreLate", "sequence", 5, id="a late record is told of at once"),
        pytest.param("RecordsWait", "sequence", 20, id="waiting is normal while a log is handed over"),
        pytest.param("RecordsAreUnread", "sequence", 15, id="S3 may be away for a moment"),
        pytest.param("TasksAreNotTornDown", "reap", 30, id="a database may be away for a moment"),
    ],
)
def test_what_mends_itself_in_minutes_calls_nobody(
    alarm: str, service: str, minutes: int, alarms: dict[str, Any], deployed: Deployment
) -> None:
    one = alarms[alarm]

    assert one["Dimensions"] == [{"Name": "service", "Value": service}]
    assert one["Period"] * one["EvaluationPeriods"] == minutes * 60
    assert one.get("DatapointsToAlarm", 1) == one["EvaluationPeriods"]
    # Missing data is no alarm, so each period must see the message come back.
    (queue,) = (queue for queue in deployed.queues if queue.name.endswith("-Queue"))
    assert service == "reap" or one["Period"] > int(queue.attributes["VisibilityTimeout"])


def test_auditors_find_what_they_need_among_the_outputs(deployed: Deployment, key: Key) -> None:
    assert deployed.outputs["LogOrigin"] == "postern.postern/test-2026"
    assert deployed.outputs["LogKeyArns"].endswith(f":key/{key.id}")
    assert deployed.outputs["SequencerRoleArn"] == SEQUENCER
    assert json.loads(key.create["Policy"])["Statement"][0]["Principal"] == {"AWS": SEQUENCER}
