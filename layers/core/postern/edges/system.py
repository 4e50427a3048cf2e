"""Wall time, stopwatch and randomness of the machine."""

from __future__ import annotations

import secrets
import time

from postern.audit.ids import uuid7
from postern.types import CommandId, TaskId


class SystemClock:
    """Implements `ports.Clock`."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.perf_counter()


class SystemIdentifiers:
    """Implements `ports.Identifiers`. The system is asked each time, so a restored snapshot repeats nothing."""

    def task_id(self) -> TaskId:
        return TaskId(uuid7(time.time_ns() // 1000, secrets.token_bytes(10)).replace("-", ""))

    def command_id(self, now_us: int) -> CommandId:
        return CommandId(uuid7(now_us, secrets.token_bytes(10)))

    def key(self) -> bytes:
        return secrets.token_bytes(32)
