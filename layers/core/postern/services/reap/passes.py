"""The reaper's minute. Each part fails by itself, and what time does not suffice for is done by the next pass.

    expire      tasks past their deadline are torn down, beside all the rest: removing access waits for nothing
    log pass    the deployed log, then the one before while it has not ended: covered, closed, given back, sent again
    epochs      how the deployed log begins, and follows the one before
    sweep       the daily listing of all open days, with the time that is left

Any number of reapers may run at once: whatever one writes is conditional, and final.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from postern.errors import PosternError
from postern.ports import Clock
from postern.reap_ports import ReapParts
from postern.services.expire_tasks import Expired, ExpireTasks
from postern.services.reap.abandon import Abandon
from postern.services.reap.commands import Commands
from postern.services.reap.coverage import Coverage
from postern.services.reap.epochs import Succession
from postern.services.reap.give_back import GiveBack
from postern.services.reap.log_pass import LogPass, Passed
from postern.services.reap.lost import Lost
from postern.services.reap.quarantine import Quarantine
from postern.services.reap.settle import Settle
from postern.services.reap.sweep import Sweep
from postern.services.stopwatch import Stopwatch


@dataclass(slots=True)
class Report:
    """What a minute came to."""

    expired: Expired | None = None  # None where it had not ended in time
    logs: dict[str, Passed] = field(default_factory=dict)
    faults: list[PosternError] = field(default_factory=list)

    watermark_age_s: int | None = None  # of the deployed log; None where it has none, or it could not be read
    epoch_days_left: int = 0  # whole days until its epoch ends, from when on no statement runs in it

    def counts(self) -> dict[str, int]:
        """Over all logs, by the names of the metrics."""
        counts = {name: sum(getattr(one, count) for one in self.logs.values()) for name, count in _METRICS.items()}
        counts["EpochDaysLeft"] = self.epoch_days_left
        return counts if self.watermark_age_s is None else {**counts, "WatermarkAge": self.watermark_age_s}

    def all_faults(self) -> list[PosternError]:
        return [*self.faults, *(fault for passed in self.logs.values() for fault in passed.faults)]


_METRICS = {
    "Listed": "listed",
    "Uncovered": "uncovered",
    "Overwritten": "overwritten",
    "Malformed": "malformed",
    "Abandoned": "abandoned",
    "Settled": "settled",
    "GivenBack": "given_back",
    "Requeued": "requeued",
    "Quarantined": "quarantined",
}


@dataclass(slots=True)
class Reap:
    """The use case. Never raises a `PosternError`: what failed is in the report."""

    expire: ExpireTasks
    succession: Succession
    make_pass: Callable[[str], LogPass]
    clock: Clock
    threads: Executor
    epoch_ends_us: int
    _passes: dict[str, LogPass] = field(default_factory=dict, repr=False)

    def run(self, watch: Stopwatch) -> Report:
        report = Report(epoch_days_left=max(0, self.epoch_ends_us - self.clock.now_us()) // 86_400_000_000)
        expiring = self.threads.submit(self.expire.run, watch)
        log = self.succession.log
        report.logs[log] = self._pass(log).run(watch)
        try:
            before = self.succession.before()
            if before is not None:
                report.logs[before] = self._pass(before).run(watch)
            is_quiet = before is None or report.logs[before].is_quiet
            self.succession.run(is_quiet=is_quiet)
        except PosternError as fault:
            report.faults.append(fault)
        self._pass(log).run_sweep(report.logs[log], watch)
        at_us = report.logs[log].watermark_us
        if at_us is not None:
            report.watermark_age_s = max(0, (self.clock.now_us() - at_us) // 1_000_000)
        try:
            report.expired = expiring.result(timeout=watch.left_s())
        except TimeoutError:
            pass  # it goes on where it is when this environment is next awake, or the next pass begins again
        except PosternError as fault:
            report.faults.append(fault)
        return report

    def _pass(self, log: str) -> LogPass:
        if log not in self._passes:
            self._passes[log] = self.make_pass(log)
        return self._passes[log]


def make_reap(parts: ReapParts) -> Reap:
    """The reaper of these parts."""
    coverage = Coverage(parts.table, parts.buckets, parts.epochs, parts.quarantines, parts.signing, parts.deployment)
    succession = Succession(
        parts.epochs,
        parts.watermarks,
        parts.table,
        parts.wal,
        coverage,
        parts.records,
        parts.identifiers,
        parts.clock,
        parts.signing,
        parts.log,
        parts.deployment,
        parts.retain_until_us,
    )
    settle = Settle(parts.fates, parts.policy, parts.clock)

    def log_pass(log: str) -> LogPass:
        return LogPass(
            log,
            parts.wal,
            coverage,
            parts.watermarks,
            Quarantine(parts.wal, parts.quarantines, parts.identifiers, parts.clock),
            Lost(parts.requeue),
            Commands(log, parts.wal, Abandon(parts.clock), settle, parts.clock),
            GiveBack(parts.holds, parts.wal, parts.clock, succession.logs),
            Sweep(log, parts.wal, coverage),
            parts.records(log),
            parts.clock,
            parts.threads,
        )

    expire = ExpireTasks(parts.tasks, parts.provisioner, parts.clock)
    return Reap(expire, succession, log_pass, parts.clock, parts.threads, parts.epoch_ends_us)
