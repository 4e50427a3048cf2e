"""The task that statements run in: one that stands, or one that is opened for them and ended after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from postern_cli.gate.client import ApiClient
from postern_cli.query.answers import QueryAnswer, parse_answer
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.awaiting import task_path
from postern_cli.tasks.opening import ACTIVE, await_active, request_task
from postern_cli.tasks.shapes import parse_task
from postern_cli.waiting import waiting


@dataclass(frozen=True, slots=True)
class Session:
    """A task, and how many rows an answer may have."""

    client: ApiClient
    task_id: str
    max_rows: int | None

    def run(self, sql: str, params: list[Any], key: str | None = None) -> tuple[object, QueryAnswer]:
        """The answer as it came, and its members. Raises `Stop` with the gate's reason."""
        body: dict[str, Any] = {"sql": sql}
        body |= {"params": params} if params else {}
        body |= {"max_rows": self.max_rows} if self.max_rows is not None else {}
        headers = {} if key is None else {"Idempotency_Key": key}
        try:
            with waiting("running it"):
                answer = self.client.call("POST", f"{task_path(self.task_id)}/query", body, **headers)
        except Stop as stop:
            raise Stop(stop.code, stop.line + _place(sql, stop.problem.get("position")), problem=stop.problem) from stop
        return answer.body, parse_answer(answer.body)

    def schema(self) -> object:
        """What a statement can name."""
        return self.client.call("GET", f"{task_path(self.task_id)}/schema").body


def _place(sql: str, position: object) -> str:
    """Where in the statement, as an editor counts, if the answer points at a place in it."""
    if not isinstance(position, int) or not 0 < position <= len(sql) or "\n" not in sql.rstrip():
        return f"; at character {position}" if isinstance(position, int) else ""
    before = sql[: position - 1]
    return f"; at line {before.count(chr(10)) + 1}, character {position - before.rfind(chr(10)) - 1}"


def session_in(
    client: ApiClient, task_id: str | None, body: dict[str, Any] | None, *, wait: bool, max_rows: int | None
) -> AbstractContextManager[Session]:
    """A session in the task that is named, or in one that `body` asks for."""
    if task_id is not None:
        return nullcontext(Session(client, task_id, max_rows))
    return _opened(client, body or {}, wait=wait, max_rows=max_rows)


@contextmanager
def _opened(client: ApiClient, body: dict[str, Any], *, wait: bool, max_rows: int | None) -> Iterator[Session]:
    """A session in a task of its own, which is ended whatever happens."""
    asked = request_task(client, body)
    task = parse_task(asked)
    try:
        if wait:
            task = parse_task(await_active(client, asked))
        if task.state != ACTIVE:
            raise Stop(
                Exit.REFUSED,
                f"task {task.task_id}: expected it to be active, got {task.state}, so it was ended;"
                " people must approve such a task: use --wait",
            )
        yield Session(client, task.task_id, max_rows)
    finally:
        with suppress(Stop):  # what happened before matters more, and the task expires by itself
            client.ask("DELETE", task_path(task.task_id))
