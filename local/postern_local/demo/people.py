"""The part of the story in which people decide: a task that waits for consent, its revocation, and a migration."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from postern_local.demo.caller import Caller, Reply
from postern_local.demo.page import Page
from postern_local.demo.raw_values import read
from postern_local.stack import Stack

MIGRATION = "ALTER TABLE public.orders ADD COLUMN reviewed boolean NOT NULL DEFAULT false"
_WAIT_S = 60.0  # for a run that takes a second or two
_FINAL = {"ended", "failed", "expired", "revoked", "denied"}


@dataclass(frozen=True, slots=True)
class People:
    """Two people beside the agent, each with a token of their own."""

    stack: Stack
    page: Page
    agent: Caller
    erin: Caller
    frank: Caller

    def consent(self) -> None:
        self.page.scene(
            "5. People decide",
            "Two hours are more than policy grants an agent by itself. Somebody must agree, and can take it back.",
        )
        task = self._ask({"access": [{"tables": ["orders"], "actions": ["select"]}], "ttl_s": 7200})
        self.page.holds(f"the task is {task.body.get('state')}", task.body.get("state") == "pending_approval")
        own = self._approve(self.agent, task)
        self.page.holds(f"the agent cannot approve it itself ({own.status} {own.body.get('code')})", own.status == 403)
        approved = self._approve(self.erin, task)
        self.page.holds(f"Erin approves: it is {approved.body.get('state')}", approved.body.get("state") == "active")
        ran = self._query(task)
        self.page.holds(f"a statement runs ({ran.status})", ran.status == 200)
        revoked = self.frank.call("POST", "/v1/revocations", {"task": _id(task), "reason": "the shop closes"})
        self.page.holds(f"Frank revokes it ({revoked.status})", revoked.status == 200)
        late = self._query(task)
        self.page.holds(f"the next statement is refused ({late.body.get('code')})", late.status == 409)

    def migrate(self) -> None:
        self.page.scene(
            "6. A migration",
            "Statements that run once, as the tables' owner: tried first, then agreed to by two people, to the byte.",
        )
        self.page.sql(MIGRATION)
        task = self._ask({"statements": [{"sql": MIGRATION}]})
        tried = self.erin.call("POST", f"/v1/tasks/{_id(task)}/dry-run")
        self.page.holds(f"a dry run is asked for ({tried.status})", tried.status == 202)
        seen = self._until(self.erin, task, lambda body: _states(body) not in ([], ["running"]))
        locks = [lock for one in seen.body["dry_runs"] for ran in one["statements"] for lock in ran["locks"]]
        self.page.rows(("it would lock", "mode"), [(lock["relation"], lock["mode"]) for lock in locks])
        is_tried = _states(seen.body) == ["done"] and not self._has_column()
        self.page.holds("it ran and was rolled back", is_tried)
        self._approve(self.erin, task)
        second = self._approve(self.frank, task)
        self.page.holds(f"Erin and Frank approve: it runs ({second.status})", second.status == 202)
        ended = self._until(self.agent, task, lambda body: body["state"] in _FINAL)
        self.page.holds(f"the task is {ended.body.get('state')}", ended.body.get("state") == "ended")
        self.page.holds("the column is there", self._has_column())

    def _ask(self, wanted: dict[str, object]) -> Reply:
        purpose = {"database": "shop", "purpose": "orders are to be reviewed by hand"}
        return self.agent.call("POST", "/v1/tasks", {**purpose, **wanted})

    def _approve(self, who: Caller, task: Reply) -> Reply:
        said = {"decision": "approve", "comment": "as agreed this morning"}
        return who.call("POST", f"/v1/tasks/{_id(task)}/approval", said)

    def _query(self, task: Reply) -> Reply:
        return self.agent.call("POST", f"/v1/tasks/{_id(task)}/query", {"sql": "SELECT count(*) FROM orders"})

    def _until(self, who: Caller, task: Reply, is_done: Callable[[Any], bool]) -> Reply:
        end = time.monotonic() + _WAIT_S
        while True:
            seen = who.call("GET", f"/v1/tasks/{_id(task)}")
            if seen.status != 200 or is_done(seen.body) or time.monotonic() > end:
                return seen
            time.sleep(0.3)

    def _has_column(self) -> bool:
        sql = "SELECT 1 FROM pg_attribute WHERE attrelid = 'public.orders'::regclass AND attname = 'reviewed'"
        return bool(read(self.stack.postgres, sql))


def _states(body: Any) -> list[str]:  # noqa: ANN401 - an answer's JSON
    return [one["state"] for one in body["dry_runs"]]


def _id(task: Reply) -> str:
    return str(task.body.get("task_id"))
