"""Runs a task's statements once, and ends the task: the function `run`.

Crash points, by what is durable when the process dies:
    claim                  nothing ran and nothing will: whoever invokes it again finds the claim. The task's deadline
                           ends it
    some or all intents    the same; the reaper closes them as abandoned
    a step                 see `run_once_steps`: steps before it stand, those after it never ran
    everything             the task is active still: its deadline ends it and drops the role
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from postern.approval_ports import ApprovalStore
from postern.audit import bodies
from postern.audit.run_bodies import RUN_ONCE
from postern.errors import Conflict, IntegrityError, NotFound, PosternError, StatementFailed, UpstreamError
from postern.policy.bundle import PolicyBundle
from postern.ports import Clock, Identifiers, PolicySource, Provisioner, TaskStore
from postern.run_once.steps import steps_of
from postern.run_ports import Run, RunBounds, RunDatabase, Runs, RunState, StatementRun, Status
from postern.services.gate import Gate
from postern.services.run_once_checks import Cleared, clear_run
from postern.services.run_once_journal import RunCommand, RunJournal, RunUnit
from postern.services.run_once_progress import Progress
from postern.services.run_once_records import RunRecords
from postern.services.run_once_steps import RunSteps
from postern.services.stopwatch import Stopwatch
from postern.task_states import END, FAIL
from postern.types import Task, TaskId
from postern.world.names import role_name

RUN_S = 840.0  # of the function's 900: what is left is for COMMIT and the last records


@dataclass(frozen=True, slots=True)
class RunOnce:
    """The use case. What stops a run is on record and in the task, and is not raised."""

    policy: PolicySource
    tasks: TaskStore
    runs: Runs
    approvals: ApprovalStore
    journal: RunJournal
    database: RunDatabase
    provisioner: Provisioner
    gate: Gate
    identifiers: Identifiers
    clock: Clock
    lock_timeout_ms: int

    def run(self, task_id: TaskId, watch: Stopwatch) -> Run:
        """The run as it ended.

        Raises `Conflict` where the task cannot be claimed: another ran it, or nobody may; `NotFound`,
        `StateUnavailable`. Nothing ran then.
        """
        now_us = self.clock.now_us()
        run = Run(self.identifiers.command_id(now_us), now_us // 1_000_000, RunState.RUNNING, ())
        self.runs.claim(task_id, run.id, now_s=run.started_at_s)
        progress = Progress(lambda statements: self.runs.keep(task_id, replace(run, statements=statements)))
        stopped: PosternError | None
        try:
            stopped = self._run(self._task(task_id), progress, watch)
        except PosternError as refused:
            stopped = refused
            progress.stopped(refused)
        ended = replace(
            run,
            state=_state_of(progress.statements, stopped),
            statements=tuple(progress.statements),
            error=None if stopped is None else stopped.code,
            finished_at_s=self.clock.now_us() // 1_000_000,
        )
        with suppress(UpstreamError):
            self.runs.keep(task_id, ended)
        self._end(task_id, is_done=stopped is None)
        return ended

    def _task(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        return task

    def _run(self, task: Task, progress: Progress, watch: Stopwatch) -> PosternError | None:
        """What stopped it after its intents were durable. What it raises stopped it before that."""
        bundle = self.policy.load()
        try:
            self.gate.check()
            cleared = clear_run(bundle, task, self.approvals.get(task.id))
        except PosternError as refused:
            self._refuse(self._unit(task, bundle, None), progress, refused)
            raise
        unit = self._unit(task, bundle, cleared)
        progress.begin(unit.commands)
        intents = {command.index: self.journal.intend(unit, command) for command in unit.commands}
        records = RunRecords(unit, intents, self.journal, progress)
        try:
            session = self.database.open(task, bundle.address(task.grant.database))
        except PosternError as away:
            records.end_all(unit.commands, Status.NOT_RUN, away)
            return away
        bounds = RunBounds(cleared.owner_role, task.grant.schema_default, self.lock_timeout_ms, 1)
        steps = RunSteps(records, session, bounds, lambda: self._left_ms(task, watch), self.tasks, watch)
        try:
            return steps.run(steps_of(cleared.accepted.statements))
        finally:
            session.close()

    def _left_ms(self, task: Task, watch: Stopwatch) -> int:
        left_s = min(RUN_S - watch.elapsed_s(), task.expires_at_s - self.clock.now_us() / 1_000_000)
        if left_s <= 0:
            detail = "No time is left: the run or its task is at its end."
            raise StatementFailed("database.timeout", detail, sqlstate="57014")
        return max(1, int(left_s * 1000))

    def _unit(self, task: Task, bundle: PolicyBundle, cleared: Cleared | None) -> RunUnit:
        now_us = self.clock.now_us()
        checked = [None] * len(task.statements) if cleared is None else list(cleared.accepted.statements)
        return RunUnit(
            kind=RUN_ONCE,
            task=task,
            target=bodies.target_member(bundle.address(task.grant.database), role_name(task.id)),
            policy_digest=bundle.digest,
            approval=None if cleared is None else cleared.approval,
            by=task.principal.id,
            commands=tuple(
                RunCommand(self.identifiers.command_id(now_us), index, sql, self.identifiers.key(), one)
                for index, (sql, one) in enumerate(zip(task.statements, checked, strict=True))
            ),
        )

    def _refuse(self, unit: RunUnit, progress: Progress, refused: PosternError) -> None:
        """Each statement as it was found, on record as refused. Where that cannot be written nothing ran either."""
        progress.begin(unit.commands)
        with suppress(UpstreamError, IntegrityError):
            for command in unit.commands:
                progress.ended(command.index, Status.NOT_RUN, refused)
                self.journal.refuse(unit, command, refused.code, refused.detail)

    def _end(self, task_id: TaskId, *, is_done: bool) -> None:
        """Ends the task and asks for its role to be dropped: what does not succeed now, the timer takes up."""
        # A conflict: it was revoked, ended or expired meanwhile, and whoever did that tears it down.
        with suppress(Conflict, UpstreamError):
            self.tasks.move(task_id, END if is_done else FAIL)
        with suppress(UpstreamError, Conflict):
            self.provisioner.tear_down(task_id)


def _state_of(statements: Sequence[StatementRun], stopped: PosternError | None) -> RunState:
    if stopped is None:
        return RunState.DONE
    return RunState.UNKNOWN if any(one.status is Status.UNKNOWN for one in statements) else RunState.FAILED
