"""Digests as records carry them: in hex, plain or keyed."""

from __future__ import annotations

import base64
import hashlib
import hmac

from postern.types import Sha256Hex


def sha256_hex(data: bytes) -> Sha256Hex:
    return Sha256Hex(hashlib.sha256(data).hexdigest())


def keyed_digest(key: bytes, data: bytes) -> str:
    """HMAC-SHA-256 in hex: a digest that only the holder of the receipt can search by guessing."""
    return hmac.new(key, data, hashlib.sha256).hexdigest()


def format_key(key: bytes) -> str:
    """The receipt's form of a record's digest key: standard base64."""
    return base64.b64encode(key).decode("ascii")
