"""Proof Key for Code Exchange (RFC 7636), S256 only: `plain` shows the verifier to whoever sees the request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 digest as base64url without padding
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # section 4.1


def is_challenge(text: str) -> bool:
    """True for what can be the challenge of a verifier."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """The challenge that a client sends ahead (section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def is_proved(challenge: str, verifier: str) -> bool:
    """Whether the verifier is the one that the challenge was made of."""
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(challenge_of(verifier), challenge)
