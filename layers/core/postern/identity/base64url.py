"""Base64url as JOSE writes it (RFC 7515 section 2)."""

from __future__ import annotations

import base64
import binascii


def decode_base64url(text: str) -> bytes:
    """The bytes of base64url without padding (RFC 7515 section 2). Raises `ValueError` unless it is their one spelling.

    The last character's unused bits must be zero: else one token could be spelled in several ways.
    """
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected base64url without padding, got other characters") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != text.encode():
        raise ValueError("expected canonical base64url, got another spelling")
    return decoded
