"""The policy layer as one validated whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.types import DatabaseAddress, DatabaseName, Sha256Hex


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """Every file of the policy layer, parsed and checked against each other; `digest` names exactly these files."""

    databases: Mapping[DatabaseName, DatabaseAddress]
    digest: Sha256Hex
