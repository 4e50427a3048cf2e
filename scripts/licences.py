"""What may ship, by its licence: an SPDX expression for each distribution, and refusal of what nobody chose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Asks for no more than its own text beside the copy.
PERMISSIVE = frozenset({"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "PSF-2.0"})

# Chosen all the same, each for a reason.
CHOSEN = {
    # Check digits of national numbers, for the detectors. Used as a library, unchanged, replaceable in its layer: what
    # the LGPL asks of those who pass the layer on is in docs/limitations.md.
    "python-stdnum": "LGPL-2.1-or-later",
}

# What metadata says in other words than SPDX's.
_SAYS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache License 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "MIT": "MIT",
}

# Whose metadata says nothing, or leaves open which; read from the licence file in each distribution.
_READ = {
    "cedarpy": "Apache-2.0",
    "google-re2": "BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "python-stdnum": "LGPL-2.1-or-later",
    "rfc8785": "Apache-2.0",
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
        if CHOSEN.get(name) != expression and not _is_permissive(expression)
    ]


def _is_permissive(expression: str) -> bool:
    """Whether one alternative of the expression asks for nothing. Exceptions (`WITH`) count as unknown."""
    if re.search(r"[()]|\bWITH\b", expression):
        return False  # nested expressions are for people to read
    return any(_all_permissive(part.split(" AND ")) for part in expression.split(" OR "))


def _all_permissive(names: Iterable[str]) -> bool:
    return all(name.strip() in PERMISSIVE for name in names)
