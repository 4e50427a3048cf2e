"""One request before the policies: what is asked of them, what they permit, and each refusal in the agent's words."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.errors import Refusal
from postern.policy.cedar import Inquiry
from postern.policy.entities import Entity


@dataclass(slots=True)
class Hearing:
    """What the policies refused so far, and which of them permitted the rest."""

    inquiry: Inquiry
    database: str  # as the agent named it
    refusals: list[Refusal] = field(default_factory=list)
    policies: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def permits(self, action: str, resource: Entity) -> bool:
        verdict = self.inquiry.may(action, resource)
        self.failed.update(verdict.failed)
        if verdict.is_permitted:
            self.policies.update(verdict.policies)
        return verdict.is_permitted

    def refuse(self, what: str, reason: str, *, code: str = "policy.refused") -> None:
        refusal = Refusal(what, code, reason)
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    def refuse_closed(self, what: str, name: str) -> None:
        """Refuses in the words that fit what is closed and what is not there alike."""
        where = f"{name} in database `{self.database}`"
        self.refuse(what, f"{where} is not open to you: check the names, or ask your operator for access")

    def all_refusals(self) -> tuple[Refusal, ...]:
        """Never empty: a request that asks for nothing is refused as a whole."""
        broken = [
            Refusal("policy", "policy.unavailable", f"policy {policy} could not be evaluated: tell your operator")
            for policy in sorted(self.failed)
        ]
        nothing = [Refusal("access", "policy.refused", "no action on a table is asked for: name at least one")]
        return tuple([*self.refusals, *broken] or nothing)
