"""Parallel clients over real HTTP with real tokens: each opens tasks, uses them and brings them to an end."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from postern_local.demo.caller import Caller, Reply
from postern_local.ready import Ready

WRITABLE = ["orders"]
READABLE = ["customers", "orders", "order_lines", "products"]
STATEMENTS = 4  # of a task's budget
ROWS = 200
PRINCIPALS = 6


class Ending(StrEnum):
    """How a task comes to its end."""

    END = "ended"
    EXPIRE = "expired"
    REVOKE = "revoked"


@dataclass
class Asked:
    """One statement as its caller saw it."""

    kind: str
    status: int
    code: str | None
    command_id: str | None
    row_count: int
    receipt: dict[str, Any] | None


@dataclass
class Used:
    """One task as its caller saw it; `left` is what the last answer said."""

    id: str
    ending: Ending
    caller: Caller
    asked: list[Asked] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    is_disturbed: bool = False  # a statement was not served: what it had reserved counts until the reaper gives it back


@dataclass
class Seen:
    """What all clients saw, and the milliseconds of each call by its kind."""

    tasks: list[Used] = field(default_factory=list)
    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    retried: int = 0
    unserved: int = 0  # statements that were answered 503
    unheard: int = 0  # openings that were not answered in time
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, used: Used) -> None:
        with self._lock:
            self.tasks.append(used)

    def fail(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)

    def timed(self, kind: str, call: Callable[[], Reply]) -> Reply:
        begun = time.perf_counter()
        reply = call()
        with self._lock:
            self.times_ms[kind].append((time.perf_counter() - begun) * 1000)
        return reply


# What is asked, and what must be answered: the statuses that are right for it.
KINDS: dict[str, tuple[dict[str, Any], frozenset[int]]] = {
    "read": ({"sql": "SELECT id, status, total FROM orders ORDER BY id LIMIT 20"}, frozenset({200})),
    "masked": ({"sql": "SELECT full_name, email FROM customers ORDER BY created_at LIMIT 10"}, frozenset({200})),
    "join": (
        {"sql": "SELECT p.category, count(*) FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY 1"},
        frozenset({200}),
    ),
    "write": ({"sql": "UPDATE orders SET status = 'paid' WHERE id = $1"}, frozenset({200})),
    "wrong": ({"sql": "SELECT 1 / (id - id) FROM orders"}, frozenset({422})),
    "syntax": ({"sql": "SELEC 1"}, frozenset({422})),
    "refused": ({"sql": "SELECT * FROM staff"}, frozenset({403})),
}
OVER_BUDGET = frozenset({429})
# Right for any statement of a task of which one was not served: budgets may be used up sooner, or later.
DISTURBED = frozenset({200, 429})


@dataclass(frozen=True)
class Client:
    """One thread's work. Its principal is one of several; the operator revokes for it."""

    ready: Ready
    number: int
    operator: Caller
    seen: Seen
    draw: random.Random

    @property
    def caller(self) -> Caller:
        return Caller(self.ready, f"repo:acme/soak-{'abcdef'[self.number % PRINCIPALS]}:main", {"role": "agent"})

    def run(self, tasks: Iterator[int]) -> None:
        """Uses tasks until there are no more numbers."""
        for number in tasks:
            try:
                self._one(number)
            except Exception as failed:  # noqa: BLE001 - one task that fails must not stop the others
                self.seen.fail(f"task {number}: {failed!r}")

    def _one(self, number: int) -> None:
        ending = self.draw.choices(list(Ending), weights=[8, 1, 1])[0]
        used = self._open(ending)
        if used is None:
            return
        self.seen.note(used)
        for kind in self._plan():
            self._ask(used, kind)
        if ending is Ending.END:
            self._expect(used, "end", self._call("end", "DELETE", f"/v1/tasks/{used.id}"), {200})
        elif ending is Ending.REVOKE:
            body = {"task": used.id, "reason": f"soak {number}"}
            reply = self._call("revoke", "POST", "/v1/revocations", body, self.operator)
            self._expect(used, "revoke", reply, {200, 202})

    def _open(self, ending: Ending) -> Used | None:
        access = [
            {"tables": READABLE, "actions": ["select"]},
            {"tables": WRITABLE, "actions": ["update"]},
        ]
        body = {
            "database": "shop",
            "purpose": "soak",
            "access": access,
            "max_statements": STATEMENTS,
            "max_rows": ROWS,
            "ttl_s": 60 if ending is Ending.EXPIRE else 600,
        }
        reply = self._call("open", "POST", "/v1/tasks", body)
        if reply.status in {503, 504}:
            self.seen.unheard += 1  # it may stand all the same: see `end_unheard`
            return None
        if reply.status != 201:
            self.seen.fail(f"open: expected 201, got {reply.status} {reply.body}")
            return None
        return Used(str(reply.body["task_id"]), ending, self.caller)

    def _plan(self) -> list[str]:
        """Two to four statements; sometimes one more than the budget has."""
        count = self.draw.choice([2, 3, 4])
        kinds = [self.draw.choice(list(KINDS)) for _ in range(count)]
        if count == STATEMENTS and self.draw.random() < 0.5:
            kinds.append("over")
        return kinds

    def _ask(self, used: Used, kind: str) -> None:
        body, right = KINDS.get(kind, (KINDS["read"][0], OVER_BUDGET))
        if kind == "write":
            body = {**body, "params": [self.draw.randrange(1, 2000)]}
        reply = self._call("query", "POST", f"/v1/tasks/{used.id}/query", body)
        if reply.status == 503:  # a saturated machine: told as such, and nothing of it delivered
            self.seen.unserved += 1
            used.is_disturbed = True
        else:
            self._expect(used, kind, reply, right | DISTURBED if used.is_disturbed else right)
        answer = reply.body
        used.asked.append(
            Asked(
                kind,
                reply.status,
                answer.get("code"),
                answer.get("command_id"),
                int(answer.get("row_count") or 0),
                answer.get("receipt"),
            )
        )
        if reply.status == 200:
            used.left = {name: answer["remaining"][name] for name in ("statements", "rows")}

    def _call(
        self, kind: str, method: str, path: str, body: object | None = None, caller: Caller | None = None
    ) -> Reply:
        """Once more where the gate says that a part was away; each try is counted. Its principal calls, or `caller`."""
        calling = caller or self.caller
        for _ in range(5):
            reply = self.seen.timed(kind, lambda: calling.call(method, path, body))
            if reply.status != 503 or kind == "query":
                break
            self.seen.retried += 1
            time.sleep(1)
        return reply

    def _expect(self, used: Used, what: str, reply: Reply, right: frozenset[int] | set[int]) -> None:
        if reply.status not in right:
            self.seen.fail(f"{used.id} {what}: expected {sorted(right)}, got {reply.status} {reply.body}")


def end_unheard(ready: Ready, seen: Seen) -> int:
    """Ends what was opened though its answer did not come in time. Returns how many tasks that were."""
    known, ended = {used.id for used in seen.tasks}, 0
    for number in range(PRINCIPALS):
        caller = Client(ready, number, Caller(ready, "", {}), seen, random.Random()).caller
        for task in caller.call("GET", "/v1/tasks").body.get("tasks", []):
            if task["task_id"] not in known and task["state"] in {"active", "provisioning"}:
                caller.call("DELETE", f"/v1/tasks/{task['task_id']}")
                ended += 1
    return ended


def run_clients(ready: Ready, *, tasks: int, clients: int, seed: int, told: Callable[[int], None]) -> Seen:
    """So many tasks by so many clients at a time. Returns when all have had their turn."""
    seen, numbers, lock = Seen(), iter(range(tasks)), threading.Lock()

    def next_numbers() -> Iterator[int]:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            if number % 50 == 0:
                told(number)
            yield number

    operator = Caller(ready, "person:op", {"role": "approver"})
    threads = [
        threading.Thread(
            target=Client(ready, n, operator, seen, random.Random(f"{seed}/{n}")).run, args=(next_numbers(),)
        )
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen
