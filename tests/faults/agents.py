"""Agents that read, write with a key and without, open and end tasks, and check every answer by themselves."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from postern_local import issuer
from postern_local.ready import Ready
from tests.faults.data import PRODUCTS, insert
from tests.faults.ledger import Call, Ledger, Opened, Written

STATEMENTS, ROWS = 30, 120  # of a task's budgets: agents use them up
ACCESS = [{"tables": ["products"], "actions": ["select"]}, {"tables": ["marks"], "actions": ["select", "insert"]}]
TRIES = 3  # of a call with a key, until it is left for the end
_ANSWER_S = 60.0
_PAUSE_S = 0.5
# What may be answered at any time. A fault of ours (500), a task that is not there or a refusal never is.
RIGHT = frozenset({0, 200, 201, 202, 409, 422, 429, 502, 503, 504})
_marks = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A call with a key of which no answer has told what became of it. It is to be repeated as it was."""

    task: str
    mark: str
    key: str
    pad: str


@dataclass
class Agent:
    """One caller with a principal of its own. `fault` tells what is in force when a call is sent."""

    ready: Ready
    number: int
    ledger: Ledger
    fault: Callable[[], str]
    products: Sequence[tuple[int, str]]
    token_off_s: int = 0
    also_right: frozenset[int] = frozenset()
    unfinished: list[Unfinished] = field(default_factory=list)

    @property
    def who(self) -> str:
        return f"agent-{'abcdefghijklmnop'[self.number]}"

    def open(self, *, statements: int = STATEMENTS, rows: int = ROWS) -> tuple[Call, str | None]:
        body = {
            "database": "shop",
            "purpose": "faults",
            "access": ACCESS,
            "max_statements": statements,
            "max_rows": rows,
        }
        call, answer = self._call("open", "POST", "/v1/tasks", body)
        if call.status != 201:
            return call, None
        self.ledger.opened(Opened(answer["task_id"], self.who, statements, rows))
        return call, str(answer["task_id"])

    def end(self, task: str) -> Call:
        return self._call("end", "DELETE", f"/v1/tasks/{task}", task=task)[0]

    def read(self, task: str) -> Call:
        """Five products from one that is drawn; the answer must be those."""
        first, mark = random.randrange(1, PRODUCTS - 5), self.mark()
        sql = f"SELECT id, name FROM products WHERE id >= $1 AND name <> '{mark}' ORDER BY id LIMIT 5"
        call, answer = self._query(task, "read", sql, [first], mark=mark, max_rows=5)
        if call.status == 200 and [tuple(row) for row in answer["rows"]] != list(self.products[first - 1 : first + 4]):
            self.ledger.fail(call.fault, f"{self.who}: expected products from {first}, got {answer['rows']}")
        return call

    def find(self, task: str, mark: str, count: int) -> Call:
        """Reads back what it wrote, or did not."""
        call, answer = self._query(task, "read", "SELECT mark FROM marks WHERE mark = $1", [mark], max_rows=2)
        if call.status == 200 and answer["rows"] != [[mark]] * count:
            self.ledger.fail(call.fault, f"{self.who}: expected {mark} {count} times, got {answer['rows']}")
        return call

    def mark(self) -> str:
        return f"{self.who}-{next(_marks):06d}"

    def write(self, task: str, mark: str, *, key: str | None = None, pad: str = "") -> Call:
        kind = "write" if key is None else "keyed"
        return self._query(task, kind, insert(self.number, mark), [pad], mark=mark, key=key)[0]

    def write_until_told(self, task: str, mark: str, key: str, *, pad: str = "", tries: int = TRIES) -> Call:
        """The same call again, until an answer tells what became of it; after that often it is left for the end."""
        for _ in range(tries):
            call = self.write(task, mark, key=key, pad=pad)
            if is_told(call):
                return call
            time.sleep(_PAUSE_S)
        self.unfinished.append(Unfinished(task, mark, key, pad))
        return call

    def send_and_hang_up(self, task: str, mark: str, key: str | None, *, after_s: float) -> None:
        """Sends a write and ends the connection before its answer."""
        connection = self._connect()
        kind = "write" if key is None else "keyed"
        begun = time.time()
        body = json.dumps({"sql": insert(self.number, mark), "params": [""], "max_rows": 1})
        connection.request("POST", f"/v1/tasks/{task}/query", body, self._headers(key))
        time.sleep(after_s)
        connection.close()
        took_s = time.time() - begun
        self.ledger.note(Call(self.fault(), self.who, kind, 0, "none", begun, took_s, task=task, mark=mark, key=key))

    def tasks(self) -> list[dict[str, Any]]:
        return list(self._call("list", "GET", "/v1/tasks")[1].get("tasks", []))

    def task(self, task: str) -> dict[str, Any]:
        return self._call("look", "GET", f"/v1/tasks/{task}")[1]

    def _query(
        self,
        task: str,
        kind: str,
        sql: str,
        params: list[object],
        *,
        mark: str | None = None,
        key: str | None = None,
        max_rows: int = 1,
    ) -> tuple[Call, dict[str, Any]]:
        # What a dead statement holds back is as many rows as it asked for: a task goes on beside it.
        body = {"sql": sql, "params": params, "max_rows": max_rows}
        return self._call(kind, "POST", f"/v1/tasks/{task}/query", body, task=task, mark=mark, key=key)

    def _call(
        self,
        kind: str,
        method: str,
        path: str,
        body: object | None = None,
        *,
        task: str | None = None,
        mark: str | None = None,
        key: str | None = None,
    ) -> tuple[Call, dict[str, Any]]:
        fault, begun, right = self.fault(), time.time(), RIGHT | self.also_right
        status, headers, answer = self._exchange(method, path, body, key)
        call = Call(
            fault,
            self.who,
            kind,
            status,
            str(answer.get("code", "none")),
            begun,
            time.time() - begun,
            retry_after=headers.get("Retry-After"),
            task=task,
            mark=mark,
            key=key,
            command_id=answer.get("command_id"),
            row_count=int(answer.get("row_count") or 0),
            affected=answer.get("affected"),
            receipts=_receipts(answer),
        )
        if status not in right:
            self.ledger.fail(fault, f"{self.who} {kind}: expected one of {sorted(right)}, got {status} {answer}")
        return self.ledger.note(call), answer

    def _exchange(
        self, method: str, path: str, body: object | None, key: str | None
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        connection = self._connect()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self._headers(key))
            answer = connection.getresponse()
            return answer.status, dict(answer.headers.items()), json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException):
            return 0, {}, {}
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.ready.api).netloc, timeout=_ANSWER_S)

    def _headers(self, key: str | None) -> dict[str, str]:
        token = issuer.mint(
            Path(self.ready.state) / "issuer" / "issuer.key",
            self.ready.issuer,
            sub=f"repo:acme/{self.who}:main",
            audience=self.ready.audience,
            claims={"role": "agent"},
            ttl_s=300 if self.token_off_s else 3600,
            now=int(time.time()) + self.token_off_s,
        )
        named = {} if key is None else {"Idempotency-Key": key}
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **named}


def is_told(call: Call) -> bool:
    """Whether a call with a key has come to its end: sent once more, it would be answered the same."""
    return call.status == 200 or (call.status in (409, 422, 429) and call.written is Written.NO)


def _receipts(answer: dict[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """By command: of the answer, or of what it repeats."""
    found = [answer, *(answer.get("statements") or ())]
    return tuple((one["command_id"], one["receipt"]) for one in found if one.get("receipt") and one.get("command_id"))
