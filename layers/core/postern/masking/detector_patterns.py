"""What each detector looks for: a cheap sign that a cell may hold one, the candidate's form, and its check.

RE2 runs in time linear in the text. It has no look-around, so what may not stand beside a candidate is listed here
and looked at afterwards. Patterns and text are UTF-8; word characters, digits and word boundaries are ASCII's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from postern.masking import detector_checks
from postern.masking.detector_checks import Spans


class DetectorKind(StrEnum):
    """What a detector finds, in the order in which they are applied."""

    PRIVATE_KEY = "private_key"
    JWT = "jwt"
    GITHUB_TOKEN = "github_token"
    AWS_KEY = "aws_key"
    EMAIL = "email"
    IBAN = "iban"
    CARD = "card"
    SSN = "ssn"
    PHONE = "phone"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One detector. `sign` matches in every cell in which `form` does, and should match in few others."""

    sign: bytes
    form: bytes
    check: Callable[[str], Spans]
    not_before: bytes = b""  # bytes that may not stand right before a value
    not_behind: re.Pattern[bytes] | None = None  # what may not end right before a value, over 80 bytes
    not_after: bytes = b""  # bytes that may not stand right after it, where a digit follows them
    overlap: int = 0  # bytes of a candidate's end in which another value can begin, after a space
    # What a candidate costs, about in microseconds of one core, and what a value in it costs besides.
    cost: int = 12
    cost_a_byte: float = 0.02
    cost_a_value: int = 0


# Letters of scripts that write words apart: in others a name cannot be told from the sentence before it.
_LETTERS = rb"A-Za-z0-9\p{Latin}\p{Cyrillic}\p{Greek}"
_LABEL = rb"[" + _LETTERS + rb"](?:[" + _LETTERS + rb"-]*[" + _LETTERS + rb"])?"
_EMAIL = (
    rb"[_" + _LETTERS + rb"][" + _LETTERS + rb"_.%+'-]*@(?:" + _LABEL + rb"\.)+"
    rb"(?:(?:xn--[a-z0-9-]{2,59}|[A-Za-z]{2,24})\b|\p{Cyrillic}{2,24}|\p{Greek}{2,24})"
)

PATTERNS: dict[DetectorKind, Pattern] = {
    DetectorKind.PRIVATE_KEY: Pattern(
        sign=rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",
        # A key that was cut before its end is a key still.
        form=rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?:[^\x00]*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[^\x00]*)",
        check=detector_checks.any_of_its_form,
    ),
    DetectorKind.JWT: Pattern(
        sign=rb"eyJ[\w-]{8,}\.eyJ",
        form=rb"\beyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*",
        check=detector_checks.jwt,
        cost=20,
    ),
    DetectorKind.GITHUB_TOKEN: Pattern(
        sign=rb"gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22}",
        form=rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_\w{22,244})\b",
        check=detector_checks.any_of_its_form,
    ),
    DetectorKind.AWS_KEY: Pattern(
        sign=rb"A[KS]IA[A-Z2-7]{16}|(?i:aws_?secret)",
        form=rb"\bA[KS]IA[A-Z2-7]{16}\b"
        rb"|(?i:aws_?secret_?(?:access_?)?key)[\"' ]{0,3}[=:][\"' ]{0,3}[A-Za-z0-9/+]{40}\b",
        check=detector_checks.any_of_its_form,
    ),
    DetectorKind.EMAIL: Pattern(
        sign=rb"[\w.%+\-\p{Latin}\p{Cyrillic}\p{Greek}]@[\w\p{Latin}\p{Cyrillic}\p{Greek}]",
        form=_EMAIL,
        check=detector_checks.email,
        cost=13,
        not_before=b"/@",  # a path
        not_behind=re.compile(rb"//[^\s/@\x00]*:$"),  # `user:password@host` of an address
    ),
    DetectorKind.IBAN: Pattern(
        sign=rb"[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
        form=rb"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b",
        check=detector_checks.iban,
        overlap=40,
        cost=20,
        cost_a_value=60,
    ),
    DetectorKind.CARD: Pattern(
        sign=rb"\d(?:[ -]?\d){12}",
        form=rb"\b\d(?:[ -]?\d){12,}\b",
        check=detector_checks.card,
        not_before=b".,-+",
        not_after=b".,-",
        cost=12,
        cost_a_byte=1.5,
    ),
    DetectorKind.SSN: Pattern(
        sign=rb"\d{3}-\d{2}-\d{4}",
        form=rb"\b\d{3}-\d{2}-\d{4}\b",
        check=detector_checks.ssn,
        not_before=b"-.",
        not_after=b"-.",
        cost=25,
    ),
    DetectorKind.PHONE: Pattern(
        sign=rb"\+\d[\d ().-]{6}|\(\d{3}\) ?\d{3}[ -]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}|00\d{1,3}[ -][\d ().-]{5}",
        form=rb"\+\d[\d ().-]{6,18}\d\b|\(\d{3}\) ?\d{3}[ -]\d{4}\b"
        rb"|\b(?:1[.-])?\d{3}[.-]\d{3}[.-]\d{4}\b|\b00[1-9]\d{0,2}[ -][\d ().-]{5,18}\d\b",
        check=detector_checks.phone,
        not_before=b"0123456789+-.",
        not_after=b"-.",
        cost=90,
    ),
    DetectorKind.IP: Pattern(
        sign=rb"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]{3,4}:[0-9A-Fa-f:]{3}",
        form=rb"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9A-Fa-f]{3,4}(?::[0-9A-Fa-f]{0,4}){2,7}",
        check=detector_checks.ip,
        not_before=b".:-",
        not_after=b".-",
        cost=20,
    ),
}

# Those that hardly ever take something else for what they look for. The others are asked for by name.
DEFAULT_DETECTORS = frozenset(DetectorKind) - {DetectorKind.SSN, DetectorKind.PHONE, DetectorKind.IP}
