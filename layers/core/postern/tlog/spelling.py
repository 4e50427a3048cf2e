"""Numbers and bytes in the one spelling that the log's formats allow, so that no two texts mean the same.

Every refusal is an `IntegrityError` (`evidence.malformed`).
"""

from __future__ import annotations

import base64
import binascii
import re

from postern.errors import IntegrityError

MAX_SIZE = 2**63 - 1  # of a tree: what other implementations hold in a signed 64-bit integer

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_SHOWN = 60


def malformed(what: str, expected: str, got: str) -> IntegrityError:
    """The error for a text or for bytes that do not have their format's form. `got` is cut, not its reader's screen."""
    return IntegrityError("evidence.malformed", f"{what}: expected {expected}, got {got[:_SHOWN]}")


def parse_decimal(text: str, what: str, maximum: int = MAX_SIZE) -> int:
    """The number from 0 to `maximum` that ASCII digits without a sign, a blank or a leading zero say."""
    if _DECIMAL.fullmatch(text) is None:
        raise malformed(what, f"a number from 0 to {maximum} without leading zeros", repr(text[:_SHOWN]))
    number = int(text)
    if number > maximum:
        raise malformed(what, f"at most {maximum}", text)
    return number


def parse_base64(text: str, what: str) -> bytes:
    """The bytes of standard, padded base64 (RFC 4648 section 4) whose unused bits are zero."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed(what, "standard base64 with padding", repr(text[:_SHOWN])) from None
    if format_base64(data) != text:
        raise malformed(what, "base64 in its one spelling", repr(text[:_SHOWN]))
    return data


def format_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")
