"""The digest that an approval binds: these statements, in this order, to the byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

# Part of what is hashed. Another way to hash the same statements gets another label, never this one again.
_LABEL = b"postern/run-once/v1\n"
_LENGTH_BYTES = 8


def sha256_of(sql: str) -> str:
    """SHA-256 of a statement's UTF-8 bytes, 64 hex digits. Raises ValueError for a lone surrogate."""
    return hashlib.sha256(sql.encode("utf-8")).hexdigest()


def digest_of(statements: Sequence[str]) -> str:
    """SHA-256 over label, count, and each text's length and UTF-8 bytes, 64 hex digits.

    Counts and lengths are 8 bytes, big-endian, so no two lists give the same input. Raises ValueError for a lone
    surrogate.
    """
    digest = hashlib.sha256(_LABEL + len(statements).to_bytes(_LENGTH_BYTES, "big"))
    for sql in statements:
        encoded = sql.encode("utf-8")
        digest.update(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
    return digest.hexdigest()
