"""The use cases of the function `tasks`, composed of their ports."""

from __future__ import annotations

from dataclasses import dataclass

from postern.approval_ports import Announcer, ApprovalStore, Estimator, Runner
from postern.denial_ports import Denials, OpenTasks
from postern.ports import Clock, Identifiers, PolicySource, Provisioner, RecordStore, TaskStore
from postern.rate_ports import Rates
from postern.run_ports import DryRunner, Runs
from postern.services.admit_task import AdmitTask
from postern.services.approve_task import ApproveTask
from postern.services.dry_run_start import StartDryRun
from postern.services.end_task import EndTask
from postern.services.live_tasks import LiveTasks
from postern.services.open_run_once import OpenRunOnce
from postern.services.open_task import OpenTask
from postern.services.read_principal import ReadPrincipal
from postern.services.read_tasks import ReadTasks
from postern.services.review_tasks import ReviewTasks
from postern.services.statement_texts import StatementTexts
from postern.types import StatementText


@dataclass(frozen=True, slots=True)
class TaskParts:
    """What they stand on."""

    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    identifiers: Identifiers
    clock: Clock
    announcer: Announcer
    rates: Rates
    denials: Denials
    open_tasks: OpenTasks
    approvals: ApprovalStore
    runs: Runs
    provisioner: Provisioner
    runner: Runner
    dry_runner: DryRunner
    estimator: Estimator
    statement_text: StatementText


@dataclass(frozen=True, slots=True)
class TaskServices:
    """What the routes call."""

    open: OpenTask
    open_run_once: OpenRunOnce
    dry_run: StartDryRun
    runs: Runs
    read: ReadTasks
    review: ReviewTasks
    approve: ApproveTask
    end: EndTask
    principal: ReadPrincipal
    live: LiveTasks
    policy: PolicySource
    clock: Clock


def make_task_services(p: TaskParts) -> TaskServices:
    """The use cases of these parts."""
    admit, read = AdmitTask(p.rates, p.denials), ReadTasks(p.tasks, p.clock)
    opening = OpenTask(p.policy, p.tasks, admit, p.records, p.provisioner, p.identifiers, p.clock)
    texts = StatementTexts(p.statement_text)
    return TaskServices(
        open=opening,
        open_run_once=OpenRunOnce(opening, p.policy, p.records, p.identifiers, p.clock, texts),
        dry_run=StartDryRun(p.policy, p.tasks, p.runs, p.denials, p.dry_runner, p.identifiers, p.clock),
        runs=p.runs,
        read=read,
        review=ReviewTasks(read, p.policy, p.tasks, p.approvals, p.estimator, p.clock),
        approve=ApproveTask(
            p.policy,
            p.tasks,
            p.approvals,
            p.records,
            admit,
            p.provisioner,
            p.runner,
            p.announcer,
            p.identifiers,
            p.clock,
        ),
        end=EndTask(read, p.tasks, p.provisioner),
        principal=ReadPrincipal(p.policy, p.denials, p.clock),
        live=LiveTasks(p.policy, p.denials, p.open_tasks, p.tasks, p.approvals, p.clock),
        policy=p.policy,
        clock=p.clock,
    )
