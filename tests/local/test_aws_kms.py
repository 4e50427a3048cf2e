"""Keys of the local account: Ed25519 as AWS has it, and a key's own policy that binds the administrator too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from postern_local.aws.server import AwsServer
from postern_local.model import KEY_ID_TAG
from tests.support.aws import allow, client, error_code, function_session, make_role, policy

ACCOUNT = "123456789012"
SIGNING = {"MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
OWNER = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def make_key(aws: AwsServer, document: str | None = None, **options: Any) -> str:
    """The ARN of a new Ed25519 key; its policy is KMS's own default unless one is given."""
    given = {"KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY"} | options
    if document is not None:
        given["Policy"] = document
    return str(client(aws, "kms").create_key(**given)["KeyMetadata"]["Arn"])


def statement(effect: str, action: str, principal: object, **elements: object) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Principal": principal, "Resource": "*", **elements}


def test_signs_so_that_anyone_can_verify_with_the_public_key(aws: AwsServer) -> None:
    kms, key = client(aws, "kms"), make_key(aws)

    signature = kms.sign(KeyId=key, Message=b"message", **SIGNING)["Signature"]
    public = kms.get_public_key(KeyId=key)

    assert len(signature) == 64
    # RFC 8410: 12 bytes of algorithm before the 32 of the key.
    assert (len(public["PublicKey"]), public["PublicKey"][:12].hex()) == (44, "302a300506032b6570032100")
    assert (public["KeySpec"], public["SigningAlgorithms"]) == ("ECC_NIST_EDWARDS25519", ["ED25519_SHA_512"])
    assert (public["KeyId"], public["KeyUsage"]) == (key, "SIGN_VERIFY")
    verifier = load_der_public_key(public["PublicKey"])
    assert isinstance(verifier, Ed25519PublicKey)
    verifier.verify(signature, b"message")
    with pytest.raises(InvalidSignature):
        verifier.verify(signature, b"massage")


def test_verifies_its_own_signature_and_no_other(aws: AwsServer) -> None:
    kms, key = client(aws, "kms"), make_key(aws)
    signature = kms.sign(KeyId=key, Message=b"message", **SIGNING)["Signature"]

    assert kms.verify(KeyId=key, Message=b"message", Signature=signature, **SIGNING)["SignatureValid"]
    with pytest.raises(ClientError) as failure:
        kms.verify(KeyId=key, Message=b"massage", Signature=signature, **SIGNING)
    assert error_code(failure) == "KMSInvalidSignatureException"


@pytest.mark.parametrize(
    ("changed", "size", "is_taken"),
    [
        pytest.param({}, 4096, True, id="the longest message"),
        pytest.param({}, 4097, False, id="longer than KMS signs"),
        pytest.param({"MessageType": "DIGEST"}, 64, False, id="digest"),
        pytest.param({"SigningAlgorithm": "ECDSA_SHA_256"}, 64, False, id="algorithm of another kind of key"),
    ],
)
def test_signs_whole_messages_of_its_own_algorithm(
    changed: dict[str, str], size: int, is_taken: bool, aws: AwsServer
) -> None:
    kms, key = client(aws, "kms"), make_key(aws)
    if is_taken:
        assert kms.sign(KeyId=key, Message=b"m" * size, **SIGNING, **changed)["Signature"]
        return
    with pytest.raises(ClientError) as failure:
        kms.sign(KeyId=key, Message=b"m" * size, **{**SIGNING, **changed})
    assert error_code(failure) == "ValidationException"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        pytest.param(lambda kms, key: kms.disable_key(KeyId=key), "DisabledException", id="disabled"),
        pytest.param(
            lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30),
            "KMSInvalidStateException",
            id="to be deleted",
        ),
    ],
)
def test_a_key_that_is_put_away_signs_nothing(end: Any, code: str, aws: AwsServer) -> None:
    kms, key = client(aws, "kms"), make_key(aws)
    end(kms, key.rsplit("/", 1)[-1])  # moto takes the bare id here

    with pytest.raises(ClientError) as failure:
        kms.sign(KeyId=key, Message=b"message", **SIGNING)
    assert error_code(failure) == code


def test_a_keys_id_may_be_chosen_once(aws: AwsServer) -> None:
    chosen = "5a3b0c1e-0000-5000-8000-0000000000d1"
    tags = [{"TagKey": KEY_ID_TAG, "TagValue": chosen}]

    assert make_key(aws, Tags=tags).endswith(f":key/{chosen}")
    with pytest.raises(ClientError) as failure:
        make_key(aws, Tags=tags)
    assert error_code(failure) == "ValidationException"


