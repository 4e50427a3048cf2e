"""Builds a task's world, with intent before and outcome after, and makes the task active.

Crash points, by what is durable when the process dies:
    intent written          an open intent; the task stays `provisioning` until its deadline tears it down
    world committed         the same, and the teardown drops the world
    outcome written         the same, and the log says that the world stood
    task moved to `active`  done

It believes nobody about what to build: the function that runs statements writes a task's items. So it reads what was
decided about the task, which that function cannot write, and builds only what people or policy said yes to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.approval_ports import ApprovalStore
from postern.approvals import TaskApprovals
from postern.audit import bodies
from postern.audit.approval_bodies import decided_member
from postern.denials import keys_against
from postern.errors import Conflict, NotFound, PosternError, UpstreamError
from postern.policy.decide_statements import check_consent, run_as
from postern.policy.decided import check_decided, check_in_time, ends_by_s
from postern.ports import Clock, Identifiers, PolicySource, RecordStore, TaskStore, World, WorldDatabase
from postern.task_states import FAIL, REVOKE, STAND, SUSPEND
from postern.types import CommandId, DatabaseAddress, Sha256Hex, Task, TaskId, TaskState
from postern.world.names import role_name

_HAS_WORLD = frozenset({TaskState.PROVISIONING, TaskState.ACTIVE})


@dataclass(frozen=True, slots=True)
class BuildWorld:
    """The use case. Raises what refused it, after the failure is recorded and nothing stands."""

    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    worlds: WorldDatabase
    identifiers: Identifiers
    clock: Clock
    approvals: ApprovalStore

    def run(self, task_id: TaskId) -> Task:
        task = self._provisioning(task_id)
        decided = self.approvals.get(task_id)
        address = self.policy.load().address(task.grant.database)
        command_id = self.identifiers.command_id(self.clock.now_us())
        intent = self.records.put(
            bodies.world_intent(
                "provision",
                command_id,
                self.clock.now_us(),
                task,
                target=bodies.target_member(address, role_name(task.id)),
                by="principal",
                approval=None if decided is None else decided_member(decided),
            )
        )
        try:
            yes = check_decided(task, decided)
            check_in_time(task, yes, now_s=self.clock.now_us() // 1_000_000)
            world = self._build(task, address, yes)
        except PosternError as refused:
            try:
                self._record(command_id, task, intent, "failed", {"error": refused.code})
            finally:
                # Whether or not it is on record, or was closed by another who took it for dead: the task ends. But
                # where a world stands already, another builds for it: the task is that one's, or its deadline's.
                if refused.code != "task.state":
                    self._give_up(task, refused)
            raise
        return self._activate(task, yes, address, command_id, intent, world)

    def _build(self, task: Task, address: DatabaseAddress, decided: TaskApprovals) -> World:
        key = self.identifiers.key()

        def still_wanted() -> None:
            # Read again, since whoever ended the task may have torn it down already, and found nothing.
            self._provisioning(task.id)

        if not task.runs_once:
            return self.worlds.build(task.id, task.grant, address, key=key, still_wanted=still_wanted)
        bundle = self.policy.load()
        check_consent(bundle, task, decided)
        owner_role = run_as(bundle, task)
        return self.worlds.build_run_role(task.id, owner_role, address, key=key, still_wanted=still_wanted)

    def _provisioning(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        now_s = self.clock.now_us() // 1_000_000
        if task.state is not TaskState.PROVISIONING or task.expires_at_s <= now_s:
            raise Conflict("task.state", f"task: expected it to be provisioning, got {task.state.value}")
        return task

    def _activate(
        self,
        task: Task,
        decided: TaskApprovals,
        address: DatabaseAddress,
        command_id: CommandId,
        intent: Sha256Hex,
        world: World,
    ) -> Task:
        # A world whose standing is not on record must not be used, nor one whose task was ended while it was
        # being built (its teardown may have come too early to see it): either way it is dropped again.
        try:
            self._record(command_id, task, intent, "ok", {"views": len(world.views)})
            return self.tasks.move(
                task.id,
                STAND,
                world=replace(world, address=address),
                expires_at_s=self._expires_at_s(task, decided),
                unless=keys_against(task.principal, task.grant.database, runs_once=task.runs_once),
                # Not if it was torn down since, for a hold that was released: then another build is at it.
                teardowns=task.teardowns,
            )
        except PosternError as stopped:
            if (stood := self._stood(task, stopped)) is not None:
                return stood
            try:
                # Where somebody else moved it, it is on its way. First, so that who dies in between leaves the timer
                # something to do, and no active task without a world: the move that failed may have been made.
                if not isinstance(stopped, Conflict) or stopped.code == "task.revoked":
                    self._give_up(task, stopped)
            finally:
                self._drop(task, address)
            raise

    def _drop(self, task: Task, address: DatabaseAddress) -> None:
        """Drops the world that was built, unless another stands in its place: of a hold that ended meanwhile."""

        def still_goes() -> None:
            # Behind the row for which another build would wait. To be rebuilt the task was torn down first, so where
            # it is to have a world, it is not the one that this build made.
            stored = self.tasks.get(task.id)
            if stored is not None and stored.state in _HAS_WORLD:
                raise Conflict("task.state", f"task: expected its world to go, got {stored.state.value}")

        self.worlds.tear_down(task.id, address, still_goes)

    def _stood(self, task: Task, stopped: PosternError) -> Task | None:
        """The task, where it is active: the move was made unheard, or another built its world after a hold."""
        if not isinstance(stopped, Conflict | UpstreamError):
            return None
        try:
            stored = self.tasks.get(task.id)
        except UpstreamError:
            return None  # nothing is known of it: what stopped the build is told, and no world is left to be used
        return stored if stored is not None and stored.state is TaskState.ACTIVE else None

    def _expires_at_s(self, task: Task, decided: TaskApprovals) -> int:
        """Its time to live begins now; where its world is built again, it began when it first stood."""
        fresh_s = min(self.clock.now_us() // 1_000_000 + task.ttl_s, ends_by_s(task, decided))
        return min(task.expires_at_s, fresh_s) if task.worlds else fresh_s

    def _record(
        self, command_id: CommandId, task: Task, intent: Sha256Hex, status: str, result: dict[str, object]
    ) -> None:
        self.records.put(
            bodies.world_outcome(
                "provision",
                command_id,
                self.clock.now_us(),
                task.id,
                intent,
                status=status,
                result=result,
            )
        )

    def _give_up(self, task: Task, stopped: PosternError) -> None:
        # Not straight to `failed`: a lost connection at COMMIT may have left a world, which the timer then drops.
        if stopped.code == "task.revoked":
            self.tasks.move(task.id, REVOKE)
        elif task.worlds and isinstance(stopped, UpstreamError | Conflict):
            # It has stood before, and did nothing wrong: it is built again once what is away answers, or once a
            # teardown that was still under way has ended.
            self.tasks.move(task.id, SUSPEND)
        else:
            self.tasks.move(task.id, FAIL)
