"""Runs several services side by side, one port call at a time, in every order there is or in a sample of them.

A service that runs as a `Process` stops before each call of a port that `Process.watch` wraps. The schedule then
chooses who goes on: the call has its effect, and its process runs on until it stands before the next. What happens
between two calls touches nothing that is shared, so these orders are all the interleavings there are.

A process can also die: before a call has its effect, or after and before it hears of it. From then on none of its
calls has an effect, whatever its `finally` clauses try.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

# Kept: each thread in which PostgreSQL's parser runs takes one of the process' 1,024 keys for what is a thread's own,
# and never gives it back. With none left, nothing that needs another works any more, TLS among it.
_THREADS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="process")
_PATIENCE_S = 20.0  # a process that neither stops nor ends within it hangs: the test fails instead of waiting


class Died(BaseException):
    """What a dead process's calls raise: no handler of an ordinary error sees it."""


@dataclass
class Choices:
    """Answers each question with what was chosen before, and then with the first or a drawn answer.

    What is drawn is the answer before with probability `stays`: without it one process would hardly ever run far
    while another stands still, which is where late ones do harm.
    """

    before: Sequence[int] = ()
    draw: random.Random | None = None
    stays: float = 0.0
    made: list[tuple[int, int]] = field(default_factory=list)  # the answer, and how many there were

    def choose(self, options: int) -> int:
        at = len(self.made)
        answer = self.before[at] if at < len(self.before) else self._drawn(options)
        self.made.append((answer, options))
        return answer

    def _drawn(self, options: int) -> int:
        if self.draw is None:
            return 0
        if self.made and self.draw.random() < self.stays:
            return min(self.made[-1][0], options - 1)
        return self.draw.randrange(options)


def every_order(limit: int = 100_000) -> Iterator[Choices]:
    """Choices that, used once each, go through all orders, depth first. More than `limit` fail the test."""
    before: list[int] = []
    for _ in range(limit):
        choices = Choices(before)
        yield choices
        made = choices.made
        while made and made[-1][0] == made[-1][1] - 1:
            made.pop()
        if not made:
            return
        before = [answer for answer, _ in made[:-1]] + [made[-1][0] + 1]
    raise AssertionError(f"more than {limit} orders: take a sample instead")


def some_orders(count: int, seed: int = 0) -> Iterator[Choices]:
    """Drawn choices; the same for the same seed."""
    for number in range(count):
        yield Choices(draw=random.Random(f"{seed}/{number}"), stays=(0.0, 0.7, 0.9)[number % 3])


@dataclass(frozen=True)
class Death:
    """At which of its calls, counted from 0, a process dies, and whether the call still had its effect."""

    call: int
    after: bool


class Process:
    """One service's run. `result` is what it gave, or what it raised."""

    def __init__(self, name: str, run: Callable[[Process], object], death: Death | None = None) -> None:
        self.name = name
        self.result: object = None
        self.calls: list[str] = []
        self.is_over = False
        self._run = run
        self._death = death
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    @property
    def died(self) -> bool:
        return isinstance(self.result, Died)

    def watch(self, port: Any, name: str) -> Any:
        """The port, whose calls by this process wait for their turn."""
        return _Watched(self, port, name)

    def begin(self) -> None:
        _THREADS.submit(self._live)
        self._wait()

    def go_on(self) -> None:
        """Until it stands before its next call, or is over."""
        self._go.release()
        self._wait()

    def _wait(self) -> None:
        assert self._stopped.acquire(timeout=_PATIENCE_S), f"{self.name} hangs after {self.calls}"

    def _live(self) -> None:
        self._thread = threading.current_thread()
        try:
            self.result = self._run(self)
        except BaseException as raised:  # noqa: BLE001 - the test looks at whatever it was
            self.result = raised
        self.is_over = True
        self._stopped.release()

    def call(self, what: str, effect: Callable[[], Any]) -> Any:
        if threading.current_thread() is not self._thread:
            return effect()  # the test looks by itself
        if self._death is not None and len(self.calls) > self._death.call:
            raise Died(self.name)
        self._stopped.release()
        assert self._go.acquire(timeout=3 * _PATIENCE_S), f"{self.name} was left standing"  # the test failed meanwhile
        self.calls.append(what)
        dies = self._death is not None and len(self.calls) > self._death.call
        if not dies:
            return effect()
        if self._death is not None and self._death.after:
            with suppress(Exception):  # whatever it came to, nobody hears of it
                effect()
        raise Died(self.name)


class _Watched:
    def __init__(self, process: Process, port: Any, name: str) -> None:
        self._process, self._port, self._name = process, port, name

    def __getattr__(self, name: str) -> Any:
        known = getattr(self._port, name)
        if not callable(known):
            return known
        what = f"{self._name}.{name}"
        return lambda *arguments, **named: self._process.call(what, lambda: known(*arguments, **named))


def run_together(choices: Choices, *processes: Process) -> str:
    """Runs them all to their ends in the chosen order. Returns who called what, in that order."""
    told: list[str] = []
    for process in processes:
        process.begin()
    while alive := [process for process in processes if not process.is_over]:
        process = alive[choices.choose(len(alive))] if len(alive) > 1 else alive[0]
        heard = len(process.calls)
        process.go_on()
        told += [f"{process.name}: {call}" for call in process.calls[heard:]]
    return "\n".join(told)
