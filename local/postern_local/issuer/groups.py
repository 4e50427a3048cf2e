"""Groups, as a person would name them, in the claims of which the policy layer makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class UnknownGroup(Exception):
    """Raised when no claims put somebody into the groups named. The text says what was expected."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What the gate makes groups of: `rules` are claims by the group that they give, `claim` lists groups by name."""

    rules: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    claim: str | None = None

    def claims_of(self, names: Sequence[str]) -> dict[str, object]:
        """Claims that put somebody into each of these. Raises `UnknownGroup`."""
        claims: dict[str, object] = {}
        listed = [name for name in names if name not in self.rules]
        if listed and self.claim is None:
            raise UnknownGroup(f"groups: expected some of {', '.join(self.rules) or 'none'}, got {listed[0]!r}")
        for name in names:
            for claim, value in self.rules.get(name, {}).items():
                if claims.setdefault(claim, value) != value:
                    raise UnknownGroup(
                        f"groups: expected such that one can be in together, got two values of {claim!r}"
                    )
        if listed and self.claim is not None:
            claims[self.claim] = listed
        return claims
