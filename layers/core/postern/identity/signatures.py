"""JWS signatures (RFC 7518 section 3, RFC 8037), by PyJWT's algorithms.

Only the signature is PyJWT's to judge: header and claims are parsed more strictly in `tokens`, and which
algorithm may be used with which key is decided when the key is read, in `keys`.
"""

from __future__ import annotations

from jwt.algorithms import get_default_algorithms

from postern.identity.keys import VerifyingKey

_ALGORITHMS = get_default_algorithms()


def is_signed(message: bytes, signature: bytes, key: VerifyingKey, algorithm: str) -> bool:
    """True where `signature` is `key`'s over `message`; False for an algorithm that is not the key's."""
    return algorithm in key.algorithms and _ALGORITHMS[algorithm].verify(message, key.key, signature)
