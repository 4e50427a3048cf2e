"""What calls leave for the reaper, and what it leaves for them. Apart from its ports: every statement reads these."""

from __future__ import annotations

from dataclasses import dataclass

from postern.types import Budgets


@dataclass(frozen=True, slots=True)
class Hold:
    """What a call took of its task's budgets and has not given back, and the Idempotency-Key that it took."""

    taken: Budgets
    key: str | None


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a log is known to hold what was written: see docs/adr/0015. Microseconds since the epoch, UTC."""

    at_us: int  # each object stored under the log's `wal/` before this is under a published checkpoint
    closed_us: int  # each command whose objects were all stored before this has its last record, and holds nothing
    swept_us: int = 0  # start of the last listing of all open days
    open_from_us: int = 0  # start of the first day that such a listing must look at
    is_closed: bool = False  # the epoch has ended: nothing more is to be written
