"""A token's form: what may stand in a header, and when it says that it ends."""

from __future__ import annotations

import base64
import json

MAX_TOKEN_BYTES = 16_384


def clean_token(text: str) -> str | None:
    """The token without the white space around it; None for what is none."""
    token = text.strip()
    visible = token.isascii() and token.isprintable() and " " not in token
    return token if token and visible and len(token) <= MAX_TOKEN_BYTES else None


def unverified_expiry_s(token: str) -> int | None:
    """When a JWT says that it ends, in seconds since 1970; None where it does not say. Only the gate verifies it."""
    try:
        _, payload, _ = token.split(".")
        ends = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return int(ends) if isinstance(ends, int | float) and 0 < ends < 2**40 else None
