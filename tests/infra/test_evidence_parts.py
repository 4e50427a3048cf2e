"""The signing key and the tables as the templates have them: what is kept, and who may use it."""

from __future__ import annotations

import json

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
        ("infra/keys.yaml", "SigningKey"),
        ("template.yaml", "AuditStack"),
        ("template.yaml", "LogTable"),
        ("infra/keys.yaml", "SealKey"),
        ("template.yaml", "SealTable"),
        ("template.yaml", "KeyStack"),
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


def test_auditors_find_what_they_need_among_the_outputs(deployed: Deployment, key: Key) -> None:
    assert deployed.outputs["LogOrigin"] == "postern.postern/test-2026"
    assert deployed.outputs["LogKeyArns"].endswith(f":key/{key.id}")
    assert deployed.outputs["SequencerRoleArn"] == SEQUENCER
    assert json.loads(key.create["Policy"])["Statement"][0]["Principal"] == {"AWS": SEQUENCER}
