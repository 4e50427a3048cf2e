"""Agents at work beside the faults: what they do with their tasks, for as long as they are let."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.agents import Agent
from tests.faults.ledger import Call, Written

_PAUSE_S = 0.5
_THINKS_S = (0.2, 0.8)  # an agent, between two calls


@dataclass
class Load:
    """Agents at work, each on a thread of its own, until they are stopped."""

    agents: Sequence[Agent]
    seed: int
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for agent in self.agents:
            thread = threading.Thread(target=self._work, args=(agent,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Returns when every agent has had its last answer."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _work(self, agent: Agent) -> None:
        draw = random.Random(f"{self.seed}/{agent.number}")
        while not self._stopped.is_set():
            try:
                self._use_a_task(agent, draw)
            except Exception as failed:  # noqa: BLE001 - an agent that breaks is a finding, and the others go on
                agent.ledger.fail(agent.fault(), f"{agent.who}: {failed!r}")
                self._stopped.wait(_PAUSE_S)

    def _use_a_task(self, agent: Agent, draw: random.Random) -> None:
        _, task = agent.open()
        if task is None:
            self._stopped.wait(_PAUSE_S)
            return
        left_before = len(agent.unfinished)
        while not self._stopped.is_set():
            call = self._one(agent, task, draw)
            if call.status == 429 or call.code.startswith("task."):
                break
            self._stopped.wait(draw.uniform(*_THINKS_S))
        if len(agent.unfinished) == left_before:  # what is not known yet is asked for again at the end
            agent.end(task)

    def _one(self, agent: Agent, task: str, draw: random.Random) -> Call:
        kind = draw.choices(["read", "write", "keyed"], weights=[5, 2, 3])[0]
        if kind == "read":
            return agent.read(task)
        mark = agent.mark()
        call = agent.write(task, mark) if kind == "write" else agent.write_until_told(task, mark, f"key-{mark}")
        if call.written is not Written.MAYBE and call.status != 429:
            agent.find(task, mark, 1 if call.written is Written.YES else 0)
        return call
