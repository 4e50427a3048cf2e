"""Builds a task's world, with intent before and outcome after, and makes the task active.

Crash points, by what is durable when the process dies:
    intent written          an open intent; the task stays `provisioning` until its deadline tears it down
    world committed         the same, and the teardown drops the world
    outcome written         the same, and the log says that the world stood
    task moved to `active`  done
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit import bodies
from postern.denials import keys_against
from postern.errors import Conflict, NotFound, PosternError
from postern.ports import Clock, Identifiers, PolicySource, RecordStore, TaskStore, World, WorldDatabase
from postern.task_states import FAIL, STAND
from postern.types import CommandId, DatabaseAddress, Sha256Hex, Task, TaskId, TaskState
from postern.world.names import role_name


@dataclass(frozen=True, slots=True)
class BuildWorld:
    """The use case. Raises what refused it, after the failure is recorded and nothing stands."""

    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    worlds: WorldDatabase
    identifiers: Identifiers
    clock: Clock

    def run(self, task_id: TaskId) -> Task:
        task = self._provisioning(task_id)
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
            )
        )
        try:
            world = self.worlds.build(task.id, task.grant, address, key=self.identifiers.key())
        except PosternError as refused:
            try:
                self._record(command_id, task, intent, "failed", {"error": refused.code})
            finally:
                # Whether or not it is on record, or was closed by another who took it for dead: the task ends.
                self._give_up(task)
            raise
        return self._activate(task, address, command_id, intent, world)

    def _provisioning(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        now_s = self.clock.now_us() // 1_000_000
        if task.state is not TaskState.PROVISIONING or task.expires_at_s <= now_s:
            raise Conflict("task.state", f"task: expected it to be provisioning, got {task.state.value}")
        return task

    def _activate(
        self, task: Task, address: DatabaseAddress, command_id: CommandId, intent: Sha256Hex, world: World
    ) -> Task:
        # A world whose standing is not on record must not be used, nor one whose task was ended while it was
        # being built (its teardown may have come too early to see it): either way it is dropped again.
        try:
            self._record(command_id, task, intent, "ok", {"views": len(world.views)})
            return self.tasks.move(
                task.id,
                STAND,
                world=world,
                expires_at_s=self._expires_at_s(task),
                unless=keys_against(task.principal, task.grant.database, runs_once=task.runs_once),
            )
        except PosternError as stopped:
            self.worlds.tear_down(task.id, address)
            if not isinstance(stopped, Conflict):
                self._give_up(task)
            raise

    def _expires_at_s(self, task: Task) -> int:
        """Its time to live begins now; where its world is built again, it began when it first stood."""
        return task.expires_at_s if task.views else self.clock.now_us() // 1_000_000 + task.ttl_s

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

    def _give_up(self, task: Task) -> None:
        # Not straight to `failed`: a lost connection at COMMIT may have left a world, which the timer then drops.
        self.tasks.move(task.id, FAIL)
