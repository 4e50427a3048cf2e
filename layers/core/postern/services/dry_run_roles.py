"""The role of a dry run, made and dropped by the function that alone may, each with intent and outcome."""

from __future__ import annotations

from dataclasses import dataclass

from postern.approval_ports import ApprovalStore
from postern.audit import bodies
from postern.errors import Conflict, DatabaseUnavailable, EvidenceUnavailable, IntegrityError, PosternError
from postern.policy.decide_statements import check_opened, run_as
from postern.ports import Clock, Identifiers, PolicySource, RecordStore, TaskStore, WorldDatabase
from postern.run_ports import Runs
from postern.services.dry_run_address import tried_at
from postern.types import CommandId, DatabaseAddress, Sha256Hex, Task, TaskId, TaskState
from postern.world.names import role_name


@dataclass(frozen=True, slots=True)
class DryRunRole:
    """Both use cases. What they do stands before it is on record where it removes access, after it otherwise."""

    policy: PolicySource
    tasks: TaskStore
    runs: Runs
    records: RecordStore
    worlds: WorldDatabase
    identifiers: Identifiers
    clock: Clock
    approvals: ApprovalStore

    def build(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        """Makes the role, for a dry run that was claimed by a task that waits, as it was opened.

        Raises what stopped it.
        """
        task = self._waiting(task_id, dry_run_id)
        check_opened(task, self.approvals.get(task_id))
        bundle = self.policy.load()
        owner_role, address = run_as(bundle, task), tried_at(bundle, task)
        command_id, intent = self._intend("provision", task, dry_run_id, address, by="dry_run")
        try:
            self.worlds.build_run_role(
                dry_run_id,
                owner_role,
                address,
                key=self.identifiers.key(),
                still_wanted=lambda: self._check_waits(task_id, dry_run_id),
                dry_run_of=task_id,
            )
        except PosternError as refused:
            self._record("provision", command_id, task, intent, "failed", {"error": refused.code})
            raise
        try:
            self._record("provision", command_id, task, intent, "ok", {"views": 0})
            # Whatever ended the task meanwhile may have looked for this role too early.
            self._check_waits(task_id, dry_run_id)
        except PosternError:
            self.worlds.tear_down(dry_run_id, address)
            raise

    def remove(self, task: Task, dry_run_id: TaskId, *, by: str = "dry_run") -> None:
        """Ends its session and drops it, proved by query. Raises `DatabaseUnavailable`; then it is tried again."""
        address = tried_at(self.policy.load(), task)
        unrecorded: PosternError | None = None
        intended: tuple[CommandId, Sha256Hex] | None = None
        try:
            intended = self._intend("teardown", task, dry_run_id, address, by=by)
        except (EvidenceUnavailable, IntegrityError) as away:
            unrecorded = away
        proof = self.worlds.tear_down(dry_run_id, address)
        if not proof.is_clean:
            role = role_name(dry_run_id)
            raise DatabaseUnavailable("database.unavailable", f"teardown of {role}: expected nothing left, got {proof}")
        if unrecorded is not None or intended is None:
            raise unrecorded or EvidenceUnavailable("evidence.unavailable", "the teardown is not on record yet")
        left = {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0}
        self._record("teardown", intended[0], task, intended[1], "ok", {"left": left, "terminated": proof.terminated})
        self.runs.end_dry_run(task.id, dry_run_id)

    def remove_of(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        """As `remove`, for a dry run of this task that has not ended; nothing where it has."""
        task = self.tasks.get(task_id)
        if task is not None and dry_run_id in self.runs.standing_dry_runs(task_id):
            self.remove(task, dry_run_id)

    def remove_all(self, task: Task, *, by: str) -> None:
        """Drops whatever dry runs of a task that ends may have left: each that can be, then raises what stopped one."""
        if not task.runs_once:
            return
        stopped: PosternError | None = None
        for dry_run_id in sorted(self.runs.standing_dry_runs(task.id)):
            try:
                self.remove(task, dry_run_id, by=by)
            except PosternError as away:
                stopped = stopped or away
        if stopped is not None:
            raise stopped

    def _check_waits(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        self._waiting(task_id, dry_run_id)

    def _waiting(self, task_id: TaskId, dry_run_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        waits = task is not None and task.state is TaskState.PENDING_APPROVAL and task.runs_once
        if task is None or not waits or dry_run_id not in self.runs.standing_dry_runs(task_id):
            raise Conflict("task.state", "dry run: expected one of a task that waits for approval")
        return task

    def _intend(
        self, kind: str, task: Task, dry_run_id: TaskId, address: DatabaseAddress, *, by: str
    ) -> tuple[CommandId, Sha256Hex]:
        now_us = self.clock.now_us()
        command_id = self.identifiers.command_id(now_us)
        target = bodies.target_member(address, role_name(dry_run_id))
        return command_id, self.records.put(bodies.world_intent(kind, command_id, now_us, task, target=target, by=by))

    def _record(
        self, kind: str, command_id: CommandId, task: Task, intent: Sha256Hex, status: str, result: dict[str, object]
    ) -> None:
        now_us = self.clock.now_us()
        self.records.put(bodies.world_outcome(kind, command_id, now_us, task.id, intent, status=status, result=result))
