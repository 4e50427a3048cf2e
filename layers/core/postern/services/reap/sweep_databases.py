"""Has each database looked at for roles that no live task owns, now and then.

Nothing waits for it: what ends access is the teardown of each task. So a database has its turn every few minutes, the
one that waited longest first, and one that does not answer is left alone for as long as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.errors import PosternError
from postern.ports import Clock, PolicySource
from postern.services.stopwatch import Stopwatch
from postern.sweep_ports import RoleSweeper, Swept
from postern.types import DatabaseName

EVERY_US = 300_000_000  # a look is a session, a query, and two reads of the state table for each world that stands
LEAST_LEFT_S = 28.0  # of a pass, below which none is begun: one answers within 26 s


@dataclass(slots=True)
class SweptDatabases:
    """What one pass came to, database by database; a database that could not be looked at is a fault."""

    swept: dict[DatabaseName, Swept] = field(default_factory=dict)
    faults: list[PosternError] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """By the names of the metrics."""
        swept = self.swept.values()
        return {
            "StrayRoles": sum(len(one.dropped) + len(one.left) for one in swept),
            "StrayRolesDropped": sum(len(one.dropped) for one in swept),
            "StrayRolesLeft": sum(len(one.left) for one in swept),
            "OverdueRoles": sum(one.overdue for one in swept),
            "UnknownRoles": sum(one.unknown for one in swept),
            "RolesUnlooked": sum(one.unlooked for one in swept),
        }


@dataclass(slots=True)
class SweepDatabases:
    """One an environment, which remembers when each had its turn. A fresh one begins at once."""

    policy: PolicySource
    sweeper: RoleSweeper
    clock: Clock
    _asked_us: dict[DatabaseName, int] = field(default_factory=dict, repr=False)

    def run(self, watch: Stopwatch) -> SweptDatabases:
        """Never raises a `PosternError`."""
        done = SweptDatabases()
        try:
            due = self._due()
        except PosternError as fault:
            done.faults.append(fault)
            return done
        for database in due:
            if watch.left_s() < LEAST_LEFT_S:
                break
            self._asked_us[database] = self.clock.now_us()
            try:
                done.swept[database] = self.sweeper.sweep(database)
            except PosternError as fault:
                done.faults.append(fault)
        return done

    def _due(self) -> list[DatabaseName]:
        now_us = self.clock.now_us()
        asked_us = {name: self._asked_us.get(name, 0) for name in self.policy.load().databases}
        due = [name for name, at_us in asked_us.items() if now_us - at_us >= EVERY_US]
        return sorted(due, key=lambda name: (asked_us[name], name))
