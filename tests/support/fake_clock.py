"""A clock that a test moves, and identifiers that count: what services take time and randomness from."""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.ids import uuid7
from postern.types import CommandId, TaskId
from tests.support.domain import NOW_S


@dataclass
class FakeClock:
    """Stands still until a test moves it."""

    at_us: int = NOW_S * 1_000_000
    at_s: float = 1000.0

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_s


@dataclass
class FakeIdentifiers:
    """Counts."""

    count: int = 0

    def _random(self) -> bytes:
        self.count += 1
        return self.count.to_bytes(10, "big")

    def task_id(self) -> TaskId:
        return TaskId(uuid7(NOW_S * 1_000_000, self._random()).replace("-", ""))

    def command_id(self, now_us: int) -> CommandId:
        return CommandId(uuid7(now_us, self._random()))

    def key(self) -> bytes:
        return b"k" * 32
