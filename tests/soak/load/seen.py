"""What all agents saw: how long each call took, what was wrong, what was not served, and what is to be on record."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from postern.errors import CODES
from postern_local.demo.caller import Reply

# Right answers of a gate that is saturated or has a part away: counted apart, and documented like every other.
UNSERVED = frozenset({429, 500, 502, 503, 504})
UNHEARD = "no answer"


@dataclass(frozen=True, slots=True)
class Command:
    """One statement that was admitted, as its caller saw it: what must be found of it in the log."""

    id: str
    task: str
    ran: bool  # in the database, to an end that was told
    is_settled: bool  # a write, committed
    receipt: dict[str, Any] | None


@dataclass
class Seen:
    """Written by every agent's calls at once."""

    late_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # from the scheduled arrival on
    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # from sending it on
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)  # kind; status and code
    unserved: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    ran: int = 0  # statements that surely reached the database
    unsent: int = 0  # arrivals for which there was no thread left: the generator's own limit, never silent
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, kind: str, reply: Reply | None, *, late_ms: float, took_ms: float) -> None:
        """One call's end; `reply` is None where none was heard."""
        said = UNHEARD if reply is None else said_by(reply)
        with self._lock:
            self.late_ms[kind].append(late_ms)
            self.took_ms[kind].append(took_ms)
            self.answers[kind, said] += 1
            if reply is None or is_unserved(reply):
                self.unserved[said] += 1

    def fail(self, *what: str) -> None:
        with self._lock:
            self.wrong.extend(what)

    def keep(self, *commands: Command, ran: int) -> None:
        """The commands of one call; `ran` of its statements reached the database."""
        with self._lock:
            self.commands.extend(commands)
            self.ran += ran

    @property
    def calls(self) -> int:
        with self._lock:
            return sum(map(len, self.took_ms.values()))


def code_of(reply: Reply) -> str | None:
    return reply.body.get("code") if isinstance(reply.body, dict) else None


def said_by(reply: Reply) -> str:
    """An answer's status, with its code where it has one."""
    code = code_of(reply)
    return str(reply.status) if code is None else f"{reply.status} {code}"


def is_unserved(reply: Reply) -> bool:
    """Whether the call was turned away, and not decided upon: the task's own budgets and state are no such answer."""
    code = str(code_of(reply))
    return reply.status in UNSERVED and not code.startswith("budget.")


def is_documented(reply: Reply) -> bool:
    """Whether an answer that is no success has a code that the table of codes explains, and is nobody's bug."""
    return reply.status < 400 or (code_of(reply) in CODES and code_of(reply) != "internal")
