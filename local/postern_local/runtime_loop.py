"""A Lambda runtime in a few lines, for systems that AWS's own has no wheel for.

It does what handlers here rely on: JSON in and out, a context with the request's id and the time that is
left, errors as Lambda describes them. An error while loading ends the process, as Lambda does.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_BASE = "/2018-06-01/runtime"


@dataclass(frozen=True, slots=True)
class Context:
    """The second argument of a handler."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        return max(self.deadline_ms - int(time.time() * 1000), 0)


def serve(handler: str, address: str) -> None:
    """Runs the handler for one invocation after the other; returns when the API has no more."""
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    connection = http.client.HTTPConnection(address)
    module, _, name = handler.rpartition(".")
    try:
        call = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - reported, whatever it is
        _post(connection, f"{_BASE}/init/error", _describe(error))
        sys.exit(1)
    while True:
        connection.request("GET", f"{_BASE}/invocation/next")
        taken = connection.getresponse()
        payload = taken.read()
        if taken.status != 200:
            return
        request_id = taken.headers["Lambda-Runtime-Aws-Request-Id"]
        kind, answer = _run(call, payload, _context(taken))
        _post(connection, f"{_BASE}/invocation/{request_id}/{kind}", answer)


def _run(call: Callable[[Any, Context], Any], payload: bytes, context: Context) -> tuple[str, bytes]:
    try:
        return "response", json.dumps(call(json.loads(payload), context)).encode()
    except Exception as error:  # noqa: BLE001 - a handler may raise anything
        traceback.print_exc()
        return "error", _describe(error)


def _context(taken: http.client.HTTPResponse) -> Context:
    environment = os.environ
    return Context(
        aws_request_id=taken.headers["Lambda-Runtime-Aws-Request-Id"],
        invoked_function_arn=taken.headers["Lambda-Runtime-Invoked-Function-Arn"],
        deadline_ms=int(taken.headers["Lambda-Runtime-Deadline-Ms"]),
        function_name=environment["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=environment["AWS_LAMBDA_FUNCTION_VERSION"],
        memory_limit_in_mb=environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=environment["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=environment["AWS_LAMBDA_LOG_STREAM_NAME"],
    )


def _describe(error: Exception) -> bytes:
    lines = traceback.format_exception(error)
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": lines}).encode()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    connection.getresponse().read()
