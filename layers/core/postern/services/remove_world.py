"""Removes a task's world: done first, then recorded, and taken up again until it is both.

Removing access never waits for evidence. Where the intent cannot be written the teardown runs all the
same; the task then stays `ending`, and the next run of the timer finds nothing left to drop and records it.

A task that ends is closed then. One that is `suspending`, since its database is held, is `suspended` instead and gets
another world later. It may have one again by the time a slow second teardown of the first begins: so the state is
looked at once more when the database is reached, before anything there is touched.

Where a world is: the policy layer's address of the database, which is reviewed. What the task keeps counts only where
the layer does not know the database any more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from postern.audit import bodies
from postern.errors import (
    Conflict,
    DatabaseUnavailable,
    EvidenceUnavailable,
    IntegrityError,
    NotFound,
    PolicyUnavailable,
    PosternError,
    UpstreamError,
)
from postern.ports import (
    Clock,
    Identifiers,
    PolicySource,
    RecordStore,
    TaskStore,
    TeardownProof,
    TornDown,
    WorldDatabase,
)
from postern.services.dry_run_roles import DryRunRole
from postern.task_states import DROP, Move, close_as
from postern.types import CommandId, DatabaseAddress, Sha256Hex, Task, TaskId, TaskState
from postern.world.names import role_name

_GOES = frozenset({TaskState.ENDING, TaskState.SUSPENDING})


@dataclass(frozen=True, slots=True)
class RemoveWorld:
    """The use case. Raises `DatabaseUnavailable` or `EvidenceUnavailable`; the task then stays as it is."""

    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    worlds: WorldDatabase
    identifiers: Identifiers
    clock: Clock
    dry_runs: DryRunRole | None = None  # where tasks of statements may have left something of a trial

    def run(self, task_id: TaskId, *, by: str) -> TornDown:
        """Raises `Conflict` (`task.state`), and touches nothing, where the task's world is to stay."""
        task = self._stored(task_id)
        if task.state.is_final or task.state is TaskState.SUSPENDED:
            return TornDown(task.state)
        self._check_goes(task)
        address = self._address(task)
        try:
            proof = self._remove(task, address, by)
        finally:
            # Whatever stopped it: a role of a trial is access too, and may stand in another database.
            if self.dry_runs is not None:
                self.dry_runs.remove_all(task, by=by)
        return TornDown(self._close(task), proof)

    def _remove(self, task: Task, address: DatabaseAddress, by: str) -> TeardownProof:
        """Drops the world, then says so on record. Raises what kept it from either."""
        command_id = self.identifiers.command_id(self.clock.now_us())
        unrecorded: PosternError | None = None
        intent: Sha256Hex | None = None
        try:
            intent = self._intend(task, address, command_id, by)
        except (EvidenceUnavailable, IntegrityError) as away:
            unrecorded = away
        try:
            proof = self._drop(task, address)
        except (UpstreamError, Conflict) as away:
            if intent is not None:
                self._record(task, command_id, intent, "failed", {"error": away.code})
            raise
        if intent is None:
            raise unrecorded or EvidenceUnavailable("evidence.unavailable", "the teardown is not on record yet")
        self._record(task, command_id, intent, "ok", proof_member(proof))
        return proof

    def _stored(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        return task

    def _check_goes(self, task: Task) -> None:
        if task.state not in _GOES:
            raise Conflict("task.state", f"task: expected its world to go, got {task.state.value}: end it first")

    def _address(self, task: Task) -> DatabaseAddress:
        try:
            return self.policy.load().address(task.grant.database)
        except PolicyUnavailable:
            if task.address is None:
                raise
            return task.address

    def _drop(self, task: Task, address: DatabaseAddress) -> TeardownProof:
        def still_goes() -> None:
            if task.state is TaskState.SUSPENDING:
                self._check_goes(self._stored(task.id))

        proof = self.worlds.tear_down(task.id, address, still_goes)
        if not proof.is_clean:
            raise DatabaseUnavailable(
                "database.unavailable", f"teardown of {role_name(task.id)}: expected nothing left, got {proof}"
            )
        return proof

    def _close(self, task: Task) -> TaskState:
        is_suspending = task.state is TaskState.SUSPENDING
        move: Move = DROP if is_suspending else close_as(task.ends_as or TaskState.ENDED)
        try:
            return self.tasks.move(task.id, move).state
        except Conflict:
            # A second teardown of the same task, by the timer or the principal, came first: that is as good. Or
            # one that was suspended is to end by now: there is nothing left of it, and the timer closes it.
            closed = self._stored(task.id)
            if not closed.state.is_final and not is_suspending:
                raise
            return closed.state

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


def proof_member(proof: TeardownProof) -> dict[str, object]:
    """What a teardown's outcome says."""
    left = {"sessions": proof.sessions, "schemas": proof.schemas, "roles": proof.roles, "keys": proof.keys}
    return {"left": left, "terminated": proof.terminated, "steps": asdict(proof.steps)}
