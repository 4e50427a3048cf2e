"""One answer in a process of its own: the memory that it took at most, from the first row to the handler's response.

The handler's `respond` runs over a session on a real server; evidence and state are left out: they hold no rows.
"""

from __future__ import annotations

import gc
import json
import socket
import sys
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from functions.query import handler

from bench.rows_shapes import MEMORY, ONE_ROW, Shape
from postern.audit.bodies import keyed_digest
from postern.edges import http
from postern.edges.postgres.connect import open_connection
from postern.edges.postgres.task_session import TaskSession
from postern.edges.system import SystemClock
from postern.identity.context import format_principal
from postern.ports import Limits
from postern.services.answers import deliver
from postern.services.calls import Answered, Answers, Call
from postern.services.stopwatch import Stopwatch
from postern.types import Budgets, CommandId, Principal, Receipt, Sha256Hex, TaskId

if TYPE_CHECKING:
    from postern.services.run_statements import RunStatements

COMMAND = CommandId("0199a0b0-c0d0-7000-8000-00000000000a")
_HASH = Sha256Hex("0" * 64)


@dataclass(slots=True)
class OneAnswer:
    """Stands for the service: runs what it is asked for, and delivers it."""

    session: TaskSession
    shape: Shape
    max_bytes: int
    detectors: tuple[str, ...] | None = None  # those that are on by default
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self, _principal: Principal, _task_id: TaskId, call: Call, _watch: Stopwatch) -> Answers:
        [statement] = call.statements
        bounds = limits(statement.max_rows, self.max_bytes)
        result = self.session.run(statement.sql, [], bounds, command_id=COMMAND)
        delivery = deliver(result, self.shape.views, self.detectors)
        keyed_digest(bytes(32), delivery.rows_json)
        receipt = Receipt(_HASH, _HASH, "bench", "0" * 64)
        return Answers((Answered(COMMAND, delivery, None, result.received_bytes, receipt),), Budgets(), 0)


def open_session(path: Path) -> TaskSession:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    return TaskSession(open_connection(sock, user="postgres", database="postgres", application_name="bench"))


def limits(rows: int, max_bytes: int) -> Limits:
    return Limits(rows, max_bytes, 1_000_000, statement_timeout_ms=600_000, lock_timeout_ms=1_000)


def main() -> None:
    """Prints what one answer took: sizes and peaks in bytes."""
    path, shape, is_traced = Path(sys.argv[1]), MEMORY[int(sys.argv[2])], sys.argv[3] == "1"
    run = OneAnswer(open_session(path), shape, shape.max_bytes)
    answered(run, ONE_ROW)
    gc.collect()
    if is_traced:
        tracemalloc.start()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc(5))
    before = _held_bytes(is_traced=is_traced)
    response = answered(run, shape.statement)
    peak = tracemalloc.get_traced_memory()[1] if is_traced else _status_bytes("VmHWM")
    body = response["body"]
    sizes = {"body_bytes": len(body.encode()), "text_bytes": sys.getsizeof(body), "peak_bytes": peak - before}
    print(json.dumps(sizes))


def answered(run: OneAnswer, sql: str) -> http.Response:
    now_s = run.clock.now_us() // 1_000_000
    principal = Principal("bench", "https://issuer.example", "agent", _HASH, now_s + 3_600, {}, (), None)
    event = {
        "resource": "/v1/tasks/{id}/query",
        "pathParameters": {"id": COMMAND},
        "requestContext": {"authorizer": {"principal": format_principal(principal)}},
        "body": json.dumps({"sql": sql, "max_rows": 100_000}),
    }
    return handler.respond(event, cast("RunStatements", run), Stopwatch(run.clock, 30.0))


def _held_bytes(*, is_traced: bool) -> int:
    return tracemalloc.get_traced_memory()[0] if is_traced else _status_bytes("VmRSS")


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
