"""Wall time, stopwatch and randomness of the machine."""

from __future__ import annotations

import secrets
import time

from postern.audit.ids import uuid7
from postern.edges import correlation
from postern.types import CommandId, TaskId


class SystemClock:
    """Implements `ports.Clock`."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.perf_counter()


class SystemIdentifiers:
    """Implements `ports.Identifiers`. The system is asked each time, so a restored snapshot repeats nothing.

    What it draws is in the log's lines from then on.
    """

    def task_id(self) -> TaskId:
        task_id = TaskId(uuid7(time.time_ns() // 1000, secrets.token_bytes(10)).replace("-", ""))
        correlation.drew_task(task_id)
        return task_id

    def command_id(self, now_us: int) -> CommandId:
        command_id = CommandId(uuid7(now_us, secrets.token_bytes(10)))
        correlation.drew_command(command_id)
        return command_id

    def key(self) -> bytes:
        return secrets.token_bytes(32)
