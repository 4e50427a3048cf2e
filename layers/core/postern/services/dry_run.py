"""Tries a task's statements and rolls them back: the function `run`, at the wish of who opened or may approve the task.

Everything runs in one transaction that is never committed, up to the first statement that fails: a later one would be
tried on another database than the one that it will meet. A statement that cannot run in a transaction is not tried.
What a rollback does not take back (sequences that advanced, whatever reaches outside of the database) is not; the
check of the statements says which they are.

The role is the dry run's own, by an id of its own: an approval that comes meanwhile builds the task's beside it, and
whatever ends the task drops both.

Crash points, by what is durable when the process dies:
    claim           none other begins until its time is over
    role            it stands until its time is over and the sweep comes, or the task ends
    some intents    the reaper closes them as abandoned; nothing of it was ever committed
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from postern.approval_ports import ApprovalStore
from postern.audit import bodies
from postern.audit.run_bodies import DRY_RUN
from postern.errors import Conflict, DatabaseLost, PosternError, StatementFailed, UpstreamError
from postern.policy.bundle import PolicyBundle
from postern.ports import Clock, Identifiers, PolicySource, TaskStore
from postern.run_ports import DryRun, DryRunRoles, Lock, RunBounds, RunDatabase, Runs, RunSession, RunState, Status
from postern.services.dry_run_address import tried_at
from postern.services.gate import Gate
from postern.services.run_once_checks import Cleared, clear_dry_run
from postern.services.run_once_journal import RunCommand, RunJournal, RunUnit
from postern.services.run_once_progress import Progress
from postern.services.run_once_records import RunRecords
from postern.services.stopwatch import Stopwatch
from postern.types import DatabaseAddress, Task, TaskId, TaskState
from postern.world.names import role_name

LOCK_TIMEOUT_MS = 2_000
STATEMENT_TIMEOUT_MS = 20_000
TRANSACTION_S = 30.0  # all of it together: its locks are held to the end


@dataclass(frozen=True, slots=True)
class TryStatements:
    """The use case. What stops a dry run is on record and shown, and is not raised."""

    policy: PolicySource
    tasks: TaskStore
    runs: Runs
    approvals: ApprovalStore
    journal: RunJournal
    database: RunDatabase
    roles: DryRunRoles
    gate: Gate
    identifiers: Identifiers
    clock: Clock

    def run(self, task_id: TaskId, dry_run_id: TaskId, watch: Stopwatch) -> DryRun:
        """The dry run as it ended. Raises `Conflict` where it was not asked for, or ended already; `NotFound`."""
        dry_run = self._claimed(task_id, dry_run_id)
        progress = Progress(lambda shown: self.runs.keep_dry_run(task_id, replace(dry_run, statements=shown)))
        stopped: PosternError | None = None
        try:
            stopped = self._try(dry_run, self._pending(task_id), progress, watch)
        except PosternError as refused:
            stopped = refused
            progress.stopped(refused)
        ended = replace(
            dry_run,
            state=RunState.DONE if stopped is None else RunState.FAILED,
            statements=tuple(progress.statements),
            error=None if stopped is None else stopped.code,
            finished_at_s=self.clock.now_us() // 1_000_000,
        )
        with suppress(UpstreamError):
            self.runs.keep_dry_run(task_id, ended)
        return ended

    def _claimed(self, task_id: TaskId, dry_run_id: TaskId) -> DryRun:
        known = [one for one in self.runs.of(task_id).dry_runs if one.id == dry_run_id]
        if not known or known[0].finished_at_s is not None or dry_run_id not in self.runs.standing_dry_runs(task_id):
            raise Conflict("task.state", "dry run: expected one that was asked for and has not ended")
        return known[0]

    def _pending(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None or task.state is not TaskState.PENDING_APPROVAL or not task.runs_once:
            raise Conflict("task.state", "dry run: expected a task of statements that waits for approval")
        return task

    def _try(self, dry_run: DryRun, task: Task, progress: Progress, watch: Stopwatch) -> PosternError | None:
        bundle = self.policy.load()
        self.gate.check()
        cleared = clear_dry_run(bundle, task, self.approvals.get(task.id))
        address = tried_at(bundle, task)
        unit = self._unit(dry_run, task, bundle, cleared, address)
        progress.begin(unit.commands)
        tried = [one for one in unit.commands if one.checked is not None and one.checked.in_transaction]
        for command in unit.commands:
            if command not in tried:
                progress.untried(command.index)
        records = RunRecords(unit, {one.index: self.journal.intend(unit, one) for one in tried}, self.journal, progress)
        done = 0
        stopped: PosternError | None = None
        try:
            self.roles.provision_dry_run(task.id, dry_run.id)
            session = self.database.open(replace(task, id=dry_run.id), address)
            done, stopped = self._execute(session, tried, task, cleared.owner_role, progress, watch)
        except PosternError as away:
            stopped = away
        finally:
            # Removing access never waits for evidence. What stays the sweep drops.
            with suppress(UpstreamError, Conflict):
                self.roles.tear_down_dry_run(task.id, dry_run.id)
        self._record(records, tried, done, stopped)
        return stopped

    def _execute(
        self,
        session: RunSession,
        tried: list[RunCommand],
        task: Task,
        owner_role: str,
        progress: Progress,
        watch: Stopwatch,
    ) -> tuple[int, PosternError | None]:
        """How many ran, and what stopped the next. Nothing of it stands when this returns."""
        until_s = watch.elapsed_s() + TRANSACTION_S
        locked: set[Lock] = set()
        try:
            for done, command in enumerate(tried):
                try:
                    bounds = RunBounds(
                        owner_role, task.grant.schema_default, LOCK_TIMEOUT_MS, _left_ms(until_s - watch.elapsed_s())
                    )
                    if done == 0:
                        session.begin(bounds, command_id=command.id)
                    begun_s = watch.elapsed_s()
                    affected = session.run(
                        command.sql, command_id=command.id, timeout_ms=bounds.statement_timeout_ms, bounds=bounds
                    )
                    taken = session.locks()
                except PosternError as failed:
                    return done, failed
                new = tuple(lock for lock in taken if lock not in locked)
                locked.update(taken)
                progress.ran(command.index, affected, round((watch.elapsed_s() - begun_s) * 1000), new)
            return len(tried), self._check_deferred(session, until_s - watch.elapsed_s()) if tried else None
        finally:
            session.rollback()
            session.close()

    def _check_deferred(self, session: RunSession, left_s: float) -> PosternError | None:
        """What would stop COMMIT: constraints and triggers that are deferred to it."""
        try:
            session.mark(timeout_ms=_left_ms(left_s))
        except PosternError as failed:
            return failed
        return None

    def _record(self, records: RunRecords, tried: list[RunCommand], done: int, stopped: PosternError | None) -> None:
        status = Status.LOST if isinstance(stopped, DatabaseLost) else Status.FAILED
        if done == len(tried) and stopped is not None:  # which of them is to blame nobody knows
            records.end_all(tried, status, stopped)
            return
        records.end_all(tried[:done], Status.OK)
        if done < len(tried):
            if not isinstance(stopped, StatementFailed | DatabaseLost):
                status = Status.NOT_RUN
            records.end(tried[done], status, stopped)
            records.end_all(tried[done + 1 :], Status.NOT_RUN)

    def _unit(
        self, dry_run: DryRun, task: Task, bundle: PolicyBundle, cleared: Cleared, address: DatabaseAddress
    ) -> RunUnit:
        now_us = self.clock.now_us()
        return RunUnit(
            kind=DRY_RUN,
            task=task,
            target=bodies.target_member(address, role_name(dry_run.id)),
            policy_digest=bundle.digest,
            approval=None,
            by=dry_run.by,
            commands=tuple(
                RunCommand(self.identifiers.command_id(now_us), index, one.sql, self.identifiers.key(), one)
                for index, one in enumerate(cleared.accepted.statements)
            ),
        )


def _left_ms(left_s: float) -> int:
    if left_s <= 0:
        detail = "The dry run takes longer than it may hold its locks: what comes after was not tried."
        raise StatementFailed("database.timeout", detail, sqlstate="57014")
    return max(1, min(STATEMENT_TIMEOUT_MS, int(left_s * 1000)))
