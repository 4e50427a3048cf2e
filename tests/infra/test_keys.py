"""The keys' template: who administers, what may be signed, and that a rotation is the same template once more."""

from __future__ import annotations

from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from tests.support.stack import NAMES, project_deployment
from tests.support.stacks import Stack, stack, written

SEQUENCER = f"arn:aws:iam::{NAMES.account}:role/postern-SequenceRole"
SEALER = f"arn:aws:iam::{NAMES.account}:role/postern-QueryRole"
KEEPER = f"arn:aws:iam::{NAMES.account}:role/key-administrator"
OTHER = f"arn:aws:iam::{NAMES.account}:role/administrator"
EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
KEY = f"arn:aws:kms:us-east-1:{NAMES.account}:key/x"


def keys(**parameters: str) -> Stack:
    return stack("infra/keys.yaml", SequencerRoleArn=SEQUENCER, **parameters)


def may(made: Stack, key: str, caller: str, action: str, **context: str) -> bool:
    """What the key's policy leaves of an action to a caller whose own policies allow everything."""
    policy = parse_policy(made.of_type("AWS::KMS::Key")[key]["KeyPolicy"], kind=PolicyKind.KEY, name="key")
    own = parse_policy(EVERYTHING, kind=PolicyKind.IDENTITY, name="own")
    given = {"aws:PrincipalArn": (caller,), **{f"kms:{name}": (value,) for name, value in context.items()}}
    request = Request(Caller(caller, NAMES.account), f"kms:{action}", KEY, given)
    return isinstance(evaluate(PolicySet(identity=(own,), resource=(policy,)), request), Allowed)


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        pytest.param({"SigningAlgorithm": "ED25519_SHA_512", "MessageType": "RAW"}, True, id="as verifiers read it"),
        pytest.param({"SigningAlgorithm": "ED25519_PH_SHA_512", "MessageType": "RAW"}, False, id="another algorithm"),
        pytest.param({"SigningAlgorithm": "ED25519_SHA_512", "MessageType": "DIGEST"}, False, id="a digest"),
        pytest.param({"SigningAlgorithm": "ED25519_SHA_512"}, False, id="without a message type"),
        pytest.param({"MessageType": "RAW"}, False, id="without an algorithm"),
    ],
)
def test_the_sequencer_signs_one_kind_of_message(context: dict[str, str], expected: bool) -> None:
    assert may(keys(), "SigningKey", SEQUENCER, "Sign", **context) is expected


@pytest.mark.parametrize("name", ["NothingButEd25519", "NothingButWholeMessages"])
def test_algorithm_and_form_are_denied_and_not_only_left_unsaid(name: str) -> None:
    """A statement that somebody adds later cannot widen them."""
    document = keys().of_type("AWS::KMS::Key")["SigningKey"]["KeyPolicy"]
    (found,) = (one for one in document["Statement"] if one["Sid"] == name)
    assert (found["Effect"], found["Principal"], found["Action"]) == ("Deny", "*", "kms:Sign")


def test_signing_is_allowed_at_one_place_and_pinned_there() -> None:
    statements = keys().of_type("AWS::KMS::Key")["SigningKey"]["KeyPolicy"]["Statement"]
    (allowed,) = (one for one in statements if one["Effect"] == "Allow" and "kms:Sign" in one["Action"])

    assert allowed["Principal"] == {"AWS": SEQUENCER}
    pinned = {"kms:MessageType": "RAW", "kms:SigningAlgorithm": "ED25519_SHA_512"}
    assert allowed["Condition"] == {"StringEquals": pinned}


@pytest.mark.parametrize("action", ["PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion"])
def test_one_role_administers_the_key_where_one_is_named(action: str) -> None:
    named = keys(KeyAdministratorArn=KEEPER)

    assert may(named, "SigningKey", KEEPER, action)
    assert not may(named, "SigningKey", OTHER, action)
    assert not may(named, "SigningKey", f"{KEEPER}2", action)
    assert may(keys(), "SigningKey", OTHER, action)


@pytest.mark.parametrize("caller", [KEEPER, OTHER])
def test_who_administers_the_key_does_not_sign(caller: str) -> None:
    context = {"SigningAlgorithm": "ED25519_SHA_512", "MessageType": "RAW"}
    assert not may(keys(KeyAdministratorArn=KEEPER), "SigningKey", caller, "Sign", **context)
    assert not may(keys(KeyAdministratorArn=KEEPER), "SigningKey", caller, "CreateGrant")


def test_who_seals_does_not_unseal() -> None:
    made = keys(SealerRoleArns=f"{SEALER},{SEALER}2")

    for caller in (SEALER, f"{SEALER}2"):
        assert may(made, "SealKey", caller, "GenerateDataKey")
        assert not any(may(made, "SealKey", caller, action) for action in ("Decrypt", "ReEncryptFrom", "CreateGrant"))
    assert may(made, "SealKey", OTHER, "Decrypt")


def test_a_rotation_makes_a_signing_key_and_no_other() -> None:
    made = keys()
    assert list(made.of_type("AWS::KMS::Key")) == ["SigningKey"]
    assert made.outputs == {"SigningKeyArn": "<SigningKey.Arn>"}


def test_the_next_keys_role_is_an_output_of_the_broker_and_its_arn_a_parameter() -> None:
    broker = written("template.yaml")
    assert "SequencerRoleArn" in broker["Outputs"]
    assert "SigningKeyArns" in broker["Parameters"]
    assert "SequencerRoleArn" in written("infra/keys.yaml")["Parameters"]


@pytest.mark.parametrize(
    ("mode", "count"), [pytest.param("full", 1, id="full"), pytest.param("sealed", 2, id="sealed")]
)
def test_literals_have_a_key_where_they_are_sealed(mode: str, count: int) -> None:
    deployed = project_deployment(StatementText=mode)
    made: list[Any] = list(deployed.keys)

    assert len(made) == count
    sealed = {function: deployed.function(f"postern-{function}").environment for function in ("query", "run")}
    arns = {environment.get("POSTERN_SEAL_KEY") for environment in sealed.values()}
    assert arns == ({None} if mode == "full" else {f"arn:aws:kms:us-east-1:{NAMES.account}:key/{made[1].id}"})
