"""Signatures by themselves: what no header check stands before."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from postern.identity.keys import VerifyingKey, parse_key_set
from postern.identity.signatures import is_signed
from tests.support.identity import ALGORITHMS, jwk, key_name, key_set, private_key, sign

MESSAGE = b"header.claims"


def verifying(name: str) -> VerifyingKey:
    (key,) = parse_key_set(key_set(jwk(name)))
    return key


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_holds_for_the_message_that_was_signed_and_no_other(algorithm):
    key = verifying(key_name(algorithm))
    signature = sign(MESSAGE, algorithm, private_key(key_name(algorithm)))
    assert is_signed(MESSAGE, signature, key, algorithm)
    assert not is_signed(MESSAGE + b"x", signature, key, algorithm)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("ES256", "ES384"),
        ("ES384", "ES256"),
        ("EdDSA", "RS256"),
        ("RS256", "EdDSA"),
        ("RS256", "HS256"),
        ("RS256", "none"),
    ],
)
def test_does_not_hold_for_an_algorithm_that_is_not_the_keys(name, algorithm):
    signature = sign(MESSAGE, name, private_key(name))
    assert not is_signed(MESSAGE, signature, verifying(name), algorithm)


def test_does_not_hold_for_a_key_bound_to_another_algorithm_of_its_type():
    (key,) = parse_key_set(key_set(jwk("RS256", alg="PS256")))
    assert not is_signed(MESSAGE, sign(MESSAGE, "RS256", private_key("RS256")), key, "RS256")


@pytest.mark.parametrize(
    "scheme",
    [
        padding.PSS(padding.MGF1(SHA256()), 0),
        padding.PSS(padding.MGF1(SHA256()), 20),
        padding.PSS(padding.MGF1(SHA256()), padding.PSS.MAX_LENGTH),
        padding.PSS(padding.MGF1(SHA1()), 32),
    ],
    ids=["no salt", "short salt", "longest salt", "another mask"],
)
def test_does_not_hold_for_pss_with_other_parameters_than_rfc_7518_names(scheme):
    signature = private_key("RS256").sign(MESSAGE, scheme, SHA256())
    assert not is_signed(MESSAGE, signature, verifying("RS256"), "PS256")


@pytest.mark.parametrize("zero_at", [0, 32], ids=["before the first", "before the second"])
def test_does_not_hold_where_a_number_of_an_ecdsa_signature_has_a_zero_more(zero_at):
    signature = sign(MESSAGE, "ES256", private_key("ES256"))
    longer = signature[:zero_at] + b"\0" + signature[zero_at:]
    assert not is_signed(MESSAGE, longer, verifying("ES256"), "ES256")


def test_reads_numbers_of_521_bits_in_66_bytes():
    signature = sign(MESSAGE, "ES512", private_key("ES512"))
    assert len(signature) == 132
    assert is_signed(MESSAGE, signature, verifying("ES512"), "ES512")
