"""The signing key in KMS, as the local server has it, and what KMS may answer otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from postern.edges.signer import KmsSigner
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.tlog.notes import sign
from postern_local.aws.server import AwsServer
from tests.support.aws import client


class Kms:
    """A KMS client with one answer to everything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    def get_public_key(self, **request: Any) -> Any:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"PublicKey": self.answer}

    def sign(self, **request: Any) -> Any:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Signature": self.answer}


def spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_a_key_of_kms_signs_notes_that_its_public_key_verifies(aws: AwsServer):
    kms = client(aws, "kms")
    made = kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    signer = KmsSigner(kms, made["Arn"])
    note = sign("postern.shop/prod-2026\n1\nAAAA\n", "postern.shop/prod-2026", signer.public, signer.sign)
    assert (len(signer.public), len(note.signature)) == (32, 64)


def test_the_message_is_signed_as_it_is():
    kms = Kms(bytes(64))
    assert KmsSigner(kms, "arn:key").sign(b"text") == bytes(64)
    assert kms.asked == [
        {"KeyId": "arn:key", "Message": b"text", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
    ]


def test_the_public_key_is_asked_for_once():
    kms = Kms(spki(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))))
    signer = KmsSigner(kms, "arn:key")
    assert (
        signer.public
        == signer.public
        == ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    )
    assert len(kms.asked) == 1


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(spki(ec.generate_private_key(ec.SECP256R1())), id="P-256"),
        pytest.param(spki(rsa.generate_private_key(65537, 2048)), id="RSA"),
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(32), id="raw bytes"),
    ],
)
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(IntegrityError) as refused:
        _ = KmsSigner(Kms(key), "arn:key").public
    assert refused.value.code == "evidence.signature"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ClientError({"Error": {"Code": "KMSInternalException"}}, "Sign"), id="their fault"),
        pytest.param(ClientError({"Error": {"Code": "DisabledException"}}, "Sign"), id="a disabled key"),
        pytest.param(ReadTimeoutError(endpoint_url="kms"), id="no answer"),
    ],
)
def test_a_key_that_does_not_answer_is_away(error):
    signer = KmsSigner(Kms(error), "arn:key")
    with pytest.raises(EvidenceUnavailable):
        _ = signer.public
    with pytest.raises(EvidenceUnavailable):
        signer.sign(b"text")
