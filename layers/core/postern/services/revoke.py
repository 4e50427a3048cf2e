"""Takes access away: of a task, a principal, an issuer or a database; or holds a database for maintenance.

1. The operator may: see `Operators`.
2. The event is recorded, or owed where the bucket is away.
3. A task is sent to `ending`: its next statement is refused by the one write that admits it. For anything else the
   denial is written, then every live task that it is about is sent on its way, until a pass finds no more.
4. Their worlds go, several at a time: login closed, sessions ended, role and schema dropped, proved by query, on
   record. What time does not suffice for is due to the reaper at once.

Crash points, by what is durable when the process dies:
    event          nothing is revoked; whoever asked got no answer, and asks again
    denial         nothing opens any more; the reaper finds the live tasks, as it does for every young denial
    task marked    it runs nothing any more; the reaper tears it down
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from postern.audit.revocation_bodies import revocation_event
from postern.denial_ports import Denials
from postern.denials import Denial, DenialKey, DenialKind
from postern.errors import BadRequest, Conflict, NotFound
from postern.masking.detectors import redact_text
from postern.ports import Clock, Identifiers, PolicySource, TaskStore
from postern.services.mark_tasks import Marked, MarkTasks
from postern.services.operators import Operators, Permit
from postern.services.stopwatch import Stopwatch
from postern.services.tear_down_tasks import Ended, TearDownTasks
from postern.services.told_events import ToldEvents
from postern.task_states import REVOKE
from postern.types import CommandId, Principal, Task, TaskId


@dataclass(frozen=True, slots=True)
class RevocationRequest:
    """What an operator asks for, checked for shape."""

    of: TaskId | DenialKey
    reason: str
    expires_s: int | None = None  # a denial is lifted by itself after so long


@dataclass(frozen=True, slots=True)
class Revoked:
    """What it came to. `id` is by what a denial is lifted; `is_recorded` is false where the event is still owed."""

    id: CommandId
    of: TaskId | DenialKey
    reason: str
    expires_at_s: int | None
    is_recorded: bool
    is_whole: bool  # every task that it is about was found and sent on its way
    ended: Ended


@dataclass(frozen=True, slots=True)
class Revoke:
    """The use case. `teardowns` says on record that a revocation asked, `hold_teardowns` that a hold did."""

    operators: Operators
    policy: PolicySource
    tasks: TaskStore
    denials: Denials
    events: ToldEvents
    mark: MarkTasks
    teardowns: TearDownTasks
    hold_teardowns: TearDownTasks
    identifiers: Identifiers
    clock: Clock

    def run(self, principal: Principal, request: RevocationRequest, watch: Stopwatch) -> Revoked:
        """Raises `RefusedByPolicy`, `NotFound`, `BadRequest`; then nothing was taken away.

        Raises `StateUnavailable` where the table did not take the denial or the task's mark, or its answer was lost.
        """
        if isinstance(request.of, DenialKey):
            return self._deny(principal, request, request.of, watch)
        return self._end(principal, request, request.of, watch)

    def _end(self, principal: Principal, request: RevocationRequest, task_id: TaskId, watch: Stopwatch) -> Revoked:
        task = self.tasks.get(task_id)
        permit = self._check_task(principal, task_id, task)
        event_id, reason, recorded = self._tell(principal, request, permit, ("task", task_id), None, None)
        with suppress(Conflict):  # it ends already, or has ended: what is left of its world goes all the same
            self.tasks.move(task_id, REVOKE)
        ended = self.teardowns.run([task_id], watch)
        return Revoked(event_id, task_id, reason, None, recorded, is_whole=True, ended=ended)

    def _check_task(self, principal: Principal, task_id: TaskId, task: Task | None) -> Permit:
        """Whether a task exists is told to those who may revoke somewhere."""
        permit = self.operators.check(principal, None if task is None else task.grant.database)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        return permit

    def _deny(self, principal: Principal, request: RevocationRequest, key: DenialKey, watch: Stopwatch) -> Revoked:
        permit = self.operators.check(principal, key.database)
        if key.database is not None and key.database not in self.policy.load().catalogs:
            raise BadRequest("request.invalid", f"database: expected one of the policy layer, got {key.name!r}")
        now_s = self.clock.now_us() // 1_000_000
        expires_at_s = None if request.expires_s is None else now_s + request.expires_s
        known = next((one for one in self.denials.all() if one.key == key and one.stands), None)
        event_id, reason, recorded = self._tell(
            principal, request, permit, (key.kind.value, key.name), expires_at_s, None if known is None else known.id
        )
        denial = self.denials.put(Denial(key, event_id, now_s, principal.id, reason, expires_at_s))
        marked = self.mark.run(key, watch)
        ended = self._tear_down(key, marked, watch)
        return Revoked(denial.id, key, denial.reason, denial.expires_at_s, recorded, marked.is_whole, ended)

    def _tear_down(self, key: DenialKey, marked: Marked, watch: Stopwatch) -> Ended:
        teardowns = self.hold_teardowns if key.kind is DenialKind.HOLD else self.teardowns
        return teardowns.run(marked.going, watch)

    def _tell(
        self,
        principal: Principal,
        request: RevocationRequest,
        permit: Permit,
        of: tuple[str, str],
        expires_at_s: int | None,
        known: CommandId | None,
    ) -> tuple[CommandId, str, bool]:
        now_us = self.clock.now_us()
        event_id, reason = self.identifiers.command_id(now_us), redact_text(request.reason)
        kind, name = of
        event = revocation_event(
            event_id,
            now_us,
            principal,
            revocation_id=known or event_id,
            kind=kind,
            name=name,
            reason=reason,
            expires_at_s=expires_at_s,
            policy_digest=permit.policy_digest,
            policies=permit.policies,
        )
        return event_id, reason, self.events.tell(event)
