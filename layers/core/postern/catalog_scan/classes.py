"""The classes that a scan proposes, and the signs by which it knows a column: tables to be read and argued about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.masking.detectors import DetectorKind
from postern.types import MaskKind


@dataclass(frozen=True, slots=True)
class ProposedClass:
    """A class with its mask, and the mask as the catalog writes it."""

    mask: MaskKind
    text: str


_REDACT = ProposedClass(MaskKind.REDACT, "{mask: redact}")
_NULL = ProposedClass(MaskKind.NULL, '{mask: "null"}')
_TOKEN = ProposedClass(MaskKind.TOKEN, "{mask: token}")

FREE_TEXT = "text.free"
DOCUMENT = "data.document"
PERSON = "ref.person"
HIDDEN = "data.hidden"  # for a column whose own class has a mask that its type cannot carry

CLASSES: dict[str, ProposedClass] = {
    "pii.email": ProposedClass(MaskKind.EMAIL, "{mask: email}"),
    "pii.name": _REDACT,
    "pii.username": _TOKEN,
    "pii.phone": ProposedClass(MaskKind.PARTIAL, "{mask: partial, keep_last: 2}"),
    "pii.address": _REDACT,
    "pii.birth": ProposedClass(MaskKind.YEAR, "{mask: year}"),
    "pii.id_number": _NULL,
    "pii.special": _REDACT,
    "pii.income": ProposedClass(MaskKind.RANGE, "{mask: range, width: 10000}"),
    "pii.place": ProposedClass(MaskKind.RANGE, "{mask: range, width: 1}"),
    "pci.card": ProposedClass(MaskKind.PARTIAL, "{mask: partial, keep_last: 4}"),
    "pci.account": _NULL,
    "net.ip": _TOKEN,
    "net.agent": _REDACT,
    "secret": _NULL,
    PERSON: _TOKEN,
    FREE_TEXT: ProposedClass(MaskKind.SCRUB, "{mask: scrub}"),
    DOCUMENT: _REDACT,
    HIDDEN: _REDACT,
}

# What a column's name says, as whole words between underscores; the first that fits. Names are brought to that form.
_NAMES: tuple[tuple[str, str], ...] = (
    ("secret", r"password|passwd|pwd|passphrase|secret|salt|otp|totp|pin|cvv2?|cvc|credentials?|cookie|token"),
    ("secret", r"(access|refresh|api|auth|session|bearer|reset|csrf|private|encryption)_(token|key)|\w*_hash|hash"),
    ("pii.email", r"e_?mails?|mail|mail_address"),
    ("pci.card", r"card_?(no|num|number)|credit_?card|cc_?(no|num|number)|pan|card"),
    ("pci.account", r"iban|account_?(no|num|number)|routing_number|sort_code|bank_account"),
    (
        "pii.id_number",
        r"ssn|social_security\w*|sin|nino|national_id|tax_id|tin|vat_id|passport\w*|driv\w+_licen[cs]e\w*|insurance_(no|num|number)",
    ),
    ("pii.birth", r"dob|birth\w*|born(_on|_at)?|date_of_birth"),
    ("pii.phone", r"(tele)?phone\w*|mobile\w*|cell(phone)?|tel|fax\w*|msisdn"),
    ("pii.special", r"gender|sex|race|ethnicit\w+|religio\w+|diagnos\w+|disabilit\w+|medical\w*|health\w*|blood_type"),
    ("pii.income", r"salar\w+|wages?|income|compensation|bonus|net_worth|credit_score"),
    ("pii.place", r"lat|latitude|lon|lng|long|longitude"),
    ("net.ip", r"ip|ip_?addr(ess)?|remote_addr|client_ip|last_ip"),
    ("net.agent", r"user_?agent|device_id|fingerprint"),
    ("pii.address", r"address\w*|addr\d?|street\w*|house_(no|number)|postal_?code|post_?code|zip(_?code)?"),
    ("pii.name", r"(first|last|full|middle|maiden|given|family|display|contact|real|sur|legal)_?name|surname|forename"),
    ("pii.username", r"user_?name|login|handle|nick(_?name)?|screen_name"),
    (FREE_TEXT, r"notes?|comments?|remarks?|messages?|body|bio|feedback|review|memo|transcript|reason|text|content"),
)  # fmt: skip
_OPEN = (
    r"status|state|type|kind|category|categories|code|currency|country\w*|city|region|locale|language|lang|genre|sku|slug"
    r"|colou?r|size|unit|method|version|label|tags?|priority|level|plan|tier|role|channel|source|platform|timezone|brand"
)

_WORDS = tuple((class_name, re.compile(rf"(?:^|.*_)(?:{words})(?:_.*|$)")) for class_name, words in _NAMES)
_OPEN_WORDS = re.compile(rf"(?:^|.*_)(?:{_OPEN})$")
# Tables whose rows are people, so that a `name` is a person's.
_PEOPLE = re.compile(
    r"(?:^|.*_)(?:customers?|users?|persons?|people|employees?|patients?|contacts?|members?|staff|clients?|guests?"
    r"|students?|teachers?|leads?|applicants?|candidates?|subscribers?|passengers?|drivers?|visitors?|profiles?)(?:$|_.*)"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

BY_KIND: dict[DetectorKind, str] = {
    DetectorKind.EMAIL: "pii.email",
    DetectorKind.CARD: "pci.card",
    DetectorKind.IBAN: "pci.account",
    DetectorKind.SSN: "pii.id_number",
    DetectorKind.PHONE: "pii.phone",
    DetectorKind.IP: "net.ip",
    DetectorKind.AWS_KEY: "secret",
    DetectorKind.GITHUB_TOKEN: "secret",
    DetectorKind.JWT: "secret",
    DetectorKind.PRIVATE_KEY: "secret",
}


def class_of_name(name: str) -> str | None:
    """The class that a column's name speaks of, if any."""
    words = _words(name)
    return next((class_name for class_name, pattern in _WORDS if pattern.fullmatch(words)), None)


def is_open_name(name: str) -> bool:
    """Whether the name speaks of something that many rows share: a status, a country."""
    return _OPEN_WORDS.fullmatch(_words(name)) is not None


def is_of_people(table: str) -> bool:
    """Whether a table's name says that its rows are people."""
    return _PEOPLE.fullmatch(_words(table)) is not None


def _words(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", name).lower()).strip("_")
