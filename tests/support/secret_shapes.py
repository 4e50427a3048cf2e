"""How secrets look, whoever they are of: the forms that a search can tell without knowing the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A form of secrets. Where none of `hints` stands there is none, and most texts are looked at no closer."""

    hints: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


# A JSON Web Token begins with `{"` in base64url, twice. PEM: RFC 7468. Keys of AWS: IAM's unique identifiers; a secret
# key has no form of its own, but it stands beside its name.
SHAPES: dict[str, Shape] = {
    "private key": Shape(
        (b"PRIVATE KEY-----",),
        re.compile(rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----\s*(?:\\n)?\s*[A-Za-z0-9+/]{20}"),
    ),
    "witness key": Shape((b"PRIVATE+KEY+",), re.compile(rb"PRIVATE\+KEY\+[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{40}")),
    "private JWK": Shape((b'"d"', b'"dp"'), re.compile(rb'"(?:d|dp)"\s*:\s*"[A-Za-z0-9_-]{40,}"')),
    "token": Shape((b".eyJ",), re.compile(rb"eyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{40,}")),
    "database token": Shape(
        (b"X-Amz-Signature=",), re.compile(rb"Action=connect[^\s\"']{0,3000}X-Amz-Signature=[0-9a-f]{64}")
    ),
    "AWS key id": Shape((b"AKIA", b"ASIA"), re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])")),
    "AWS secret key": Shape(
        (b"ecret", b"ECRET"),
        re.compile(rb"(?i:secret_?access_?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    ),
    "password in a URL": Shape((b"://",), re.compile(rb"://[^\s/:@\"'<>{}$]{1,60}:[^\s/@\"'<>{}$]{3,60}@[a-zA-Z0-9]")),
    "token of a service": Shape(
        (b"ghp_", b"github_pat_", b"glpat-", b"npm_", b"pypi-AgE", b"xoxb-", b"xoxp-"),
        re.compile(
            rb"\b(?:ghp_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,}|glpat-[A-Za-z0-9_-]{20}|xox[bp]-[0-9A-Za-z-]{20,}"
            rb"|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,})"
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A secret in some text. What it is is not kept: a report of leaks must not leak."""

    shape: str
    line: int  # 1-based


def secrets_in(data: bytes) -> Iterator[Seen]:
    """Everything in the data that looks like a secret."""
    for name, shape in SHAPES.items():
        if any(hint in data for hint in shape.hints):
            for found in shape.pattern.finditer(data):
                yield Seen(name, data.count(b"\n", 0, found.start()) + 1)
