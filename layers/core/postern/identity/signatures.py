"""JWS signatures (RFC 7518 section 3, RFC 8037) over `cryptography`'s primitives.

PyJWT does the same; importing it alone takes a cold authorizer 80 ms longer, and what it checks beyond
the signature is checked more strictly in `tokens`. The tests sign with PyJWT.
"""

from __future__ import annotations

from typing import assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from postern.identity.keys import VerifyingKey

_DIGESTS: dict[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}


def is_signed(message: bytes, signature: bytes, key: VerifyingKey, algorithm: str) -> bool:
    """True where `signature` is `key`'s over `message`; False for an algorithm that is not the key's."""
    if algorithm not in key.algorithms:
        return False
    try:
        _verify(message, signature, key, algorithm)
    except InvalidSignature:
        return False
    return True


def _verify(message: bytes, signature: bytes, key: VerifyingKey, algorithm: str) -> None:
    match key.key:
        case RSAPublicKey() as rsa:
            digest = _DIGESTS[algorithm[2:]]
            # RFC 7518 section 3.5: the salt is as long as the digest.
            padding = PSS(MGF1(digest), digest.digest_size) if algorithm.startswith("PS") else PKCS1v15()
            rsa.verify(signature, message, padding, digest)
        case EllipticCurvePublicKey() as ec:
            ec.verify(_der(signature, ec.curve.key_size), message, ECDSA(_DIGESTS[algorithm[2:]]))
        case Ed25519PublicKey() as edwards:
            edwards.verify(signature, message)
        case _ as unreachable:
            assert_never(unreachable)


def _der(signature: bytes, key_bits: int) -> bytes:
    """JWS has the two numbers side by side, each of the curve's full length (RFC 7518 section 3.4)."""
    length = (key_bits + 7) // 8
    if len(signature) != 2 * length:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:length]), int.from_bytes(signature[length:]))
