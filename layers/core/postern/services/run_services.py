"""The use cases of the function `run`, composed of their ports."""

from __future__ import annotations

from dataclasses import dataclass

from postern.ports import Clock
from postern.run_ports import RunParts
from postern.services.dry_run import TryStatements
from postern.services.gate import Gate
from postern.services.run_once import RunOnce
from postern.services.run_once_journal import RunJournal
from postern.services.statement_texts import StatementTexts


@dataclass(frozen=True, slots=True)
class RunServices:
    """What its actions call."""

    run: RunOnce
    dry_run: TryStatements
    clock: Clock


def make_run_services(p: RunParts) -> RunServices:
    """The use cases of these parts."""
    gate = Gate(p.watermarks, p.clock, p.log, p.max_staleness_s, p.epoch_ends_s)
    journal = RunJournal(p.records, p.clock, StatementTexts(p.statement_text, p.log, p.seals))
    run = RunOnce(
        policy=p.policy,
        tasks=p.tasks,
        runs=p.runs,
        approvals=p.approvals,
        journal=journal,
        database=p.database,
        provisioner=p.provisioner,
        gate=gate,
        identifiers=p.identifiers,
        clock=p.clock,
        lock_timeout_ms=p.lock_timeout_ms,
    )
    dry_run = TryStatements(
        policy=p.policy,
        tasks=p.tasks,
        runs=p.runs,
        approvals=p.approvals,
        journal=journal,
        database=p.database,
        roles=p.roles,
        gate=gate,
        identifiers=p.identifiers,
        clock=p.clock,
    )
    return RunServices(run, dry_run, p.clock)
