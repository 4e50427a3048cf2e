"""Who may take access away and give it back: operators whom Cedar lets `revoke`, by a token of their own.

1. Not an agent's token: what acts for somebody revokes nothing, whatever policy says of the person.
2. Not one that is denied itself: a stolen operator's token ends with its denial, too.
3. `revoke` on the database that it is about; on every database of the layer where it is about a principal or an
   issuer, or about a database that the layer does not know any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from postern.denial_ports import Denials
from postern.denials import Denial, keys_against_caller
from postern.errors import RefusedByPolicy
from postern.policy.bundle import PolicyBundle
from postern.policy.cedar import Verdict
from postern.policy.entities import Entity
from postern.policy.task_context import time_context
from postern.ports import Clock, PolicySource
from postern.types import DatabaseName, Principal, Sha256Hex


@dataclass(frozen=True, slots=True)
class Permit:
    """What let an operator do it."""

    policy_digest: Sha256Hex
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operators:
    """Raises `RefusedByPolicy` for who is none, `PolicyUnavailable`, `StateUnavailable`."""

    policy: PolicySource
    denials: Denials
    clock: Clock

    def check(self, principal: Principal, database: DatabaseName | None) -> Permit:
        """May this principal revoke in this database, or with None in all?"""
        bundle = self._bundle(principal)
        known = [database] if database is not None and database in bundle.catalogs else sorted(bundle.catalogs)
        verdicts = [self._ask(bundle, principal, name) for name in known]
        if not verdicts or not all(verdict.is_permitted for verdict in verdicts):
            raise _refused()
        return Permit(bundle.digest, tuple(sorted({policy for verdict in verdicts for policy in verdict.policies})))

    def seen(self, principal: Principal, denials: Iterable[Denial]) -> list[Denial]:
        """Those that this principal may lift. Raises `RefusedByPolicy` for who may revoke nowhere."""
        bundle = self._bundle(principal)
        open_to = {name for name in bundle.catalogs if self._ask(bundle, principal, name).is_permitted}
        if not open_to:
            raise _refused()
        return [one for one in denials if one.key.database in open_to or open_to == bundle.catalogs.keys()]

    def _bundle(self, principal: Principal) -> PolicyBundle:
        if principal.on_behalf_of is not None:
            raise RefusedByPolicy("policy.refused", "revocation: expected an operator's own token, got an agent's")
        if self.denials.standing(keys_against_caller(principal)) is not None:
            raise RefusedByPolicy("policy.refused", "your own access was revoked: ask another operator")
        return self.policy.load()

    def _ask(self, bundle: PolicyBundle, principal: Principal, database: DatabaseName) -> Verdict:
        inquiry = bundle.cedar.asked_by(principal, time_context(self.clock.now_us()))
        return inquiry.may("revoke", Entity("Database", database))


def _refused() -> RefusedByPolicy:
    return RefusedByPolicy("policy.refused", "you may not revoke here: ask an operator of the database")
