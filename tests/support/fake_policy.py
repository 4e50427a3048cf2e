"""A deployed policy of which services only need the digest, the limits and the addresses."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.errors import PolicyUnavailable
from postern.policy.limits import RateLimits
from postern.types import DatabaseAddress, DatabaseName, Sha256Hex
from tests.support.domain import ADDRESS, DIGEST


@dataclass
class FakePolicy:
    """A deployed policy of which services only need the digest, the limits and the addresses."""

    digest: Sha256Hex = DIGEST
    limits: RateLimits = field(default_factory=RateLimits)
    databases: dict[DatabaseName, DatabaseAddress] = field(default_factory=lambda: {ADDRESS.name: ADDRESS})
    is_broken: bool = False

    def load(self) -> FakePolicy:
        return self

    @property
    def cedar(self) -> None:
        """Nobody is asked; where it was put off and is wrong, this tells."""
        if self.is_broken:
            raise PolicyUnavailable("policy.unavailable", "the policy layer cannot be loaded, so nothing is allowed")

    def address(self, database: str) -> DatabaseAddress:
        if database != ADDRESS.name:
            raise PolicyUnavailable("policy.unavailable", f"database {database}: expected it in the policy layer")
        return ADDRESS
