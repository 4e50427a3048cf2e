"""An agent: opens tasks, uses and ends them, several over its life, and holds every answer against what it knows.

What an arrival does is drawn from the arrival's own random source, and from what the agent has at that moment: the
same seed gives the same schedule and the same draws, though not the same order of answers.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from postern_local.demo.caller import Reply
from tests.soak.load.acts import ACTS
from tests.soak.load.desk import Desk
from tests.soak.load.holding import AFFECTED, ROWS, STATEMENTS, Holding
from tests.soak.load.own_rows import OwnRows
from tests.soak.load.schedule import Arrival
from tests.soak.load.seen import Command, Seen, code_of, is_unserved, said_by
from tests.soak.load.shop_truth import ShopTruth
from tests.soak.load.voice import Voice

ACCESS = (
    {"tables": ["customers", "order_lines", "orders", "products"], "actions": ["select"]},
    {"tables": ["entries"], "actions": ["delete", "insert", "select", "update"]},
    {"tables": ["letters"], "actions": ["insert", "select"]},
)
TABLES = sorted(f"public.{table}" for one in ACCESS for table in one["tables"])
ENDED = "ended"
LIVE_TASKS = 2  # of an agent at a time
ROW_BUDGET, AFFECTED_BUDGET = 1_000_000, 10_000
TTL_S, SHORT_TTL_S = 3600, 60
_TRIES = 5  # to end a task
_MARGIN_S = 35.0  # before its deadline a task is left alone: longer than a call may take


@dataclass
class Agent:
    """One principal. Its calls come from many threads; `neighbour` is the agent whose ids it tries."""

    name: str
    voice: Voice
    desk: Desk
    operator: Voice
    truth: ShopTruth
    seen: Seen
    may_expire: bool  # some tasks are opened to be forgotten: there is time to wait for their end
    entries: OwnRows = field(default_factory=OwnRows)
    letters: OwnRows = field(default_factory=OwnRows)
    tasks: list[Holding] = field(default_factory=list)
    commands: list[tuple[float, Command]] = field(default_factory=list)
    neighbour: Agent | None = None
    opening: int = 0
    unheard: int = 0  # openings that were not answered: their tasks may stand
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self, arrival: Arrival, due_s: float) -> None:
        """Does what the arrival draws, or what must come before it."""
        draw = arrival.draw
        with self._lock:
            live = self._live()
            opens = len(live) + self.opening == 0 or (len(live) + self.opening < LIVE_TASKS and draw.random() < 0.04)
            self.opening += opens
        if opens:
            return self._open(draw, due_s)
        if not live:
            return self.list(due_s)
        spent = [task for task in live if task.used[STATEMENTS] >= task.had[STATEMENTS]]
        if spent and draw.random() < 0.7:
            return self.end(spent[0], due_s)
        task = draw.choice(live)
        act = draw.choices([act for act, _ in ACTS], weights=[weight for _, weight in ACTS])[0]
        act(self, task, draw, due_s)
        return None

    def end_all(self) -> None:
        """Ends what nobody said the end of, once no call is under way; again where that is not served."""
        for task in self.tasks:
            task.is_live = task.is_live and task.ends_as != ENDED
            for _ in range(_TRIES):
                if ENDED not in task.ends_as or task.is_told:
                    break
                self._delete(task, time.monotonic())

    def remember(self, commands: Iterable[Command]) -> None:
        """Keeps what can be asked for by receipt later."""
        with self._lock:
            self.commands += [(time.monotonic(), one) for one in commands]

    def _live(self) -> list[Holding]:
        now_s = time.monotonic()
        return [task for task in self.tasks if task.is_live and now_s < task.deadline_s - _MARGIN_S]

    def _open(self, draw: random.Random, due_s: float) -> None:
        expires = self.may_expire and draw.random() < 0.05
        ttl_s = SHORT_TTL_S if expires else TTL_S
        had = {STATEMENTS: draw.randrange(6, 17), ROWS: ROW_BUDGET, AFFECTED: AFFECTED_BUDGET}
        body = {"database": "shop", "purpose": f"load of {self.name}", "access": ACCESS, "ttl_s": ttl_s}
        body |= {f"max_{name}": amount for name, amount in had.items()}
        begun_s = time.monotonic()
        reply = self.voice.send("open", due_s, "POST", "/v1/tasks", body)
        with self._lock:
            self.opening -= 1
            if reply is None or is_unserved(reply):
                self.unheard += 1
            elif reply.status == 201 and reply.body["state"] == "active":
                ends_as = "expired" if expires else ENDED
                self.tasks.append(Holding(str(reply.body["task_id"]), had, begun_s + ttl_s, ends_as))
            else:
                self.seen.fail(f"{self.name} open: expected an active task, got {said_by(reply)} {reply.body}")

    def end(self, task: Holding, due_s: float) -> None:
        if task.ends_as == ENDED and task.take_out():
            self._delete(task, due_s)
        else:
            self.list(due_s)

    def _delete(self, task: Holding, due_s: float) -> None:
        """Tells the task to end. One that was told before, though nobody heard it, may have ended meanwhile."""
        reply = self.voice.send("end", due_s, "DELETE", f"/v1/tasks/{task.id}", about=task.id)
        if reply is None or is_unserved(reply):
            task.disturb()
            return
        task.is_told = True
        self.expect("end", reply, 200, *(("task.state",) if task.is_disturbed else ()))

    def list(self, due_s: float) -> None:
        with self._lock:
            live = {task.id for task in self._live()}
        reply = self.voice.send("list", due_s, "GET", "/v1/tasks")
        if reply is None or reply.status != 200:
            return self.expect("list", reply, 200)
        with self._lock:
            known = {task.id for task in self.tasks}
            may_have_more = self.opening + self.unheard > 0
        listed = {one["task_id"] for one in reply.body["tasks"]}
        if not live <= listed or not (may_have_more or listed <= known):
            self.seen.fail(f"{self.name} list: expected {sorted(live)} among its own tasks, got {sorted(listed)}")
        return None

    def expect(self, what: str, reply: Reply | None, *right: object) -> None:
        """Fails unless the answer's status, or its code, is one of those; what was not served is counted already."""
        if reply is not None and not is_unserved(reply) and not {reply.status, code_of(reply)} & set(right):
            self.seen.fail(f"{self.name} {what}: expected {right}, got {said_by(reply)} {reply.body}")
