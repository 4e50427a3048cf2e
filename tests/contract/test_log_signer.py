"""The key that signs checkpoints: one contract, run on the fake and on KMS."""

from __future__ import annotations

import hashlib

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from postern.edges.signer import KmsSigner
from postern.edges.signing_keys import KmsPublicKeys
from postern.errors import EvidenceUnavailable
from postern.log_ports import Signer
from postern.tlog.notes import sign
from tests.support.log_fakes import LogStore, MemorySigner
from tests.support.places import Difference, Place, places

TEXT = f"postern.shop/prod-2026\n1\n{'A' * 43}=\n"
WITH_ED25519 = places("kms", differs=Difference.ED25519)


def signer_at(place: Place) -> KmsSigner:
    return KmsSigner(place.client("kms"), place.signing_key())


@pytest.fixture(params=WITH_ED25519)
def kms(request: pytest.FixtureRequest) -> KmsSigner:
    return signer_at(request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", *WITH_ED25519])
def signer(request: pytest.FixtureRequest) -> Signer:
    return MemorySigner(LogStore()) if request.param == "fake" else signer_at(request.getfixturevalue(request.param))


def test_what_it_signs_verifies_without_it(signer):
    public = Ed25519PublicKey.from_public_bytes(signer.public)
    signature = signer.sign(TEXT.encode())
    public.verify(signature, TEXT.encode())
    with pytest.raises(InvalidSignature):
        public.verify(signature, TEXT.encode() + b" ")


def test_one_message_has_one_signature(signer):
    """RFC 8032: no randomness, so that two sequencers that sign one checkpoint publish the same bytes."""
    assert signer.sign(TEXT.encode()) == signer.sign(TEXT.encode())


def test_a_note_that_it_signs_names_its_key(signer):
    note = sign(TEXT, "postern.shop/prod-2026", signer.public, signer.sign)
    assert (len(signer.public), len(note.signature)) == (32, 64)


@pytest.mark.parametrize("message", [b"", b"x" * 4_097], ids=["nothing", "more than KMS takes"])
def test_what_KMS_does_not_take_is_not_signed(signer, message):  # noqa: N802 - a name
    with pytest.raises(EvidenceUnavailable):
        signer.sign(message)


# What KMS alone shows.


def test_the_public_halves_are_told_to_who_only_checks(kms):
    assert KmsPublicKeys(kms.client, [kms.key]).public == [kms.public]


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        pytest.param("ED25519_PH_SHA_512", "RAW", id="another variant over the message"),
        pytest.param("ECDSA_SHA_256", "RAW", id="another curve's"),
        pytest.param("RSASSA_PSS_SHA_256", "RAW", id="RSA's"),
        pytest.param("ED25519_SHA_512", "DIGEST", id="over a digest"),
    ],
)
def test_the_key_signs_by_no_other_algorithm(kms, algorithm, kind):
    message = hashlib.sha512(TEXT.encode()).digest()
    with pytest.raises(ClientError) as refused:
        kms.client.sign(KeyId=kms.key, Message=message, MessageType=kind, SigningAlgorithm=algorithm)
    assert refused.value.response["Error"]["Code"] in {"InvalidKeyUsageException", "ValidationException"}
