"""What each detector looks for: a cheap sign that a cell may hold one, the candidate's form, and its check.

RE2 runs in time linear in the text. It has no look-around, so what may not stand beside a candidate is listed here
and looked at afterwards, and what a form takes in beside one is outside of its group. Patterns and text are UTF-8;
word characters, digits and word boundaries are ASCII's.
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
    """One detector. `sign` matches in every cell in which `form` does, and should match in few others.

    A form without groups is the candidate; one of two groups has either of them.
    """

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


# Where a value may begin. In JSON inside text the end of an escape stands right before it.
_BEGIN = rb"(?:\b|\\[bfnrt]|\\u[0-9A-Fa-f]{4})"
_BEGIN_OF_HEXADECIMAL = rb"(?:\b|\\[nrt]|\\u[0-9A-Fa-f]{4})"
_BEGIN_OR_JOINED = rb"(?:_|" + _BEGIN + rb")"

_AFTER_DIGIT_AND_POINT = re.compile(rb"[0-9]\.\Z")


def _alone(value: bytes, *, begin: bytes = _BEGIN_OR_JOINED) -> bytes:
    """A form that has the value as its group."""
    return begin + rb"(" + value + rb")(?:\b|_)"


# Letters of scripts that write words apart: in others a name cannot be told from the sentence before it.
_LETTERS = rb"A-Za-z0-9\p{Latin}\p{Cyrillic}\p{Greek}"
_LABEL = rb"[" + _LETTERS + rb"](?:[" + _LETTERS + rb"-]*[" + _LETTERS + rb"])?"
_EMAIL = (
    rb"[_" + _LETTERS + rb"][" + _LETTERS + rb"_.%+'-]*@(?:" + _LABEL + rb"\.)+"
    rb"(?:xn--[a-z0-9-]{2,59}\b|[A-Za-z]{2,24}(?:\b|_)|(?:[a-z]{2}|[A-Za-z]{3,24})\d\d"  # `FI21` begins an IBAN
    rb"|\p{Cyrillic}{2,24}|\p{Greek}{2,24})"
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
        form=_BEGIN_OR_JOINED + rb"(eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*)",
        check=detector_checks.jwt,
        cost=20,
    ),
    DetectorKind.GITHUB_TOKEN: Pattern(
        sign=rb"gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22}",
        form=_alone(rb"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_\w{22,244}", begin=_BEGIN),
        check=detector_checks.any_of_its_form,
    ),
    DetectorKind.AWS_KEY: Pattern(
        sign=rb"A[KS]IA[A-Z2-7]{16}|(?i:aws_?secret|secret_?access_?key)",
        form=_alone(rb"A[KS]IA[A-Z2-7]{16}")
        + rb"|((?i:aws_?secret_?(?:access_?)?key|secret_?access_?key)[\\\"' ]{0,3}[=:][\\\"' ]{0,3}"
        + rb"[A-Za-z0-9/+]{39}(?:[A-Za-z0-9]\b|[/+]))",
        check=detector_checks.any_of_its_form,
    ),
    DetectorKind.EMAIL: Pattern(
        sign=rb"[\w.%+'\-\p{Latin}\p{Cyrillic}\p{Greek}]@[\w\p{Latin}\p{Cyrillic}\p{Greek}]",
        form=_EMAIL,
        check=detector_checks.email,
        cost=13,
        not_before=b"/@",  # a path
        not_behind=re.compile(rb"//[^\s/@\x00]*:\Z"),  # `user:password@host` of an address
    ),
    DetectorKind.IBAN: Pattern(
        sign=rb"[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
        form=_alone(rb"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"),
        check=detector_checks.iban,
        overlap=40,
        cost=20,
        cost_a_value=60,
    ),
    DetectorKind.CARD: Pattern(
        sign=rb"\d(?:[ -]?\d){12}",
        form=_alone(rb"\d(?:[ -]?\d){12,}"),
        check=detector_checks.card,
        not_before=b"-+",
        not_behind=_AFTER_DIGIT_AND_POINT,
        not_after=b".-",
        cost=12,
        cost_a_byte=1.5,
    ),
    DetectorKind.SSN: Pattern(
        sign=rb"\d{3}-\d{2}-\d{4}",
        form=_alone(rb"\d{3}-\d{2}-\d{4}"),
        check=detector_checks.ssn,
        not_before=b"-",
        not_behind=_AFTER_DIGIT_AND_POINT,
        not_after=b"-.",
        cost=25,
    ),
    DetectorKind.PHONE: Pattern(
        sign=rb"\+\d[\d ().-]{6}|\(\d{3}\) ?\d{3}[ -]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}|00\d{1,3}[ -][\d ().-]{5}",
        form=_alone(rb"\+\d[\d ().-]{6,18}\d|\(\d{3}\) ?\d{3}[ -]\d{4}", begin=b"")
        + rb"|"
        + _alone(rb"(?:1[.-])?\d{3}[.-]\d{3}[.-]\d{4}|00[1-9]\d{0,2}[ -][\d ().-]{5,18}\d"),
        check=detector_checks.phone,
        not_before=b"+-",
        not_behind=re.compile(rb"(?<!\\u[0-9A-Fa-f]{3})[0-9]\.?\Z"),  # an escape's digit is none
        not_after=b"-.",
        cost=200,  # up to three tries of `phonenumbers`
    ),
    DetectorKind.IP: Pattern(
        sign=rb"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]{3,4}:[0-9A-Fa-f]{0,4}:",
        form=_BEGIN_OF_HEXADECIMAL + rb"(\d{1,3}(?:\.\d{1,3}){3}\b"
        rb"|[0-9A-Fa-f]{3,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?)",
        check=detector_checks.ip,
        not_before=b".-",
        not_behind=re.compile(rb"(?<![\w.:])[0-9]+:\Z"),  # the epoch of a version, or an address's first group
        not_after=b".-",
        cost=20,
    ),
}

# Those that hardly ever take something else for what they look for. The others are asked for by name.
DEFAULT_DETECTORS = frozenset(DetectorKind) - {DetectorKind.SSN, DetectorKind.PHONE, DetectorKind.IP}
