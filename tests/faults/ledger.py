"""What was asked and what was answered: every call of every agent, and what may be concluded from it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

# The caller was told nothing of what became of it: no answer, one of the gateway's own, or that it is not known.
_TELLS_NOTHING = frozenset({"none", "gateway.failed", "gateway.timeout", "outcome.unknown", "idempotency.running"})
WRITES = ("write", "keyed")


class Written(Enum):
    """What an answer says of its write."""

    YES = "written"
    NO = "not written"
    MAYBE = "not known"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as its sender saw it. A `status` of 0: the connection ended without an answer."""

    fault: str  # that was in force when it was sent; empty for none
    who: str
    kind: str  # read, write, keyed, open, end
    status: int
    code: str
    sent_s: float  # Unix time
    took_s: float
    retry_after: str | None = None
    task: str | None = None
    mark: str | None = None  # in the text of its statement alone
    key: str | None = None
    command_id: str | None = None
    row_count: int = 0
    affected: int | None = None
    receipts: tuple[tuple[str, dict[str, Any]], ...] = ()  # by command

    @property
    def told(self) -> str:
        """As the table says it."""
        if self.status == 0:
            return "no answer"
        return f"{self.status}" if self.status < 400 else f"{self.status} `{self.code}`"

    @property
    def written(self) -> Written:
        if self.status == 200:
            return Written.YES
        return Written.MAYBE if self.code in _TELLS_NOTHING or self.status in (0, 502, 504) else Written.NO


@dataclass(frozen=True, slots=True)
class Opened:
    """A task, and the budgets that it was opened with."""

    id: str
    who: str
    statements: int
    rows: int


@dataclass(slots=True)
class Ledger:
    """All of it, from any thread."""

    calls: list[Call] = field(default_factory=list)
    tasks: list[Opened] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)  # the fault, and what does not hold
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, call: Call) -> Call:
        with self._lock:
            self.calls.append(call)
        return call

    def opened(self, task: Opened) -> None:
        with self._lock:
            self.tasks.append(task)

    def fail(self, fault: str, what: str) -> None:
        with self._lock:
            self.wrong.append((fault, what))

    def by_mark(self) -> dict[str, list[Call]]:
        """The calls that would write, by the row that each would leave."""
        found: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.mark is not None and call.kind in WRITES:
                found.setdefault(call.mark, []).append(call)
        return found
