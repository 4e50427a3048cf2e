"""Records a deploy before its traffic moves: once, however many functions ask and however often.

Each function of a stack update is a deployment of its own to CodeDeploy and asks here. The first fixes the record's id
and time in the note, and writes it; the others find it done. Crash points, by what is durable when the process dies:

    nothing          the next to ask begins anew
    note put         the next to ask writes the record under the same id
    record written   the next to ask finds the id taken, and marks the note
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.audit.deploy_bodies import Deployed, deploy_event
from postern.deploy_ports import Authorities, Build, DeployNote, DeployNotes
from postern.errors import StateUnavailable
from postern.ports import Clock, Identifiers, PolicySource, RecordStore
from postern.services.reap.fixed_events import put_fixed

REDATED_AFTER_US = 600_000_000  # an id is for a record of its time: see docs/adr/0015
ATTEMPTS = 10  # at the note: each function of an update may change it once between our read and our write


@dataclass(frozen=True, slots=True)
class RecordDeploy:
    """One deployment's."""

    policy: PolicySource
    build: Build
    authorities: Authorities
    notes: DeployNotes
    records: RecordStore
    identifiers: Identifiers
    clock: Clock

    def run(self, deployment_id: str | None) -> DeployNote:
        """The note, once its record is durable. Without that nothing may go on.

        Raises `PolicyUnavailable` where what was deployed cannot work (no policy, no authorities, no build facts),
        `EvidenceUnavailable` and `StateUnavailable` where it cannot be recorded.
        """
        after = self._deployed()
        for _ in range(ATTEMPTS):
            note = self.notes.get()
            if note is None or note.after != after or self._is_stale(note):
                note = self._next(note, after, deployment_id)
                if not self.notes.put(note):
                    continue
            if note.is_recorded:
                return note
            recorded = self._write(note)
            if recorded is not None:
                return recorded
        raise StateUnavailable(
            "state.unavailable", "deploy: expected to note it, others noted one each time: try again"
        )

    def _deployed(self) -> Deployed:
        bundle = self.policy.load()
        facts = self.build.facts()
        return Deployed(
            version=facts.version,
            code=facts.code,
            template=facts.template,
            policy=bundle.digest,
            authorities=self.authorities.digests(bundle.databases.values()),
        )

    def _is_stale(self, note: DeployNote) -> bool:
        """Whether its record was never written and its id has grown too old for one."""
        return not note.is_recorded and self.clock.now_us() - note.time_us > REDATED_AFTER_US

    def _next(self, note: DeployNote | None, after: Deployed, deployment_id: str | None) -> DeployNote:
        now_us = self.clock.now_us()
        fixed = DeployNote(self.identifiers.command_id(now_us), now_us, after, deployment_id=deployment_id)
        if note is None:
            return fixed
        # A deploy that was never recorded got no traffic: what stood before it still does.
        before = note.after if note.is_recorded else note.before
        return replace(fixed, before=before, revision=note.revision + 1)

    def _write(self, note: DeployNote) -> DeployNote | None:
        """The note once it says that its record is durable; None where another changed the note meanwhile."""
        event = deploy_event(
            note.event_id, note.time_us, before=note.before, after=note.after, deployment_id=note.deployment_id
        )
        put_fixed(self.records, event)
        recorded = replace(note, is_recorded=True, revision=note.revision + 1)
        return recorded if self.notes.put(recorded) else None
