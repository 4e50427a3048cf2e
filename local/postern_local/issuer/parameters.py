"""Parameters of a query or a form (RFC 6749 section 3.1): each once, and one without a value is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

MOST = 50


class UnfitParameters(Exception):
    """Raised when parameters cannot be read in one way. The text says why."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was sent. `repeated` names what was sent more than once, and has no value here."""

    values: Mapping[str, str]
    repeated: frozenset[str]

    def get(self, name: str) -> str | None:
        return self.values.get(name)


def parse_parameters(text: str) -> Parameters:
    """The parameters of `application/x-www-form-urlencoded` text. Raises `UnfitParameters`."""
    if not text:
        return Parameters({}, frozenset())
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST)
    except ValueError as error:  # UnicodeDecodeError is one
        raise UnfitParameters(f"expected at most {MOST} parameters as name=value, in UTF-8") from error
    names = [name for name, _ in pairs]
    repeated = frozenset(name for name in names if names.count(name) > 1)
    return Parameters({name: value for name, value in pairs if value and name not in repeated}, repeated)
