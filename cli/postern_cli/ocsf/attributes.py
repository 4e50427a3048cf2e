"""What one attribute of a schema is, and how a source of it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# The types of OCSF's dictionary that we use; anything else names an object.
SCALARS = frozenset({"string_t", "integer_t", "long_t", "timestamp_t", "boolean_t"})
Requirement = Literal["required", "recommended", "optional"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One line of a table: `source` is the file and attribute that it was taken from."""

    name: str
    type: str  # one of SCALARS, or the name of an object
    requirement: Requirement
    source: str
    enum: Mapping[int, str] = field(default_factory=dict)  # by value, the caption
    is_array: bool = False
    profile: str | None = None  # which must be named in metadata.profiles where the attribute is there


@dataclass(frozen=True, slots=True)
class Shape:
    """A class's or an object's attributes, as far as we use them, and what must hold between them."""

    attributes: tuple[Attribute, ...]
    at_least_one: tuple[str, ...] = ()
    just_one: tuple[str, ...] = ()
