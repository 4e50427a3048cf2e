"""`postern audit erase`: destroys the data keys of a task, so that nothing opens its sealed statements any more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from postern.edges.erase_contract import format_request
from postern_cli.audit import app
from postern_cli.aws import AwsAccess, reached
from postern_cli.gate.options import JsonOption
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

_STANDS = (
    "still provable: that the statements were asked, by whom, when, in which order and with which outcome; their texts"
    " without literals. Not any more: the literals, by nobody."
)


@app.command()
def erase(
    task: Annotated[str, typer.Option(help="The task's id: 32 hex digits.")],
    reason: Annotated[str, typer.Option(help="Why. It is recorded, and stays.")],
    function: Annotated[str, typer.Option(help="The reaper's name or ARN.")] = "postern-reap",
    ready: Annotated[Path | None, typer.Option(help="Ready file of a local stack.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where AWS answers, if not at AWS.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy what opens a task's sealed statements. It cannot be undone; sent again it says what was done.

    Exit code: 0 done; 1 refused (the task still runs, or nothing of it is sealed); 3 it cannot be told, send it again.
    """
    access = AwsAccess.of(ready, endpoint_url)
    with reached(function):
        by = access.client("sts").get_caller_identity()["Arn"]
        request = format_request(task, by=by, reason=reason)
        answer = access.client("lambda").invoke(FunctionName=function, Payload=json.dumps(request).encode())
        erased = _parse(answer)
    if erased.get("status") != "ok":
        refused = erased.get("code") in {"request.invalid", "task.state", "task.unknown"}
        detail = erased.get("detail", "expected an answer, got none: send it again")
        raise Stop(Exit.REFUSED if refused else Exit.UNKNOWN, f"erase: {detail}")
    members = ("keys", "task_id", "erased_at", "event_id")
    if as_json:
        print(json.dumps({name: erased.get(name) for name in members}))
        return
    keys, task_id, erased_at, event_id = (printable(str(erased.get(name, "(not told)"))) for name in members)
    print(f"erased {keys} keys of task {task_id} at {erased_at}")
    print(f"recorded as event {event_id}")
    print(_STANDS)


def _parse(answer: dict[str, Any]) -> dict[str, Any]:
    payload = json.loads(answer["Payload"].read())
    return {} if "FunctionError" in answer or not isinstance(payload, dict) else payload
