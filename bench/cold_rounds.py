"""One round of cold starts: every function once, in the middle of a task's life, with the call that it gets most."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.request import urlopen

from bench.cold_stack import ColdLambdas, Start
from postern.edges.sqs_events import format_message
from postern_local.demo.caller import Caller, Reply
from postern_local.stack import Stack

STATEMENT = "SELECT id, full_name, email, birth_date FROM customers ORDER BY created_at DESC LIMIT 1"
# Some 5 MB, where an answer ends: rows that detectors must look through.
WIDEST = "SELECT c.*, o.* FROM orders o JOIN customers c ON c.id = o.customer_id"
LARGEST = "query, 5 MB"
READ = {
    "database": "shop",
    "purpose": "bench",
    "access": [{"tables": ["customers", "orders"], "actions": ["select"]}],
    "ttl_s": 300,
}
_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Round:
    """A round over one stack. Whatever is not what it should be ends the run: only real answers are measured."""

    stack: Stack
    lambdas: ColdLambdas
    agent: Caller

    def run(self) -> Iterator[tuple[str, Start]]:
        """A function's folder and its start, function by function."""
        task = self._open("tasks")
        yield "tasks", task[1]
        yield "provision", self._open("provision")[1]
        path = f"/v1/tasks/{task[0].body['task_id']}"
        query = self._cold("query", lambda: self._ask(200, "POST", f"{path}/query", {"sql": STATEMENT}))
        yield "query", query[1]
        widest = {"sql": WIDEST, "max_rows": 100_000}
        yield LARGEST, self._cold("query", lambda: self._ask(200, "POST", f"{path}/query", widest))[1]
        yield "authorize", self._cold("authorize", lambda: self._ask(200, "GET", path))[1]
        command = query[0].body["command_id"]
        receipt = self._receipt(command)
        yield "receipts", receipt[1]
        records = f"/v1/records?task={task[0].body['task_id']}"
        yield "inspect", self._cold("inspect", lambda: self._ask(200, "GET", records))[1]
        yield "mcp", self._tool(task[0].body["task_id"])
        yield "console", self._page()
        yield "sequence", self._direct("sequence", self._message(receipt[0].body["records"][0]["key"]))
        yield "run", self._migrate()
        yield "revoke", self._revoke(task[0].body["task_id"])
        yield "reap", self._direct("reap", {"action": "reap"})
        yield "deploy", self._direct("deploy", {"action": "record"})

    def _open(self, name: str) -> tuple[Reply, Start]:
        return self._cold(name, lambda: self._ask(201, "POST", "/v1/tasks", READ))

    def _receipt(self, command: str) -> tuple[Reply, Start]:
        path = f"/v1/receipts/{command}"
        self._until(lambda: bool(self.agent.call("GET", path).body.get("records")), "the record in the log")
        return self._cold("receipts", lambda: self._ask(200, "GET", path))

    def _tool(self, task: str) -> Start:
        """A statement over MCP; the API that the tool asks is the stack's own, and warm."""
        arguments = {"task_id": task, "sql": STATEMENT}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query", "arguments": arguments}}
        reply, start = self._cold("mcp", lambda: self._ask(200, "POST", "/mcp", call))
        if reply.body["result"]["structuredContent"].get("row_count") != 1:
            raise RuntimeError(f"mcp: expected a row, got {reply.body}")
        return start

    def _page(self) -> Start:
        """What a browser asks for first."""
        with self.lambdas.starting_cold(self._named("console")) as measured, urlopen(f"{self.agent.ready.api}/console"):
            (start,) = measured.starts
        return start

    def _message(self, key: str) -> dict[str, Any]:
        """What S3 sends of a record, come a second time: it is looked up in the log, and let go of."""
        return {"Records": [{"messageId": "1", "body": format_message(self.stack.ready.bucket, [key])}]}

    def _migrate(self) -> Start:
        """Two people approve; the second one's approval starts the run."""
        statements = [{"sql": "CREATE TABLE public.bench_cold (n int)"}, {"sql": "DROP TABLE public.bench_cold"}]
        asked = {"database": "shop", "purpose": "bench", "statements": statements}
        task = self._ask(201, "POST", "/v1/tasks", asked).body["task_id"]
        with self.lambdas.starting_cold(self._named("run")) as measured:
            for name in ("erin", "frank"):
                who = replace(self.agent, sub=f"person:{name}", claims={"role": "approver"})
                said = {"decision": "approve", "comment": "bench"}
                self._expect(who.call("POST", f"/v1/tasks/{task}/approval", said), 200, 202)
            self._until(lambda: bool(measured.starts), "a run")
        (start,) = measured.starts
        if start.answer != {"status": "done", "error": None}:
            raise RuntimeError(f"run: expected it to be done, got {start.answer}")
        return start

    def _revoke(self, task: str) -> Start:
        who = replace(self.agent, sub="person:erin", claims={"role": "approver"})
        said = {"task": task, "reason": "bench"}
        return self._cold("revoke", lambda: self._expect(who.call("POST", "/v1/revocations", said), 200))[1]

    def _direct(self, name: str, event: dict[str, Any]) -> Start:
        with self.lambdas.starting_cold(self._named(name)) as measured:
            self.lambdas.invoke(self._named(name), json.dumps(event).encode()).result()
        return measured.starts[0]

    def _cold(self, name: str, call: Callable[[], Reply]) -> tuple[Reply, Start]:
        with self.lambdas.starting_cold(self._named(name)) as measured:
            reply = call()
        (start,) = measured.starts
        return reply, start

    def _ask(self, status: int, method: str, path: str, body: object | None = None) -> Reply:
        return self._expect(self.agent.call(method, path, body), status)

    def _expect(self, reply: Reply, *statuses: int) -> Reply:
        if reply.status not in statuses:
            raise RuntimeError(f"expected status {' or '.join(map(str, statuses))}, got {reply.status} {reply.body}")
        return reply

    def _until(self, is_done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _WAIT_S
        while not is_done():
            if time.monotonic() > end:
                raise RuntimeError(f"expected {what} within {_WAIT_S:.0f} s, got none")
            time.sleep(0.2)

    def _named(self, name: str) -> str:
        return next(one.name for one in self.stack.deployment.functions if one.folder.name == name)
