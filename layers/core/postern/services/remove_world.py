"""Removes a task's world: done first, then recorded, and taken up again until it is both.

Removing access never waits for evidence. Where the intent cannot be written the teardown runs all the
same; the task then stays `ending`, and the next run of the timer finds nothing left to drop and records it.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit import bodies
from postern.errors import (
    Conflict,
    DatabaseUnavailable,
    EvidenceUnavailable,
    IntegrityError,
    NotFound,
    PosternError,
)
from postern.ports import Clock, Identifiers, PolicySource, RecordStore, TaskStore, TeardownProof, WorldDatabase
from postern.task_states import close_as
from postern.types import CommandId, DatabaseAddress, Sha256Hex, Task, TaskId, TaskState
from postern.world.names import role_name


@dataclass(frozen=True, slots=True)
class RemoveWorld:
    """The use case. Raises `DatabaseUnavailable` or `EvidenceUnavailable`; the task then stays `ending`."""

    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    worlds: WorldDatabase
    identifiers: Identifiers
    clock: Clock

    def run(self, task_id: TaskId, *, by: str) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        if task.state.is_final:
            return task
        address = self.policy.load().address(task.grant.database)
        command_id = self.identifiers.command_id(self.clock.now_us())
        unrecorded: PosternError | None = None
        intent: Sha256Hex | None = None
        try:
            intent = self._intend(task, address, command_id, by)
        except (EvidenceUnavailable, IntegrityError) as away:
            unrecorded = away
        try:
            proof = self._drop(task, address)
        except DatabaseUnavailable as away:
            if intent is not None:
                self._record(task, command_id, intent, "failed", {"error": away.code})
            raise
        if intent is None:
            raise unrecorded or EvidenceUnavailable("evidence.unavailable", "the teardown is not on record yet")
        self._record(task, command_id, intent, "ok", _proof_member(proof))
        return self._close(task)

    def _drop(self, task: Task, address: DatabaseAddress) -> TeardownProof:
        proof = self.worlds.tear_down(task.id, address)
        if not proof.is_clean:
            raise DatabaseUnavailable(
                "database.unavailable", f"teardown of {role_name(task.id)}: expected nothing left, got {proof}"
            )
        return proof

    def _close(self, task: Task) -> Task:
        try:
            return self.tasks.move(task.id, close_as(task.ends_as or TaskState.ENDED))
        except Conflict:
            # A second teardown of the same task, by the timer or the principal, came first: that is as good.
            closed = self.tasks.get(task.id)
            if closed is None or not closed.state.is_final:
                raise
            return closed

    def _intend(self, task: Task, address: DatabaseAddress, command_id: CommandId, by: str) -> Sha256Hex:
        return self.records.put(
            bodies.world_intent(
                "teardown",
                command_id,
                self.clock.now_us(),
                task,
                target=bodies.target_member(address, role_name(task.id)),
                by=by,
            )
        )

    def _record(
        self, task: Task, command_id: CommandId, intent: Sha256Hex, status: str, result: dict[str, object]
    ) -> None:
        self.records.put(
            bodies.world_outcome(
                "teardown", command_id, self.clock.now_us(), task.id, intent, status=status, result=result
            )
        )


def _proof_member(proof: TeardownProof) -> dict[str, object]:
    left = {"sessions": proof.sessions, "schemas": proof.schemas, "roles": proof.roles, "keys": proof.keys}
    return {"left": left, "terminated": proof.terminated}
