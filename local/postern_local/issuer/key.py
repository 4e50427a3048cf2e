"""The issuer's one key: made once, kept in a file that only its owner reads, published without its private half."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from postern_local.failure import StackFailure
from postern_local.private_file import write_private


def make_key(path: Path) -> None:
    """Writes a new key, mode 0600."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    write_private(
        path,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def load_key(path: Path) -> rsa.RSAPrivateKey:
    """The key of the file. Raises `StackFailure` where there is none."""
    try:
        # Its primes are not proved again, which takes 60 ms a token: the file is ours, and nobody else may write it.
        key = serialization.load_pem_private_key(path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
    except (OSError, ValueError) as error:
        raise StackFailure(f"{path}: expected the issuer's key, got none that can be read") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise StackFailure(f"{path}: expected an RSA key, got another kind")
    return key


def public_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The public key as RFC 7517 has it; `kid` is its RFC 7638 thumbprint."""
    numbers = key.public_key().public_numbers()
    required = {"e": _base64url(numbers.e), "kty": "RSA", "n": _base64url(numbers.n)}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return {**required, "kid": thumbprint, "use": "sig", "alg": "RS256"}


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
