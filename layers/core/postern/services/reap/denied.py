"""The reaper's part in denials: events that are owed, tasks that an index did not show, what is over, what is released.

For ten minutes after a denial was written its tasks are looked for again each pass: the index that tells which tasks
are open lags behind by moments, and who wrote the denial may have died in the midst. Teardowns are not done here: what
is marked is due to the timer at once. Suspended tasks whose database nothing holds any more are built again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.denial_ports import Denials, OpenTasks
from postern.denials import Denial, DenialKind, OpenTask, is_about, move_for
from postern.errors import PosternError
from postern.ports import Clock
from postern.services.rebuild_tasks import RebuildTasks
from postern.services.release import Lift
from postern.services.stopwatch import Stopwatch
from postern.services.told_events import OwedEvents
from postern.types import DatabaseName, TaskId, TaskState

LOOKED_FOR_S = 600


@dataclass(slots=True)
class Denied:
    """What a pass came to."""

    events_owed: int = 0  # that are not on record still
    marked: int = 0  # tasks that a denial had not found before
    lifted: int = 0  # whose time was up
    standing: int = 0  # that hold at the end of the pass, as far as was seen
    rebuilt: int = 0
    suspended: int = 0  # tasks that still wait for a world, of databases that nothing holds
    faults: list[PosternError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReapDenials:
    """The use case. Each part fails by itself; never raises a `PosternError`."""

    denials: Denials
    open_tasks: OpenTasks
    owed: OwedEvents
    lift: Lift
    rebuild: RebuildTasks
    clock: Clock

    def run(self, watch: Stopwatch) -> Denied:
        done = Denied()
        for part in (self._write_owed, self._lift_expired, self._look_again):
            try:
                part(done, watch)
            except PosternError as fault:
                done.faults.append(fault)
        return done

    def _write_owed(self, done: Denied, watch: Stopwatch) -> None:  # noqa: ARG002 - one signature for all parts
        _, done.events_owed = self.owed.run()

    def _lift_expired(self, done: Denied, watch: Stopwatch) -> None:  # noqa: ARG002
        for denial in self.denials.all():
            if denial.stands and denial.expires_at_s is not None and denial.expires_at_s <= self._now_s():
                done.lifted += self.lift.run(denial, None)

    def _look_again(self, done: Denied, watch: Stopwatch) -> None:
        denials = self.denials.all()
        done.standing = sum(denial.stands for denial in denials)
        if all(denial.settled for denial in denials):
            return
        tasks = self.open_tasks.all()
        found = {denial.id: self._mark(denial, tasks) for denial in denials if denial.stands and not denial.settled}
        done.marked += sum(found.values())
        for waiting in _released(denials, tasks).values():
            rebuilt = self.rebuild.build(waiting, watch)
            done.rebuilt += len(rebuilt.done)
            done.suspended += rebuilt.waiting
        for denial in denials:
            if not denial.settled and not found.get(denial.id) and self._is_over(denial, tasks):
                self.denials.settle(denial)

    def _mark(self, denial: Denial, tasks: Sequence[OpenTask]) -> int:
        moves = ((task, move_for(denial.key, task)) for task in tasks if is_about(denial.key, task))
        return sum(self.open_tasks.move(task.id, move) for task, move in moves if move is not None)

    def _is_over(self, denial: Denial, tasks: Sequence[OpenTask]) -> bool:
        if denial.lifted_at_s is None:
            return self._now_s() - denial.at_s >= LOOKED_FOR_S
        if denial.key.kind is not DenialKind.HOLD:
            return True
        waits = any(task.database == denial.key.database and _waits(task) for task in tasks)
        return not waits and self._now_s() - denial.lifted_at_s >= LOOKED_FOR_S

    def _now_s(self) -> int:
        return self.clock.now_us() // 1_000_000


def _released(denials: Sequence[Denial], tasks: Sequence[OpenTask]) -> dict[DatabaseName, list[TaskId]]:
    """The suspended tasks of each database that nothing holds."""
    held = {denial.key.database for denial in denials if denial.stands and denial.key.kind is DenialKind.HOLD}
    released: dict[DatabaseName, list[TaskId]] = {}
    for task in tasks:
        if task.state is TaskState.SUSPENDED and task.database not in held:
            released.setdefault(task.database, []).append(task.id)
    return released


def _waits(task: OpenTask) -> bool:
    """Whether it has no world and is to get one again."""
    return task.state in (TaskState.SUSPENDING, TaskState.SUSPENDED) or (
        task.state is TaskState.PROVISIONING and task.worlds > 0
    )
