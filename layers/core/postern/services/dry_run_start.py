"""Starts a dry run of a task of statements: for who opened it, or may approve it, where policy lets them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from postern.denial_ports import Denials
from postern.denials import keys_against, refuse_denied
from postern.errors import NotFound, UpstreamError
from postern.policy.approving import may_approve
from postern.policy.bundle import PolicyBundle
from postern.policy.decide_statements import check_dry_run
from postern.ports import Clock, Identifiers, PolicySource, TaskStore
from postern.run_ports import DryRun, DryRunner, Runs, RunState, StatementRun
from postern.services.dry_run_address import tried_at
from postern.types import Principal, Task, TaskId

DEAD_AFTER_S = 300  # a role is built and dropped in a minute each, the statements have half of one


@dataclass(frozen=True, slots=True)
class StartDryRun:
    """The use case. Raises `RefusedByPolicy`, `Conflict`; `NotFound` alike for what is not there and not theirs."""

    policy: PolicySource
    tasks: TaskStore
    runs: Runs
    denials: Denials
    runner: DryRunner
    identifiers: Identifiers
    clock: Clock

    def run(self, principal: Principal, task_id: TaskId) -> Task:
        now_us = self.clock.now_us()
        bundle = self.policy.load()
        task = self._known(bundle, principal, task_id, now_us)
        check_dry_run(bundle, principal, task, now_us=now_us)
        if (denial := self.denials.standing(keys_against(principal, task.grant.database, runs_once=True))) is not None:
            raise refuse_denied(denial)
        now_s = now_us // 1_000_000
        dry_run = DryRun(
            id=self.identifiers.task_id(),
            started_at_s=now_s,
            until_s=now_s + DEAD_AFTER_S,
            by=principal.id,
            database=tried_at(bundle, task).name,
            state=RunState.RUNNING,
            statements=tuple(StatementRun() for _ in task.statements),
        )
        self.runs.claim_dry_run(task_id, dry_run, now_s=now_s)
        try:
            self.runner.start_dry_run(task_id, dry_run.id)
        except UpstreamError:
            with suppress(UpstreamError):
                self.runs.end_dry_run(task_id, dry_run.id)
            raise
        return task

    def _known(self, bundle: PolicyBundle, principal: Principal, task_id: TaskId, now_us: int) -> Task:
        task = self.tasks.get(task_id)
        if task is not None and task.runs_once:
            if task.principal.owner == principal.owner:
                return task
            if may_approve(bundle, principal, task, now_us=now_us).is_permitted:
                return task
        raise NotFound("task.unknown", f"task: expected one of statements that you may try, got {task_id!r}")
