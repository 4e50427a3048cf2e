"""The reaper's minute. Each part fails by itself, and what time does not suffice for is done by the next pass.

    expire      tasks past their deadline are torn down, beside all the rest: removing access waits for nothing
    log pass    the deployed log, then the one before while it has not ended: covered, closed, given back, sent again
    epochs      how the deployed log begins, and follows the one before
    old holds   every few minutes: what calls hold that died before they left a record
    sweep       the daily listing of all open days, with the time that is left
    denials     beside all the rest: what revocations and holds left to be done
    roles       beside all the rest, every few minutes: roles in the databases that no live task owns

Any number of reapers may run at once: whatever one writes is conditional, and final.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field

from postern.errors import PosternError
from postern.ports import Clock
from postern.reap_ports import ReapParts
from postern.services.expire_tasks import Expired, ExpireTasks
from postern.services.reap.abandon import Abandon
from postern.services.reap.commands import Commands
from postern.services.reap.coverage import Coverage
from postern.services.reap.denied import Denied, ReapDenials
from postern.services.reap.epochs import Succession
from postern.services.reap.give_back import GiveBack
from postern.services.reap.log_pass import LogPass, Passed
from postern.services.reap.lost import Lost
from postern.services.reap.old_holds import OldHolds
from postern.services.reap.quarantine import Quarantine
from postern.services.reap.settle import Settle
from postern.services.reap.sweep import Sweep
from postern.services.reap.sweep_databases import SweepDatabases, SweptDatabases
from postern.services.rebuild_tasks import RebuildTasks
from postern.services.release import Lift
from postern.services.stopwatch import Stopwatch
from postern.services.told_events import OwedEvents


@dataclass(slots=True)
class Report:
    """What a minute came to."""

    expired: Expired | None = None  # None where it had not ended in time
    denied: Denied | None = None
    roles: SweptDatabases | None = None
    logs: dict[str, Passed] = field(default_factory=dict)
    faults: list[PosternError] = field(default_factory=list)
    given_back: int = 0  # of calls without any record
    watermark_age_s: int | None = None  # of the deployed log; None where it has none, or it could not be read
    listing_age_s: int | None = None  # of a listing of it that takes more than this pass
    sweep_age_s: int | None = None  # since the last daily listing of it that came to its end began
    epoch_days_left: int = 0  # whole days until its epoch ends, from when on no statement runs in it

    def counts(self) -> dict[str, int]:
        """Over all logs, by the names of the metrics."""
        counts = {name: sum(getattr(one, count) for one in self.logs.values()) for name, count in _METRICS.items()}
        counts["GivenBack"] += self.given_back
        counts["EpochDaysLeft"] = self.epoch_days_left
        if self.expired is not None:
            counts["Expired"] = len(self.expired.done)
            counts["TeardownsLeft"] = len(self.expired.left) + self.expired.waiting
            counts["RevocationsLeft"] = self.expired.revoked_left
        if self.denied is not None:
            counts |= {
                "EventsOwed": self.denied.events_owed,
                "Remarked": self.denied.marked,
                "Rebuilt": self.denied.rebuilt,
                "RebuildsLeft": self.denied.suspended,
                "DenialsStanding": self.denied.standing,
            }
        if self.roles is not None:
            counts |= self.roles.counts()
        ages = {
            "WatermarkAge": self.watermark_age_s,
            "ListingAge": self.listing_age_s,
            "SweepAge": self.sweep_age_s,
        }
        return counts | {name: age_s for name, age_s in ages.items() if age_s is not None}

    def all_faults(self) -> list[PosternError]:
        denied = [] if self.denied is None else self.denied.faults
        roles = [] if self.roles is None else self.roles.faults
        return [*self.faults, *denied, *roles, *(fault for passed in self.logs.values() for fault in passed.faults)]


_METRICS = {
    "Listed": "listed",
    "Uncovered": "uncovered",
    "OpenCommands": "open",
    "Overwritten": "overwritten",
    "Malformed": "malformed",
    "Abandoned": "abandoned",
    "Settled": "settled",
    "GivenBack": "given_back",
    "Requeued": "requeued",
    "Quarantined": "quarantined",
    "Overtaken": "overtaken",
}


@dataclass(slots=True)
class Reap:
    """The use case. Never raises a `PosternError`: what failed is in the report."""

    expire: ExpireTasks
    denials: ReapDenials
    succession: Succession
    make_pass: Callable[[str], LogPass]
    old_holds: OldHolds
    roles: SweepDatabases
    clock: Clock
    threads: Executor
    epoch_ends_us: int
    _passes: dict[str, LogPass] = field(default_factory=dict, repr=False)

    def run(self, watch: Stopwatch) -> Report:
        report = Report(epoch_days_left=max(0, self.epoch_ends_us - self.clock.now_us()) // 86_400_000_000)
        denying = self.threads.submit(self.denials.run, watch)
        expiring = self.threads.submit(self.expire.run, watch)
        sweeping = self.threads.submit(self.roles.run, watch)
        try:
            self._reconcile(report, watch)
        finally:
            # Whatever went wrong here: once the function answers, its threads stand still in the midst of a teardown.
            self._wait_for(expiring, report, watch)
            with suppress(TimeoutError):
                report.denied = denying.result(timeout=watch.left_s())
            with suppress(TimeoutError):
                report.roles = sweeping.result(timeout=watch.left_s())
        return report

    def _reconcile(self, report: Report, watch: Stopwatch) -> None:
        log = self.succession.log
        report.logs[log] = self._pass(log).run(watch)
        try:
            before = self.succession.before()
            if before is not None:
                is_ending = self.succession.is_overdue(before)
                report.logs[before] = self._pass(before).run(watch, is_ending=is_ending)
            self.succession.run(quiet=None if before is None else report.logs[before].quiet)
        except PosternError as fault:
            report.faults.append(fault)
        try:
            report.given_back = self.old_holds.run(watch)
        except PosternError as fault:
            report.faults.append(fault)
        self._pass(log).run_sweep(report.logs[log], watch)
        passed = report.logs[log]
        report.watermark_age_s = self._age_s(passed.watermark_us)
        report.listing_age_s = self._age_s(passed.listing_since_us)
        report.sweep_age_s = self._age_s(passed.swept_us)

    def _age_s(self, time_us: int | None) -> int | None:
        return None if time_us is None else max(0, (self.clock.now_us() - time_us) // 1_000_000)

    def _wait_for(self, expiring: Future[Expired], report: Report, watch: Stopwatch) -> None:
        try:
            report.expired = expiring.result(timeout=watch.left_s())
        except TimeoutError:
            pass  # it goes on where it is when this environment is next awake, or the next pass begins again
        except PosternError as fault:
            report.faults.append(fault)

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

    give_back = GiveBack(parts.holds, parts.wal, parts.clock, succession.logs)

    def log_pass(log: str) -> LogPass:
        return LogPass(
            log,
            parts.wal,
            coverage,
            parts.watermarks,
            Quarantine(log, parts.wal, parts.quarantines, parts.epochs, parts.identifiers, parts.clock),
            Lost(parts.requeue),
            Commands(log, parts.wal, Abandon(parts.clock), settle, parts.clock),
            give_back,
            Sweep(log, parts.wal, coverage),
            parts.records(log),
            parts.clock,
            parts.threads,
        )

    expire = ExpireTasks(parts.tasks, parts.provisioner, parts.clock, parts.teardown_threads)
    old_holds = OldHolds(parts.holds, give_back, parts.clock)
    denials = _make_denials(parts)
    roles = SweepDatabases(parts.policy, parts.sweeper, parts.clock)
    return Reap(
        expire, denials, succession, log_pass, old_holds, roles, parts.clock, parts.threads, parts.epoch_ends_us
    )


def _make_denials(parts: ReapParts) -> ReapDenials:
    records = parts.records(parts.log)
    rebuild = RebuildTasks(
        parts.policy,
        parts.tasks,
        parts.open_tasks,
        parts.provisioner,
        parts.rates,
        parts.clock,
        parts.rebuild_threads,
    )
    return ReapDenials(
        parts.denials,
        parts.open_tasks,
        OwedEvents(records, parts.denials, parts.identifiers, parts.clock),
        Lift(parts.denials, records, parts.identifiers, parts.clock),
        rebuild,
        parts.clock,
    )
