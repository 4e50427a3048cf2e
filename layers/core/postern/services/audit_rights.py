"""Who may see which records: an auditor those of the databases that Cedar lets it `audit`, everybody their own.

1. A record's own sender sees it: issuer, its URL, subject and the person acted for, all as in the token of this call.
2. Who may audit every database that a record names sees it.
3. What names no database (epochs, keys, deploys, quarantines, denials of principals), or one that the layer does not
   know any more, is for who may audit all databases of the layer.
4. Not for an agent's token: what acts for somebody audits nothing, whatever policy says of the person. Nor for a
   principal that is denied: a stolen auditor's token ends with its denial.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postern.audit.facts import Entry, Facts, Sender
from postern.denial_ports import Denials
from postern.denials import keys_against_caller
from postern.policy.bundle import PolicyBundle
from postern.policy.entities import Entity
from postern.policy.task_context import time_context
from postern.ports import Clock, PolicySource
from postern.types import DatabaseName, Principal


@dataclass(frozen=True, slots=True)
class Sight:
    """What one caller may see. `databases` are those it may audit; `is_whole` where these are all."""

    caller: Sender
    databases: frozenset[str]
    is_whole: bool

    def shows(self, entry: Entry) -> bool:
        """Whether this caller may see it."""
        if self.is_whole:
            return True
        if not isinstance(entry, Facts):
            return False
        if entry.sender == self.caller:
            return True
        return bool(entry.databases) and entry.databases <= self.databases


@dataclass(frozen=True, slots=True)
class AuditRights:
    """Raises `PolicyUnavailable`, `StateUnavailable`."""

    policy: PolicySource
    denials: Denials
    clock: Clock

    def of(self, principal: Principal) -> Sight:
        """What this principal may see now."""
        caller = Sender(principal.issuer, principal.issuer_url, principal.subject, principal.on_behalf_of)
        if principal.on_behalf_of is not None or self.denials.standing(keys_against_caller(principal)) is not None:
            return Sight(caller, frozenset(), is_whole=False)
        bundle = self.policy.load()
        inquiry = bundle.cedar.asked_by(principal, time_context(self.clock.now_us()))
        names = [name for name in bundle.catalogs if inquiry.may("audit", Entity("Database", name)).is_permitted]
        return Sight(
            caller,
            frozenset([*names, *_copies(bundle, frozenset(names))]),
            is_whole=bool(names) and len(names) == len(bundle.catalogs),
        )


def _copies(bundle: PolicyBundle, audited: frozenset[DatabaseName]) -> Iterator[str]:
    """The databases without a catalog in which statements of audited ones, and of no others, are tried."""
    tried_for: dict[str, set[str]] = {}
    for name, address in bundle.databases.items():
        if address.dry_run_database is not None:
            tried_for.setdefault(address.dry_run_database, set()).add(name)
    for copy, names in tried_for.items():
        if copy not in bundle.catalogs and names <= audited:
            yield copy
