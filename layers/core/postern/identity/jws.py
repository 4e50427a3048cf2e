"""A JWS in its compact form (RFC 7515 section 7.1) taken apart: well formed, and not yet believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.identity.base64url import decode_base64url
from postern.identity.strict_json import Json, parse_object

_MAX_DATE = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, slots=True)
class Jws:
    """The parts of a signed text; `message` is what the signature is over."""

    header: Mapping[str, Json]
    unverified_claims: Mapping[str, Json]
    message: bytes
    signature: bytes


def parse_jws(text: str) -> Jws:
    """Three parts of canonical base64url, of which two are strict JSON objects.

    Raises `ValueError`, whose message holds nothing of the text.
    """
    parts = text.split(".")
    if len(parts) != 3:
        raise ValueError("expected three parts, got another number")
    header, claims, signature = (decode_base64url(part) for part in parts)
    return Jws(parse_object(header), parse_object(claims), f"{parts[0]}.{parts[1]}".encode(), signature)


def parse_date(value: Json) -> int | None:
    """Whole seconds since 1970, up to the year 9999; None for anything else, a float or a boolean too."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_DATE:
        return None
    return value
