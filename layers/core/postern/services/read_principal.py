"""Who the caller is to the gate, and what it may do there beside asking for tasks.

It is told so that a face shows what its user can do, and nothing is decided by it: every call is decided by itself.
What policy cannot answer without a task, `approve`, is answered as far as it goes: a database stands there where
there may be a task of somebody else's that the caller may approve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postern.denial_ports import Denials
from postern.denials import keys_against_caller
from postern.policy.entities import Entity
from postern.policy.task_context import time_context
from postern.ports import Clock, PolicySource
from postern.types import DatabaseName, Principal


@dataclass(frozen=True, slots=True)
class Rights:
    """Databases by what a principal may do in them, each sorted."""

    approve: tuple[DatabaseName, ...] = ()
    revoke: tuple[DatabaseName, ...] = ()
    audit: tuple[DatabaseName, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadPrincipal:
    """The use case. Raises `PolicyUnavailable`, `StateUnavailable`."""

    policy: PolicySource
    denials: Denials
    clock: Clock

    def rights(self, principal: Principal) -> Rights:
        """What policy lets this principal do now; who is denied may do nothing."""
        if self.denials.standing(keys_against_caller(principal)) is not None:
            return Rights()
        bundle = self.policy.load()
        asked = bundle.cedar.asked_by(principal, time_context(self.clock.now_us()))
        names = sorted(bundle.catalogs)
        audit = _where(names, lambda database: asked.may("audit", database).is_permitted)
        if principal.on_behalf_of is not None:
            return Rights(audit=audit)  # what acts for somebody approves and revokes nothing, whatever policy says
        return Rights(
            approve=_where(names, lambda database: asked.might("approve", database)),
            revoke=_where(names, lambda database: asked.may("revoke", database).is_permitted),
            audit=audit,
        )


def _where(names: list[DatabaseName], holds: Callable[[Entity], bool]) -> tuple[DatabaseName, ...]:
    return tuple(name for name in names if holds(Entity("Database", name)))
