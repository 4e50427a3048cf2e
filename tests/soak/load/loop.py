"""The open loop: sends each call when it is due, whether or not those before it were answered."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from postern_local.ready import Ready
from tests.soak.load.agent import Agent
from tests.soak.load.desk import Desk
from tests.soak.load.schedule import Arrival, arrivals
from tests.soak.load.seen import Seen
from tests.soak.load.shop_truth import ShopTruth
from tests.soak.load.strangers import Strangers
from tests.soak.load.voice import Voice

AT_ONCE = 400  # calls under way: what comes beyond is counted as not sent
PATIENCE_S = 90.0  # for what is under way when the schedule ends: longer than any call waits
_TOLD_EVERY_S = 30.0
_ROOM_TO_EXPIRE_S = 120.0  # runs that are shorter open no tasks to be forgotten


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent. The same plan gives the same schedule and draws."""

    agents: int
    rate: float  # calls a second, on average
    seconds: float
    seed: int = 0


@dataclass
class Loop:
    """One run over a gateway. `stop` ends it early, from a signal's handler or another thread."""

    ready: Ready
    plan: Plan
    seen: Seen = field(default_factory=Seen)
    agents: Sequence[Agent] = ()
    sent_s: float = 0.0  # that the schedule was followed for
    lag_ms: list[float] = field(default_factory=list)  # from due to sent: the generator's own lateness
    stopped: threading.Event = field(default_factory=threading.Event)
    _under_way: set[threading.Thread] = field(default_factory=set)

    def run(self) -> None:
        """Returns when all that was sent is answered, and every live task was told to end."""
        self.agents = self._agents()
        begun_s = told_s = time.monotonic()
        plan = self.plan
        for arrival in arrivals(seed=plan.seed, rate=plan.rate, seconds=plan.seconds, agents=plan.agents):
            due_s = begun_s + arrival.at_s
            if self.stopped.wait(max(0.0, due_s - time.monotonic())):
                break
            self._send(arrival, due_s)
            if time.monotonic() - told_s > _TOLD_EVERY_S:
                told_s = time.monotonic()
                self._tell(told_s - begun_s)
        self.sent_s = time.monotonic() - begun_s
        self._wait()
        self._end_tasks()

    def stop(self) -> None:
        self.stopped.set()

    def _agents(self) -> list[Agent]:
        truth, strangers = ShopTruth.load(self.ready.databases["shop"]), Strangers()
        operator = Voice(self.ready, "operator", self.seen, None, "person:op", {"role": "approver"})
        made = []
        for number in range(self.plan.agents):
            name = f"agent-{number:02}"
            claims = {"role": "agent", "agent": name}
            voice = Voice(self.ready, name, self.seen, strangers, f"repo:acme/load:{name}", claims)
            desk = Desk(voice, self.seen, self.stopped)
            made.append(
                Agent(
                    *(name, voice, desk, operator, truth, self.seen),
                    may_expire=self.plan.seconds > _ROOM_TO_EXPIRE_S,
                )
            )
        for index, agent in enumerate(made):
            agent.neighbour = made[(index + 1) % len(made)] if len(made) > 1 else None
        return made

    def _send(self, arrival: Arrival, due_s: float) -> None:
        self._under_way = {one for one in self._under_way if one.is_alive()}
        if len(self._under_way) >= AT_ONCE:
            self.seen.unsent += 1
            return
        self.lag_ms.append((time.monotonic() - due_s) * 1000)
        thread = threading.Thread(target=self._act, args=(arrival, due_s), daemon=True)
        self._under_way.add(thread)
        thread.start()

    def _act(self, arrival: Arrival, due_s: float) -> None:
        agent = self.agents[arrival.agent]
        try:
            agent.act(arrival, due_s)
        except Exception as failed:  # noqa: BLE001 - what the generator itself gets wrong is told, and stops no other
            self.seen.fail(f"{agent.name}, call {arrival.number}: {failed!r}")

    def _wait(self) -> None:
        limit_s = time.monotonic() + PATIENCE_S
        for thread in self._under_way:
            thread.join(max(0.0, limit_s - time.monotonic()))
        hanging = sum(thread.is_alive() for thread in self._under_way)
        if hanging:
            self.seen.fail(f"expected every call to end within {PATIENCE_S:.0f} s, {hanging} are under way still")

    def _end_tasks(self) -> None:
        """A few at a time: what follows the schedule is no load."""
        agents = iter(self.agents)
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    agent = next(agents, None)
                if agent is None:
                    return
                agent.end_all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _tell(self, at_s: float) -> None:
        seen, tasks = self.seen, sum(len(agent.tasks) for agent in self.agents)
        print(
            f"  {at_s / 60:5.1f} min   {seen.calls:6} calls   {tasks:5} tasks   {len(self._under_way):3} under way"
            f"   {sum(seen.unserved.values()):4} not served   {len(seen.wrong)} wrong",
            file=sys.stderr,
            flush=True,
        )
