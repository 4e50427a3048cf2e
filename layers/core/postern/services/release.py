"""Lifts a denial, or releases a held database, whose tasks then get their worlds back.

Giving access back waits for evidence: what is not on record is not lifted. A hold's tasks are built again as many as
the call has time for and the database's rate allows; the reaper does the rest. Their deadlines have gone on meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.revocation_bodies import release_event
from postern.denial_ports import Denials
from postern.denials import Denial, DenialKind
from postern.errors import NotFound
from postern.ports import Clock, Identifiers, RecordStore
from postern.services.operators import Operators
from postern.services.rebuild_tasks import RebuildTasks, Rebuilt
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId, DatabaseName, Principal


@dataclass(frozen=True, slots=True)
class Released:
    """The denial that stands no more, and of a hold which tasks have a world again."""

    denial: Denial
    rebuilt: Rebuilt


@dataclass(frozen=True, slots=True)
class Lift:
    """Records that a denial is lifted, then lifts it. Raises `EvidenceUnavailable`, `StateUnavailable`."""

    denials: Denials
    records: RecordStore
    identifiers: Identifiers
    clock: Clock

    def run(self, denial: Denial, principal: Principal | None) -> bool:
        """Without a principal its time is up; False where an operator has made it longer meanwhile. Idempotent."""
        now_us = self.clock.now_us()
        self.records.put(
            release_event(
                self.identifiers.command_id(now_us),
                now_us,
                principal,
                revocation_id=denial.id,
                kind=denial.key.kind.value,
                name=denial.key.name,
            )
        )
        return self.denials.lift(denial, now_s=now_us // 1_000_000, if_over=principal is None)


@dataclass(frozen=True, slots=True)
class Release:
    """The use case."""

    operators: Operators
    denials: Denials
    lift: Lift
    rebuild: RebuildTasks

    def run(self, principal: Principal, denial_id: CommandId, watch: Stopwatch) -> Released:
        """Raises `NotFound`, `RefusedByPolicy`, `EvidenceUnavailable`, `StateUnavailable`; then it stands as before."""
        denial = next((one for one in self.denials.all() if one.id == denial_id and one.stands), None)
        self.operators.check(principal, None if denial is None else denial.key.database)
        if denial is None:
            raise NotFound("revocation.unknown", f"revocation: expected one that stands, got {denial_id!r}: list them")
        self.lift.run(denial, principal)
        if denial.key.kind is not DenialKind.HOLD:
            return Released(denial, Rebuilt())
        return Released(denial, self.rebuild.run(DatabaseName(denial.key.name), watch))
