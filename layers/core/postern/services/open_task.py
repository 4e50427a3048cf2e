"""Opens a task: policy decides, the grant is recorded, the world is built, the caller waits for it.

Crash points: after the grant's record and before the task's item, a grant without a task stays in the
log: harmless. After the item and before the world stands, the task is `provisioning`; its deadline ends
it and the teardown drops whatever came to stand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.audit import bodies
from postern.errors import DatabaseUnavailable, PosternError, RefusedByPolicy
from postern.masking.detectors import redact_text
from postern.policy.approvals import needed_approvals
from postern.policy.bundle import PolicyBundle
from postern.policy.decide import decide
from postern.policy.decided import BUILDING_S
from postern.policy.requests import Denied, Granted, TaskRequest
from postern.policy.scope_digest import scope_digest
from postern.ports import Clock, Identifiers, PolicySource, Provisioner, RecordStore, TaskStore
from postern.services.admit_task import AdmitTask
from postern.types import Principal, Sha256Hex, Task, TaskState

APPROVAL_WAIT_S = 86_400  # for as long a person may approve it


@dataclass(frozen=True, slots=True)
class OpenTask:
    """The use case. Raises `RefusedByPolicy` naming each refused part, or an `UpstreamError` and opens nothing.

    Raises what `AdmitTask` raises before anything is on record.
    """

    policy: PolicySource
    tasks: TaskStore
    admit: AdmitTask
    records: RecordStore
    provisioner: Provisioner
    identifiers: Identifiers
    clock: Clock

    def run(self, principal: Principal, request: TaskRequest) -> Task:
        now_us = self.clock.now_us()
        request = replace(
            request,
            purpose=redact_text(request.purpose),
            ticket=None if request.ticket is None else redact_text(request.ticket),
        )
        bundle = self.policy.load()
        now_s = now_us // 1_000_000
        self.admit.opening(bundle, principal, request, now_s=now_s)
        decision = decide(bundle, principal, request, now_us=now_us)
        if isinstance(decision, Denied):
            raise self._refuse(principal, request, decision, bundle.digest, now_us)
        task = self._task(principal, request, decision, bundle, now_us)
        self.admit.creating(bundle, task, now_s=now_s)
        self.records.put(
            bodies.grant_event(
                self.identifiers.command_id(now_us),
                now_us,
                task,
                needs_approval=decision.needs_approval,
                reasons=decision.reasons,
            )
        )
        self.tasks.create(task)
        if task.state is TaskState.PENDING_APPROVAL:
            return task
        self.provisioner.provision(task.id)
        return self._standing(task)

    def _task(
        self, principal: Principal, request: TaskRequest, decision: Granted, bundle: PolicyBundle, now_us: int
    ) -> Task:
        now_s = now_us // 1_000_000
        needed = needed_approvals(bundle.approvals, decision.grant, request.statements)
        task = Task(
            id=self.identifiers.task_id(),
            state=TaskState.PENDING_APPROVAL if decision.needs_approval else TaskState.PROVISIONING,
            principal=principal,
            purpose=request.purpose,
            ticket=request.ticket,
            grant=decision.grant,
            created_at_s=now_s,
            expires_at_s=now_s + (APPROVAL_WAIT_S if decision.needs_approval else BUILDING_S),
            budgets=request.budgets,
            ttl_s=request.ttl_s,
            approvals_needed=needed if decision.needs_approval else 0,
            statements=request.statements,
            scope_salt=self.identifiers.key().hex(),
            address=bundle.address(decision.grant.database),
        )
        return replace(task, scope_digest=scope_digest(task))

    def _refuse(
        self, principal: Principal, request: TaskRequest, decision: Denied, policy_digest: Sha256Hex, now_us: int
    ) -> PosternError:
        event_id = self.identifiers.command_id(now_us)
        self.records.put(
            bodies.refusal_event(
                event_id,
                now_us,
                principal,
                database=request.database,
                purpose=request.purpose,
                ticket=request.ticket,
                refusals=decision.refusals,
                policy_digest=policy_digest,
            )
        )
        return RefusedByPolicy(
            "policy.refused",
            "a part of the request is not allowed: leave out what `refusals` names, or ask for something else",
            refusals=decision.refusals,
            command_id=event_id,
        )

    def _standing(self, task: Task) -> Task:
        stored = self.tasks.get(task.id)
        if stored is None or stored.state is not TaskState.ACTIVE:
            raise DatabaseUnavailable("task.failed", "the task's world does not stand: open a new task")
        return stored
