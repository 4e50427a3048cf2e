"""The calls about tasks: how each is parsed, which use case it asks, and how the answer is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from postern.edges import http, presenters
from postern.edges import task_requests as asked
from postern.edges.live_contract import live_answer
from postern.edges.principal_contract import principal_answer
from postern.run_ports import TaskRuns
from postern.types import Principal, Task

if TYPE_CHECKING:
    from postern.services.task_services import TaskServices

Answer = tuple[int, object]  # the status, and the body
Route = Callable[[http.Event, Principal, "TaskServices"], Answer]


def _open(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    request = asked.opening(event)
    task = (to.open_run_once if request.statements else to.open).run(who, request)
    return 201, presenters.task_answer(task)


def _list(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    listed = asked.listed(event)
    if listed is asked.Listed.LIVE:
        return 200, live_answer(to.live.page(who, asked.after(event)))
    return 200, presenters.seen_answers(to.review.all(who, waiting=listed is asked.Listed.WAITING), who)


def _show(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    seen = to.review.look(who, asked.task_id(event))
    return 200, presenters.seen_answer(seen, who, _runs(seen.task, to))


def _end(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    return 200, presenters.task_answer(to.end.run(who, asked.task_id(event)))


def _approve(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    return presenters.approved_answer(to.approve.run(who, asked.task_id(event), asked.said(event)), who)


def _try(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    task = to.dry_run.run(who, asked.task_id(event))
    return 202, presenters.task_answer(task, runs=_runs(task, to))


def _schema(event: http.Event, who: Principal, to: TaskServices) -> Answer:
    return 200, presenters.schema_answer(to.read.one(who, asked.task_id(event)))


def _principal(_event: http.Event, who: Principal, to: TaskServices) -> Answer:
    return 200, principal_answer(who, to.principal.rights(who))


def _runs(task: Task, to: TaskServices) -> TaskRuns | None:
    return to.runs.of(task.id) if task.runs_once else None


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/v1/tasks"): _open,
    ("GET", "/v1/tasks"): _list,
    ("GET", "/v1/tasks/{id}"): _show,
    ("DELETE", "/v1/tasks/{id}"): _end,
    ("POST", "/v1/tasks/{id}/approval"): _approve,
    ("POST", "/v1/tasks/{id}/dry-run"): _try,
    ("GET", "/v1/tasks/{id}/schema"): _schema,
    ("GET", "/v1/principal"): _principal,
}
