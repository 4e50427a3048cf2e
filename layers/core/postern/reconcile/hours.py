"""The records' hours in order, each due once the log has passed it by so much that no statement of it can follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from postern.audit.ids import uuid7_time_ms
from postern.reconcile.recorded import Evidence, Stray
from postern.types import CommandId

RUN_US = 15 * 60 * 1_000_000  # no statement runs for longer after its command began: a call ends within half a minute
HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Hours:
    """Hours still to be judged. `oldest_us` and `newest_us` are about the first and the last record's times."""

    left: list[tuple[int, str]]  # with the time when each begins, the latest first
    oldest_us: int = 0
    newest_us: int = 0

    @classmethod
    def of(cls, evidence: Evidence) -> Hours:
        names = evidence.hours()
        if not names:
            return cls([])
        newest = (max(_times_us(evidence, name), default=0) for name in reversed(names))
        newest_us = next(filter(None, newest), 0)  # an hour may hold facts and no act
        left = [(_begin_us(name), name) for name in reversed(names)]
        return cls(left, left[-1][0], newest_us)

    def passed(self, time_us: int) -> Iterator[str]:
        """Those of which a log that has come to this time shows nothing more, the earliest first; each once."""
        while self.left and self.left[-1][0] + HOUR_US + RUN_US < time_us:
            yield self.left.pop()[1]

    def reached(self, time_us: int) -> Iterator[str]:
        """Those into which a log that ends at this time reaches, and no later ones."""
        while self.left and self.left[-1][0] <= time_us:
            yield self.left.pop()[1]

    def skip_to(self, time_us: int) -> None:
        """Leaves out those that are over before a log which begins at this time."""
        for _ in self.passed(time_us):
            pass


def command_time_us(command_id: CommandId) -> int:
    """When a command began, by its id. Raises `IntegrityError` (`evidence.malformed`) for one that is no UUIDv7."""
    return uuid7_time_ms(command_id) * 1000


def _times_us(evidence: Evidence, hour: str) -> Iterator[int]:
    return (command_time_us(one) for one in evidence.commands(hour) if not isinstance(one, Stray))


def _begin_us(hour: str) -> int:
    return int(datetime.strptime(hour, "%Y%m%d/%H").replace(tzinfo=UTC).timestamp()) * 1_000_000
