"""One worker: a process that runs a function's invocations, one at a time, as Lambda would.

Whatever happens to the process ends in an event of its Runtime API, so who waits always gets an outcome.
It is killed when an invocation passes the function's timeout, and dies with the thread and process that
started it. Its environment is the function's own and nothing of the caller's.
"""

from __future__ import annotations

import contextlib
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from postern_local.failure import StackFailure
from postern_local.model import Function
from postern_local.process import CLEAN, FreshProcess, Launch, Process
from postern_local.runtime_api import Answered, Exited, Failed, Invocation, Ready, RuntimeApi, WorkerEvent

MAX_RESPONSE_BYTES = 6_291_556  # Lambda's quota, as its own error message gives it
_INIT_S = 20.0
_LIFE_S = 1800.0  # its credentials end after an hour


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to: the handler's JSON, or an error's JSON with `failed` set."""

    payload: bytes
    failed: bool = False


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """How to start a worker of one function. `environment` is asked at each start and is all that it gets."""

    function: Function
    environment: Callable[[], Mapping[str, str]]
    log: Path
    runtime: str = "aws" if find_spec("awslambdaric") else "own"
    start: Callable[[Launch], Process] = FreshProcess


class Worker:
    """A process with its Runtime API. Driven by one thread; `stop` may come from any."""

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._born = time.monotonic()
        self._served = self._ready = False
        environment = plan.environment()
        self._api = RuntimeApi(timeout_s=plan.function.timeout_s, function_arn=plan.function.arn)
        try:
            self._process = plan.start(self._launch(environment))
        except (OSError, StackFailure):
            self._api.stop()
            raise
        self._reaper = threading.Thread(target=self._reap, daemon=True)
        self._reaper.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_reusable(self) -> bool:
        """Whether it can take an invocation: it lives, is not too old, and is done with the one before."""
        if self._process.has_exited() or time.monotonic() - self._born > _LIFE_S:
            return False
        if self._served and not self._ready:
            self._ready = isinstance(self._event(_INIT_S), Ready)
        return self._ready or not self._served

    def run(self, invocation: Invocation) -> Outcome:
        """Runs one invocation to its end, which is at the latest the function's timeout. Never raises for it."""
        if not self._ready and not isinstance(event := self._event(_INIT_S), Ready):
            return self._ended(event, invocation, f"initialisation took longer than {_INIT_S:.0f} seconds")
        self._ready, self._served = False, True
        self._api.offer(invocation)
        event = self._event(self._plan.function.timeout_s)
        match event:
            case Answered(payload) if len(payload) > MAX_RESPONSE_BYTES:
                text = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
                return error_outcome("Function.ResponseSizeTooLarge", text)
            case Answered(payload):
                return Outcome(payload)
            case Failed(payload):
                return Outcome(payload, failed=True)
        return self._ended(event, invocation, f"Task timed out after {self._plan.function.timeout_s:.2f} seconds")

    def stop(self) -> None:
        """Kills the process and whatever it started, and waits until it is gone. Idempotent."""
        self._process.kill()
        self._reaper.join()
        self._api.stop()

    def _launch(self, environment: Mapping[str, str]) -> Launch:
        function = self._plan.function
        environment = {**environment, **CLEAN, **_reserved(function, self._api.address)}
        return Launch(self._plan.runtime, function.handler, function.folder, environment, self._plan.log)

    def _event(self, wait_s: float) -> WorkerEvent | None:
        with contextlib.suppress(queue.Empty):
            return self._api.events.get(timeout=wait_s)
        return None

    def _ended(self, event: WorkerEvent | None, invocation: Invocation, too_late: str) -> Outcome:
        """The outcome of an invocation that the worker will not answer, after the worker is gone."""
        self.stop()
        match event:
            case Failed(payload):
                return Outcome(payload, failed=True)
            case Exited(status):
                text = f"RequestId: {invocation.request_id} Error: Runtime exited with error: exit status {status}"
                return error_outcome("Runtime.ExitError", text)
            case _:
                return error_outcome("Sandbox.Timedout", f"RequestId: {invocation.request_id} Error: {too_late}")

    def _reap(self) -> None:
        self._api.events.put(Exited(self._process.wait()))


def error_outcome(kind: str, text: str) -> Outcome:
    """An outcome as Lambda describes what went wrong with the process, not in the handler."""
    return Outcome(json.dumps({"errorType": kind, "errorMessage": text}).encode(), failed=True)


def _reserved(function: Function, api: str) -> dict[str, str]:
    """The variables that Lambda itself sets."""
    return {
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_LAMBDA_RUNTIME_API": api,
        "LAMBDA_TASK_ROOT": str(function.folder),
    }