def test_only_who_the_keys_policy_names_signs_the_administrator_least_of_all(aws: AwsServer) -> None:
    signer = make_role(aws)
    key = make_key(
        aws,
        policy(
            statement("Allow", "kms:Sign", {"AWS": signer}, Condition={"StringEquals": {"kms:MessageType": "RAW"}}),
            statement("Allow", "kms:GetPublicKey", OWNER),
        ),
    )
    role = aws.assume_as_service(signer, session_name="signer")
    others = [None, function_session(aws, allow("kms:*"))]

    assert client(aws, "kms", role).sign(KeyId=key, Message=b"m", **SIGNING)["Signature"]
    for other in others:
        assert client(aws, "kms", other).get_public_key(KeyId=key)
        with pytest.raises(ClientError) as failure:
            client(aws, "kms", other).sign(KeyId=key, Message=b"m", **SIGNING)
        assert error_code(failure) == "AccessDeniedException"


def test_a_roles_own_policy_counts_where_the_key_hands_over_to_the_account(aws: AwsServer) -> None:
    handed, kept = make_key(aws), make_key(aws, policy(statement("Allow", "kms:DescribeKey", OWNER)))
    may, may_not = function_session(aws, allow("kms:Sign")), function_session(aws, allow("kms:DescribeKey"))

    assert client(aws, "kms", may).sign(KeyId=handed, Message=b"m", **SIGNING)
    for session, key in ((may, kept), (may_not, handed)):
        with pytest.raises(ClientError) as failure:
            client(aws, "kms", session).sign(KeyId=key, Message=b"m", **SIGNING)
        assert error_code(failure) == "AccessDeniedException"


def test_a_deny_of_the_key_holds_for_everybody(aws: AwsServer) -> None:
    key = make_key(
        aws,
        policy(statement("Allow", "kms:*", OWNER), statement("Deny", "kms:CreateGrant", "*")),
    )

    with pytest.raises(ClientError) as failure:
        client(aws, "kms").create_grant(
            KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:role/x", Operations=["Sign"]
        )
    assert error_code(failure) == "AccessDeniedException"


def test_a_data_key_is_bound_to_its_context(aws: AwsServer) -> None:
    key = str(client(aws, "kms").create_key()["KeyMetadata"]["Arn"])
    bound = {
        "StringEquals": {"kms:EncryptionContext:log": "prod"},
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["log", "task"]},
    }
    kms = client(aws, "kms", function_session(aws, allow("kms:GenerateDataKey", Condition=bound)))

    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"log": "prod", "task": "1"})
    for other in ({"log": "test"}, {"log": "prod", "more": "x"}, {}):
        with pytest.raises(ClientError) as failure:
            kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=other)
        assert error_code(failure) == "AccessDeniedException"
    # It may make keys and open none, whether or not it names the key.
    for named in ({}, {"KeyId": key}):
        with pytest.raises(ClientError) as failure:
            kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"log": "prod", "task": "1"}, **named)
        assert error_code(failure) == "AccessDeniedException"


@pytest.mark.parametrize("name", ["nobody's", "alias/nobody", "00000000-0000-0000-0000-000000000000"])
def test_a_session_is_not_told_whether_a_key_exists(name: str, aws: AwsServer) -> None:
    with pytest.raises(ClientError) as failure:
        client(aws, "kms", function_session(aws, allow("*"))).sign(KeyId=name, Message=b"m", **SIGNING)
    assert error_code(failure) == "AccessDeniedException"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}), id="without a principal"),
        pytest.param(
            policy(statement("Allow", "kms:*", OWNER, Condition={"StringEquals": {"kms:Nothing": "x"}})),
            id="unknown condition key",
        ),
        pytest.param(json.dumps({"Version": "2008-10-17", "Statement": []}), id="older language"),
    ],
)
def test_a_key_policy_that_cannot_be_evaluated_is_not_stored(document: str, aws: AwsServer) -> None:
    with pytest.raises(ClientError) as failure:
        make_key(aws, document)
    assert error_code(failure) == "MalformedPolicyDocumentException"
    with pytest.raises(ClientError) as failure:
        client(aws, "kms").put_key_policy(KeyId=make_key(aws), PolicyName="default", Policy=document)
    assert error_code(failure) == "MalformedPolicyDocumentException"
