"""Drops the roles of tasks that no live task of this deployment owns. Asked by the timer, for one database at a time.

Nothing should be left for it. It is there for what no teardown knows of: the role of a dry run whose function died, a
world that came back when a database was restored from a backup, one that stands past everything that was consented to.

Whose a role is, the mark on it says (`world/role_marks.py`); whether its task lives, the state table, read strongly
consistent after the roles were listed. A task's item is there before its role, and a final state is final, so a role
that was listed and whose task is final by then is nobody's. A state that may change again is asked for once more
behind the row of the task's key, for which a build of it would wait.

Removing access never waits for evidence: where the intent cannot be written the role is shut all the same, but it is
not dropped. So the next look finds it, and puts on record that it goes.

Crash points, by what is durable when the process dies:
    intent written   an open intent, which the reaper closes; the next look finds the role
    role dropped     the same, and the role is gone; the intent says who dropped it
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import assert_never

from postern.approval_ports import ApprovalStore
from postern.audit import bodies
from postern.audit.sweep_bodies import sweep_intent
from postern.errors import (
    Conflict,
    DatabaseUnavailable,
    EvidenceUnavailable,
    IntegrityError,
    PosternError,
    UpstreamError,
)
from postern.policy.decided import LONGEST_TTL_S, is_past_consent
from postern.ports import (
    Clock,
    Identifiers,
    Maker,
    PolicySource,
    RecordStore,
    StandingRole,
    TaskStore,
    WorldDatabase,
)
from postern.run_ports import Runs
from postern.services.dry_run_start import DEAD_AFTER_S
from postern.services.remove_world import proof_member
from postern.services.stopwatch import Stopwatch
from postern.sweep_ports import Swept
from postern.task_states import EXPIRE
from postern.types import CommandId, DatabaseAddress, DatabaseName, Sha256Hex, Task, TaskId, TaskState
from postern.world.names import role_name

BUDGET_S = 20.0  # of one look: who asks waits for 26
LEAST_LEFT_S = 6.0  # of it, below which no teardown is begun
FORGOTTEN_AFTER_S = LONGEST_TTL_S + 3600  # age from which no task lives that a role could be of
# States in which a task has no role. From the last two it may get one, so they are asked for again before each step.
_WITHOUT_ROLE = frozenset({TaskState.PENDING_APPROVAL, TaskState.SUSPENDED})


class Verdict(StrEnum):
    """What is to become of a role."""

    LIVES = "lives"
    STRAY = "stray"
    OVERDUE = "overdue"  # its task's items say that it lives, and what was consented to is over
    UNKNOWN = "unknown"  # nobody wrote down whose it is, or we should know its task and do not
    ANOTHER = "another"

    @property
    def goes(self) -> bool:
        return self in (Verdict.STRAY, Verdict.OVERDUE)


@dataclass(frozen=True, slots=True)
class SweepRoles:
    """The use case. One role that cannot be dropped does not keep the others."""

    policy: PolicySource
    tasks: TaskStore
    approvals: ApprovalStore
    runs: Runs
    records: RecordStore
    worlds: WorldDatabase
    identifiers: Identifiers
    clock: Clock

    def run(self, database: DatabaseName) -> Swept:
        """Raises `DatabaseUnavailable` where the database cannot be looked at, `PolicyUnavailable`."""
        watch = Stopwatch(self.clock, budget_s=BUDGET_S)
        address = self.policy.load().address(database)
        found = self.worlds.roles(address)
        verdicts: Counter[Verdict] = Counter()
        dropped: list[TaskId] = []
        left: list[tuple[TaskId, str]] = []
        for looked, role in enumerate(found):
            if watch.left_s() < LEAST_LEFT_S:
                return _swept(looked, dropped, left, verdicts, unlooked=len(found) - looked)
            try:
                verdict = self._judge(role)
                verdicts[verdict] += 1
                if verdict.goes and self._drop(role, verdict, address):
                    dropped.append(role.id)
            except PosternError as stopped:
                left.append((role.id, stopped.code))
        return _swept(len(found), dropped, left, verdicts, unlooked=0)

    def _judge(self, role: StandingRole) -> Verdict:
        match role.maker:
            case Maker.ANOTHER:
                return Verdict.ANOTHER
            case Maker.OURS if role.dry_run_of is not None:
                return self._judge_dry_run(role, role.dry_run_of)
            case Maker.OURS | Maker.UNKNOWN:
                return self._judge_task(role)
            case _:
                assert_never(role.maker)

    def _judge_task(self, role: StandingRole) -> Verdict:
        task = self.tasks.get(role.id)
        if task is None:
            # Forgotten, weeks after it ended: then it is older than any task that lives, whoever's it may be after all.
            is_old = role.age_s is not None and role.age_s >= FORGOTTEN_AFTER_S
            return Verdict.STRAY if role.maker is Maker.OURS and is_old else Verdict.UNKNOWN
        if task.state.is_final or task.state in _WITHOUT_ROLE:
            return Verdict.STRAY
        # The function that runs statements writes a task's items, and none of what was decided about it.
        decided = self.approvals.get(task.id)
        now_s = self.clock.now_us() // 1_000_000
        is_over = decided is not None and is_past_consent(task, decided, now_s=now_s)
        return Verdict.OVERDUE if is_over else Verdict.LIVES

    def _judge_dry_run(self, role: StandingRole, task_id: TaskId) -> Verdict:
        task = self.tasks.get(task_id)
        # By the database's clock, from the moment at which the role was made: nobody can write that.
        if role.age_s is None or role.age_s >= DEAD_AFTER_S:
            return Verdict.STRAY
        if task is None:
            return Verdict.UNKNOWN
        is_over = task.state.is_final or role.id not in self.runs.standing_dry_runs(task_id)
        return Verdict.STRAY if is_over else Verdict.LIVES

    def _drop(self, role: StandingRole, verdict: Verdict, address: DatabaseAddress) -> bool:
        """False where it lives after all: nothing was touched then."""
        owner = role.dry_run_of or role.id
        task = self.tasks.get(owner)
        if verdict is Verdict.OVERDUE:
            with suppress(Conflict):  # its world goes already
                self.tasks.move(role.id, EXPIRE)
        try:
            self._tear_down(role, owner, task, address)
        except Conflict:
            return False
        if role.dry_run_of is not None and task is not None:
            self.runs.end_dry_run(owner, role.id)
        return True

    def _tear_down(self, role: StandingRole, owner: TaskId, task: Task | None, address: DatabaseAddress) -> None:
        """Drops it, with intent and outcome. Raises what kept it from either; `Conflict` where it lives after all."""
        now_us = self.clock.now_us()
        command_id = self.identifiers.command_id(now_us)
        target = bodies.target_member(address, role_name(role.id))
        try:
            intent = self.records.put(sweep_intent(command_id, now_us, owner, task, target=target))
        except (EvidenceUnavailable, IntegrityError):
            self.worlds.shut(role.id, address, partial(self._check_goes, role))
            raise
        try:
            proof = self.worlds.tear_down(role.id, address, partial(self._check_goes, role))
            if not proof.is_clean:
                what = f"teardown of {role_name(role.id)}: expected nothing left, got {proof}"
                raise DatabaseUnavailable("database.unavailable", what)
        except (UpstreamError, Conflict) as stopped:
            self._record(command_id, owner, intent, "failed", {"error": stopped.code})
            raise
        self._record(command_id, owner, intent, "ok", proof_member(proof))

    def _check_goes(self, role: StandingRole) -> None:
        if not self._judge(role).goes:
            raise Conflict("task.state", f"{role_name(role.id)}: expected a role that nobody owns, got one that lives")

    def _record(
        self, command_id: CommandId, owner: TaskId, intent: Sha256Hex, status: str, result: dict[str, object]
    ) -> None:
        now_us = self.clock.now_us()
        self.records.put(
            bodies.world_outcome("teardown", command_id, now_us, owner, intent, status=status, result=result)
        )


def _swept(
    looked: int,
    dropped: list[TaskId],
    left: list[tuple[TaskId, str]],
    verdicts: Counter[Verdict],
    *,
    unlooked: int,
) -> Swept:
    return Swept(
        looked=looked,
        dropped=tuple(dropped),
        left=tuple(left),
        overdue=verdicts[Verdict.OVERDUE],
        unknown=verdicts[Verdict.UNKNOWN],
        another=verdicts[Verdict.ANOTHER],
        unlooked=unlooked,
    )
