"""Lambda on one machine: the functions by name, and the Invoke endpoint that AWS's clients call.

The endpoint checks nobody: the AWS server decides whether a caller may invoke, and passes on what it
allowed. It listens on loopback like everything here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from urllib.parse import unquote

from postern_local.failure import StackFailure
from postern_local.loopback import LoopbackServer, Request, Response, Service
from postern_local.model import Function
from postern_local.pool import Pool
from postern_local.process import FreshProcess, Launch, Process
from postern_local.worker_process import Outcome, WorkerPlan

MAX_REQUEST_BYTES = 6 * 1024 * 1024  # Lambda's quota for a synchronous invocation
WORKERS = 8  # of one function at once, whatever its template reserves
_INVOKE = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations")
# One version of each function runs here, whichever of its names it is called by.
_FUNCTION = re.compile(
    r"(?:arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:)?([A-Za-z0-9_-]{1,64})(?::(?:live|\$LATEST))?"
)

Environment = Callable[[Function], Mapping[str, str]]  # asked anew for each worker: credentials end
Start = Callable[[Launch], Process]  # how a worker's process is made


class Lambdas:
    """The pools of all functions."""

    def __init__(
        self, functions: Iterable[Function], environment: Environment, logs: Path, start: Start = FreshProcess
    ) -> None:
        """Makes the pools; `warm` starts the first workers. Raises `StackFailure` where a handler is not there."""
        self._pools = {function.name: _pool(function, environment, logs, start) for function in functions}

    def warm(self, names: Iterable[str]) -> None:
        """Starts a worker of each of these functions, without waiting for them."""
        for name in names:
            self._pools[name].warm()

    def invoke(self, name: str, payload: bytes) -> Future[Outcome]:
        """Runs the function. Raises `KeyError` where there is none of that name."""
        return self._pools[name].invoke(payload)

    def names(self) -> frozenset[str]:
        return frozenset(self._pools)

    def pids(self, name: str) -> frozenset[int]:
        """Process ids of the function's workers."""
        return self._pools[name].pids

    def serve(self, *, port: int = 0) -> LoopbackServer:
        """Starts the Invoke endpoint."""
        return LoopbackServer.start(Service(self._answer), port=port)

    def stop(self) -> None:
        """Ends every worker. Idempotent."""
        for pool in self._pools.values():
            pool.stop()

    def _answer(self, request: Request) -> Response:
        path = _INVOKE.fullmatch(request.target)
        named = _FUNCTION.fullmatch(unquote(path[1])) if path is not None else None
        if request.method != "POST" or named is None or named[1] not in self._pools:
            return _refusal(404, "ResourceNotFoundException", f"Function not found: {request.target}")
        if len(request.body) > MAX_REQUEST_BYTES:
            text = f"{len(request.body)} byte payload is too large for the RequestResponse invocation type"
            return _refusal(413, "RequestTooLargeException", text)
        if not _is_json(request.body):
            return _refusal(400, "InvalidRequestContentException", "Could not parse request body into json")
        kind = request.header("X-Amz-Invocation-Type") or "RequestResponse"
        if kind not in ("RequestResponse", "Event"):
            return _refusal(400, "InvalidParameterValueException", f"invocation type: got {kind}")
        future = self.invoke(named[1], request.body or b"{}")
        if kind == "Event":
            return Response(202)
        outcome = future.result()
        failed = (("X-Amz-Function-Error", "Unhandled"),) if outcome.failed else ()
        return Response(
            200, (("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST"), *failed), outcome.payload
        )


def _pool(function: Function, environment: Environment, logs: Path, start: Start) -> Pool:
    module = function.handler.rpartition(".")[0].replace(".", "/")
    if not (function.folder / f"{module}.py").is_file():
        raise StackFailure(f"{function.folder}: expected {module}.py with the handler of {function.name}, got none")
    plan = WorkerPlan(function, lambda: environment(function), logs / f"{function.name}.log", start=start)
    return Pool(plan, limit=min(function.concurrency or WORKERS, WORKERS))


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return False
    return True


def _refusal(status: int, kind: str, text: str) -> Response:
    body = json.dumps({"Type": "User", "Message": text}).encode()
    return Response(status, (("Content-Type", "application/json"), ("X-Amzn-ErrorType", kind)), body)
