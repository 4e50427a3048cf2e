"""The story in eight scenes. Each scene shows what happens and checks that it is what must happen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_local.demo.attempts import ATTEMPTS, Attempt
from postern_local.demo.auditor import Auditor
from postern_local.demo.caller import Caller, Reply
from postern_local.demo.page import Page
from postern_local.demo.people import People
from postern_local.demo.raw_values import leaked, read, sensitive_values
from postern_local.demo.tampering import attacks
from postern_local.resources import FunctionEnvironment
from postern_local.stack import Stack

JOIN = """\
SELECT c.region, c.email, c.birth_date, o.total
FROM customers c JOIN orders o ON o.customer_id = c.id
WHERE o.status = 'returned' ORDER BY o.total DESC LIMIT 3"""
AGGREGATE = """\
SELECT c.region, count(DISTINCT c.id) AS customers, count(*) AS orders, sum(o.total) AS revenue,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY o.total) AS median
FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.region ORDER BY revenue DESC"""

TOLD = "SELECT id, status, total FROM orders WHERE customer_id = $1 ORDER BY id"


@dataclass(slots=True)
class Story:
    """An agent's task from its opening to the auditor's look at it."""

    stack: Stack
    page: Page
    agent: Caller
    people: People
    raw: frozenset[str] = frozenset()
    task_id: str = ""
    answered: list[Reply] = field(default_factory=list)

    def play(self) -> None:
        self.raw = sensitive_values(self.stack.postgres)
        self.open_task()
        self.ask()
        self.attempt()
        self.end_task()
        self.people.consent()
        self.people.migrate()
        self.tamper()
        self.audit()

    def open_task(self) -> None:
        self.page.scene(
            "1. An agent asks for access",
            "It shows a token of its CI job and says what it needs, for which purpose and how long.",
        )
        request = {
            "database": "shop",
            "purpose": "find out why so many orders are returned",
            "access": [{"tables": ["customers", "orders", "support_notes", "payments"], "actions": ["select"]}],
            "lookup": ["ref.person"],
            "ttl_s": 900,
        }
        reply = self.agent.call("POST", "/v1/tasks", request)
        self.page.holds(f"POST /v1/tasks answers 201: it is {reply.body.get('state')}", reply.status == 201)
        self.task_id = str(reply.body.get("task_id"))
        masked = [
            (f"{table['table'].removeprefix('public.')}.{column['name']}", column["class"], column["mask"])
            for table in reply.body.get("scope", ())
            for column in table["columns"]
            if column["mask"]
        ]
        self.page.say("The database role made for this task sees these columns only through a mask:")
        self.page.rows(("column", "class", "mask"), masked)
        refused = self.agent.call(
            "POST", "/v1/tasks", {**request, "access": [{"tables": ["staff"], "actions": ["select"]}]}
        )
        self.page.holds("a task on staff, which the catalog does not list, is refused (403)", refused.status == 403)

    def ask(self) -> None:
        self.page.scene(
            "2. It works with real SQL",
            "Joins, aggregates and percentiles run in the database, on masks: tokens still join and count right.",
        )
        first = self.query(JOIN)
        self.show(JOIN, first)
        self.page.holds("every e-mail is a mask, every birth date a year", not self.leaks(first))
        second = self.query(AGGREGATE)
        self.show(AGGREGATE, second)
        truth = read(self.stack.postgres, AGGREGATE)
        delivered = [[str(cell) for cell in row] for row in second.body.get("rows", ())]
        self.page.holds(
            "exactly the database's own answer", delivered == [[str(cell) for cell in row] for row in truth]
        )
        self.page.say(f"Server-Timing: {first.timing}")
        self.page.say("It was told a customer's number, and may compare that one value with the tokens:")
        told = self.query(TOLD, {"lookup": "ref.person", "value": "42"})
        self.show(TOLD, told)
        truth = read(self.stack.postgres, TOLD.replace("$1", ":customer"), customer=42)
        self.page.holds("the orders of customer 42, and of nobody else", told.body.get("rows") == rows_of(truth))

    def attempt(self) -> None:
        self.page.scene(
            "3. It tries to get at more",
            "By alias, function, error, whole row, second statement, other tables: refused, or masked.",
        )
        rows = [self.one_attempt(attempt) for attempt in ATTEMPTS]
        self.page.rows(("by", "status", "what it got"), rows)
        delivered = "\n".join(json.dumps(reply.body) for reply in self.answered)
        self.page.holds(
            f"none of the shop's {len(self.raw):,} sensitive values is in anything delivered",
            not leaked(delivered, self.raw),
        )

    def one_attempt(self, attempt: Attempt) -> tuple[str, str, str]:
        reply = self.query(attempt.sql)
        code = reply.body.get("code")
        if reply.status != attempt.status or code != attempt.code or self.leaks(reply):
            self.page.holds(f"{attempt.by}: expected {attempt.status} {attempt.code}, got {reply.status} {code}", False)
        return attempt.by, str(reply.status), str(code or reply.body.get("rows"))

    def end_task(self) -> None:
        self.page.scene(
            "4. The task ends", "Its sessions are ended, its role, schema and key dropped; a query proves it."
        )
        before = self.left_in_database()
        reply = self.agent.call("DELETE", f"/v1/tasks/{self.task_id}")
        self.page.holds(f"the role was there before ({before} of 1)", before == 1)
        self.page.holds(
            f"DELETE answers 200: the task is {reply.body.get('state')}", reply.body.get("state") == "ended"
        )
        self.page.holds("no role of the task is left in the database", self.left_in_database() == 0)
        late = self.query("SELECT 1")
        self.page.holds("a statement after the end is refused (409)", late.status == 409)

    def tamper(self) -> None:
        self.page.scene(
            "7. Somebody tries to change the record",
            "With the credentials of the function that wrote it.",
        )
        got = attacks(self.brokers_environment(), self.stack.ready.bucket, self.key_of(self.answered[0].body))
        self.page.rows(("attempt", "answer"), list(got.items()))
        self.page.holds("every attempt is refused", "done" not in got.values())

    def audit(self) -> None:
        self.page.scene(
            "8. The auditor checks",
            "Every grant, statement, refusal and teardown was locked in the bucket before its answer left, and is in a"
            " Merkle log whose checkpoints are signed by a key that the writers cannot use.",
        )
        Auditor(self.stack.ready, self.page).check(self.agent, self.answered[0].body)

    def brokers_environment(self) -> Mapping[str, str]:
        """What the query function runs with: the credentials that write the records."""
        environment = FunctionEnvironment(self.stack.deployment, self.stack.aws, self.stack.ready.issuer, "/opt")
        (query,) = (one for one in self.stack.deployment.functions if one.folder.name == "query")
        return environment(query)

    def query(self, sql: str, *params: object) -> Reply:
        reply = self.agent.call("POST", f"/v1/tasks/{self.task_id}/query", {"sql": sql, "params": params})
        self.answered.append(reply)
        return reply

    def show(self, sql: str, reply: Reply) -> None:
        for line in sql.splitlines():
            self.page.sql(line)
        columns: list[dict[str, Any]] = reply.body.get("columns", [])
        self.page.rows([column["name"] for column in columns], reply.body.get("rows", []))

    def leaks(self, reply: Reply) -> bool:
        return bool(leaked(json.dumps(reply.body), self.raw))

    def left_in_database(self) -> int:
        role = f"task_{self.task_id}"
        return len(read(self.stack.postgres, "SELECT 1 FROM pg_roles WHERE rolname = :role", role=role))

    def key_of(self, body: dict[str, Any]) -> str:
        return record_key(self.stack.ready.log, RecordType.INTENT, CommandId(body["command_id"]))


def rows_of(truth: list[list[object]]) -> list[list[object]]:
    """Rows as an answer has them: a numeric is text."""
    return [[str(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in truth]
