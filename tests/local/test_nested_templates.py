"""What the local stack does not know stops it in a nested template, too, and wherever a function or a policy has it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from postern_local.deployment import read_deployment
from postern_local.failure import StackFailure
from postern_local.iam import PolicyError, PolicyKind, parse_policy
from postern_local.transform import read_yaml
from tests.support.stack import NAMES, PARAMETERS, PROJECT

Change = Callable[[dict[str, Any]], object]


def properties(template: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][name]["Properties"]
    return found


def add_event(template: dict[str, Any], event: dict[str, Any]) -> None:
    properties(template, "SequenceFunction")["Events"]["Other"] = event


MAIN, AUDIT, KEYS = "template.yaml", "infra/audit.yaml", "infra/keys.yaml"
TOPIC = {"Type": "SNS", "Properties": {"Topic": "arn:aws:sns:us-east-1:123456789012:topic"}}
STREAM = {
    "Type": "Kinesis",
    "Properties": {"Stream": "arn:aws:kinesis:us-east-1:123456789012:stream/s", "StartingPosition": "LATEST"},
}
RULE = {"Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["x"]}}}
CHANGES: dict[str, tuple[str, Change, str]] = {
    "property of a nested bucket": (
        AUDIT,
        lambda t: properties(t, "EvidenceBucket").update(ReplicationConfiguration={}),
        "ReplicationConfiguration",
    ),
    "part of a nested bucket": (
        AUDIT,
        lambda t: properties(t, "EvidenceBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0].update(
            BucketKeyEnabled=True
        ),
        "BucketKeyEnabled",
    ),
    "type in a nested template": (
        KEYS,
        lambda t: t["Resources"].update(Q={"Type": "AWS::SNS::Topic", "Properties": {}}),
        "AWS::SNS::Topic",
    ),
    "key of a nested resource": (
        KEYS,
        lambda t: next(iter(t["Resources"].values())).update(CreationPolicy={}),
        "CreationPolicy",
    ),
    "event of a topic": (MAIN, lambda t: add_event(t, TOPIC), "AWS::SNS::Subscription|AWS::SNS"),
    "event of a stream": (MAIN, lambda t: add_event(t, STREAM), "StartingPosition"),
    "event of a rule": (MAIN, lambda t: add_event(t, RULE), "EventPattern"),
    "event of no type": (MAIN, lambda t: add_event(t, {"Type": "Nope", "Properties": {}}), "Nope"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_stops_at_what_it_does_not_know(change: str, tmp_path: Path) -> None:
    file, apply, message = CHANGES[change]
    shutil.copytree(PROJECT / "infra", tmp_path / "infra")
    shutil.copy(PROJECT / MAIN, tmp_path / MAIN)
    template = read_yaml(PROJECT / file)
    apply(template)
    (tmp_path / file).write_text(yaml.safe_dump(template, sort_keys=False))

    with pytest.raises(StackFailure, match=message):
        read_deployment(tmp_path, PARAMETERS, NAMES)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Condition": {"StringNope": {"aws:SourceArn": "x"}}}, id="operator"),
        pytest.param({"Condition": {"StringEquals": {"s3:Nope": "x"}}}, id="condition key"),
        pytest.param({"Condition": {"StringEquals": {"aws:PrincipalArn": "${aws:nope}"}}}, id="policy variable"),
        pytest.param({"NotNope": "x"}, id="element"),
    ],
)
def test_a_policy_with_what_the_evaluator_does_not_know_is_none(change: dict[str, Any]) -> None:
    """It cannot be stored: `tests/local/test_aws_authorization.py`. So the stack does not start."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"}
    parse_policy(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), kind=PolicyKind.RESOURCE, name="p")
    changed = {"Version": "2012-10-17", "Statement": [{**statement, **change}]}
    with pytest.raises(PolicyError):
        parse_policy(json.dumps(changed), kind=PolicyKind.RESOURCE, name="p")
