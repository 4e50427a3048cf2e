"""The course of a fault: it begins, calls are sent under it, it ends, and everything works again by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.faults.agents import Agent, Unfinished
from tests.faults.faults import Fault
from tests.faults.ledger import Call, Ledger
from tests.faults.parts import NotHere
from tests.faults.rig import Rig
from tests.faults.rules import applied

BACK_WITHIN_S = 90.0
STATEMENTS, ROWS = 400, 2000  # of a task that calls are sent in
REPEATS = 12  # of a call whose first sending may still run
CALLS_AT_MOST = 20  # under one fault, repetitions too
HANG_UP_S = 0.15  # about when a statement runs


@dataclass(slots=True)
class Run:
    """What came of one fault, or of two at once."""

    names: tuple[str, ...]
    calls: list[Call] = field(default_factory=list)  # of those sent to see what their caller is told
    met: int = 0  # requests that the rules were applied to
    back_s: float = 0.0  # until everything worked again
    note: str = ""

    @property
    def name(self) -> str:
        return " + ".join(self.names)


@dataclass(slots=True)
class Course:
    """Runs faults one after the other over one stack, beside the load."""

    rig: Rig
    ledger: Ledger
    prober: Agent
    everyone: Sequence[Agent]
    now: str = ""
    _opened: str = ""
    _left: int = 0  # statements of it, of those that are counted on

    def run(self, *faults: Fault) -> Run:
        run = Run(tuple(fault.name for fault in faults))
        calls = next((fault.calls for fault in faults if fault.is_aimed), faults[0].calls)
        self.now = run.name
        try:
            if any(fault.is_aimed for fault in faults):
                for kind in calls:  # one after the other: what is aimed at one must not meet another
                    self._under(faults, (kind,), run)
            else:
                self._under(faults, calls, run, least_s=max(fault.least_s for fault in faults))
                run.back_s = self._until_it_works(run.name)
        except NotHere as reason:
            run.note = str(reason)
        except Exception as failed:  # noqa: BLE001 - a fault that cannot be run is a finding, and the others are run
            self.ledger.fail(run.name, f"expected it to be run to its end, got {failed!r}")
        # Of two faults one may keep every request from the other.
        if len(faults) == 1 and faults[0].rules and not run.note and not run.met:
            self.ledger.fail(run.name, "expected the fault to meet a request, got none that it is about")
        self.now = ""
        return run

    def _under(self, faults: Sequence[Fault], kinds: Sequence[str], run: Run, *, least_s: float = 0.0) -> None:
        task = self._task(run.name, is_fresh=any(fault.is_fresh for fault in faults))
        for agent in self.everyone:
            agent.token_off_s = sum(fault.token_off_s for fault in faults)
            agent.also_right = frozenset().union(*(fault.also_right for fault in faults))
        keyed: list[Unfinished] = []
        try:
            with ThreadPoolExecutor() as callers, self._in_force(faults, task, run):
                begun = time.monotonic()
                sent = [callers.submit(self._send, kind, task, keyed) for kind in kinds]
                run.calls += [one.result() for one in sent]
                time.sleep(max(0.0, least_s - (time.monotonic() - begun)))
        finally:
            for agent in self.everyone:
                agent.token_off_s, agent.also_right = 0, frozenset()
        for one in keyed:  # the same call with the same key, now that the fault is over
            self.prober.write_until_told(one.task, one.mark, one.key, pad=one.pad)
        if not least_s:
            run.back_s = max(run.back_s, self._until_it_reads(run.name, task))

    def _task(self, name: str, *, is_fresh: bool) -> str:
        """The task that calls are sent in; it is ended when everything is, since keys are repeated in it until then."""
        if self._left > 0 and not is_fresh:
            self._left -= CALLS_AT_MOST
            return self._opened
        until = time.monotonic() + BACK_WITHIN_S
        while time.monotonic() < until:
            _, task = self.prober.open(statements=STATEMENTS, rows=ROWS)
            if task is not None:
                self._opened, self._left = task, STATEMENTS // 2
                return task
            time.sleep(0.5)
        raise LookupError(f"{name}: expected to open a task before it, got none")

    @contextmanager
    def _in_force(self, faults: Sequence[Fault], task: str, run: Run) -> Iterator[None]:
        met = []
        with ExitStack() as stack:
            for fault in sorted(faults, key=lambda one: not one.is_aimed):
                only = task if fault.is_aimed else ""
                met.append(stack.enter_context(self.rig.rules.force(fault.rules, only=only)))
                if fault.around is not None:
                    stack.enter_context(fault.around(self.rig))
            yield
        run.met += sum(applied(one) for one in met)

    def _send(self, kind: str, task: str, keyed: list[Unfinished]) -> Call:
        agent, mark = self.prober, self.prober.mark()
        key = f"key-{mark}"
        match kind:
            case "read":
                return agent.read(task)
            case "write":
                return agent.write(task, mark, pad=PAD)
            case "keyed":
                keyed.append(Unfinished(task, mark, key, PAD))
                return agent.write(task, mark, key=key, pad=PAD)
            case "open":
                call, opened = agent.open()
                if opened is not None:
                    agent.end(opened)
                return call
            case "cut-write":
                agent.send_and_hang_up(task, mark, None, after_s=HANG_UP_S)
                return agent.write(task, agent.mark())  # a call without a key is another call
            case "cut-keyed":
                agent.send_and_hang_up(task, mark, key, after_s=HANG_UP_S)
                return agent.write_until_told(task, mark, key, tries=REPEATS)
        raise ValueError(f"kind: expected one that is known, got {kind}")

    def _until_it_reads(self, name: str, task: str) -> float:
        """The same task goes on; the seconds until it did."""
        begun = time.monotonic()
        while time.monotonic() - begun < BACK_WITHIN_S:
            if self.prober.read(task).status == 200:
                return time.monotonic() - begun
            time.sleep(0.2)
        self.ledger.fail(name, f"expected the task to go on within {BACK_WITHIN_S:.0f} s of the fault's end")
        return BACK_WITHIN_S

    def _until_it_works(self, name: str) -> float:
        """A task is opened, read from, written to and ended without an error; the seconds until that was so."""
        begun = time.monotonic()
        while time.monotonic() - begun < BACK_WITHIN_S:
            _, task = self.prober.open()
            if task is not None:
                calls = [self.prober.read(task), self.prober.write(task, self.prober.mark()), self.prober.end(task)]
                if all(call.status == 200 for call in calls):
                    return time.monotonic() - begun
            time.sleep(0.2)
        self.ledger.fail(name, f"expected everything to work within {BACK_WITHIN_S:.0f} s of the fault's end")
        return BACK_WITHIN_S


PAD = "x" * 5000  # a row of its own page: on a full disk there is no room in one that stands
