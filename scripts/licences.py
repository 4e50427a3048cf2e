"""What may ship, by its licence: an SPDX expression for each distribution, and refusal of what nobody chose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Asks for no more than its own text beside the copy.
PERMISSIVE = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0", "PostgreSQL", "Unicode-3.0"}
    | {"Unicode-DFS-2016", "Unlicense", "Zlib"}
)
# An exception gives more than its licence alone, or it is not here.
_EXCEPTIONS = frozenset({("Apache-2.0", "LLVM-exception")})

# Chosen all the same, each for a reason.
CHOSEN = {
    # Check digits of national numbers, for the detectors. Used as a library, unchanged, replaceable in its layer: what
    # the LGPL asks of those who pass the layer on is in docs/limitations.md.
    "python-stdnum": "LGPL-2.1-or-later",
}

# Data inside a distribution, under a licence of its own that its metadata does not tell.
DATA = {
    # The authorities that Mozilla trusts, as certifi lists them. A file stays under the MPL; this one is not changed.
    ("botocore", "cacert.pem"): "MPL-2.0",
}

# What metadata says in other words than SPDX's.
_SAYS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT": "MIT",
}

# Whose metadata says nothing, or leaves open which; read from the licence file in each distribution.
_READ = {
    "cedarpy": "Apache-2.0",
    "google-re2": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "markdown-it-py": "MIT",
    "mdurl": "MIT",
    "prompt-toolkit": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "python-stdnum": "LGPL-2.1-or-later",
    "rfc8785": "Apache-2.0",
    "wcwidth": "MIT",
}


class UnknownLicence(Exception):
    """Raised when a distribution's licence cannot be told from its metadata or from what was read."""


def expression_of(name: str, metadata: Mapping[str, Any]) -> str:
    """The licence as an SPDX expression. Raises `UnknownLicence`."""
    if found := metadata.get("license_expression"):
        return str(found)
    if found := _READ.get(name):
        return found
    says = str(metadata.get("license") or "").strip()
    if says not in _SAYS:
        raise UnknownLicence(f"{name}: expected a licence that is known by its SPDX name, got {says[:60]!r}")
    return _SAYS[says]


def refused(expressions: Mapping[str, str]) -> list[str]:
    """The distributions that may not ship, each with its licence."""
    return [
        f"{name}: {expression}"
        for name, expression in sorted(expressions.items())
        if CHOSEN.get(name) != expression and not is_permissive(expression)
    ]


def is_permissive(expression: str) -> bool:
    """Whether some choice among the expression's alternatives asks for nothing (SPDX 2.3, annex D)."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)
    value = _any(tokens)
    if tokens:
        raise UnknownLicence(f"expected an SPDX expression, got {expression[:60]!r}")
    return value


def _any(tokens: list[str]) -> bool:
    """Alternatives; takes what it reads off the list."""
    value = _all(tokens)
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        value = _all(tokens) or value
    return value


def _all(tokens: list[str]) -> bool:
    value = _one(tokens)
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        value = _one(tokens) and value
    return value


def _one(tokens: list[str]) -> bool:
    name = tokens.pop(0) if tokens else ""
    if name == "(":
        value = _any(tokens)
        if tokens[:1] != [")"]:
            raise UnknownLicence("expected an SPDX expression, got a bracket that is open")
        tokens.pop(0)
        return value
    if tokens[:1] == ["WITH"]:
        tokens.pop(0)
        return (name, tokens.pop(0) if tokens else "") in _EXCEPTIONS
    return name in PERMISSIVE
