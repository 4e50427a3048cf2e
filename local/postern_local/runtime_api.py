"""The Lambda Runtime API for one worker: hands it invocations, takes its answers.

What comes from the worker is an event in `events`, read by the one thread that drives the worker. An
answer under another request's id is refused, so a late answer can never become the next caller's.
Reference: "Using the Lambda runtime API for custom runtimes".
"""

from __future__ import annotations

import queue
import re
import time
import uuid
from dataclasses import dataclass, field

from postern_local.loopback import LoopbackServer, Request, Response, Service

_NEXT = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_RESULT = re.compile(r"/2018-06-01/runtime/invocation/([0-9a-f-]{36})/(response|error)")
_ACCEPTED = Response(202, (("Content-Type", "application/json"),), b'{"status":"OK"}')


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for a function."""

    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded its handler and asks for an invocation."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The handler returned; `payload` is its JSON."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler, or its loading, raised; `payload` is the error's JSON."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Exited:
    """The worker's process is gone."""

    status: int


WorkerEvent = Ready | Answered | Failed | Exited


class RuntimeApi:
    """The API's server. `offer` one invocation at a time."""

    def __init__(self, *, timeout_s: int, function_arn: str) -> None:
        self.events: queue.SimpleQueue[WorkerEvent] = queue.SimpleQueue()
        self._offered: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._running: str | None = None
        self._timeout_s = timeout_s
        self._arn = function_arn
        self._server = LoopbackServer.start(Service(self._answer))

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API holds."""
        return self._server.url.removeprefix("http://")

    def offer(self, invocation: Invocation) -> None:
        """Gives the worker's next request an invocation; its deadline counts from when it is taken."""
        self._offered.put(invocation)

    def stop(self) -> None:
        self._offered.put(None)
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        if request.method == "GET" and request.target == _NEXT:
            return self._next()
        if request.method == "POST" and request.target == _INIT_ERROR:
            self.events.put(Failed(request.body))
            return _ACCEPTED
        result = _RESULT.fullmatch(request.target)
        if request.method == "POST" and result is not None:
            return self._take(result[1], result[2], request.body)
        return Response(404)

    def _next(self) -> Response:
        self.events.put(Ready())
        invocation = self._offered.get()
        if invocation is None:
            return Response(503)
        self._running = invocation.request_id
        headers = (
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + self._timeout_s * 1000)),
            ("Lambda-Runtime-Invoked-Function-Arn", self._arn),
            ("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0"),
        )
        return Response(200, headers, invocation.payload)

    def _take(self, request_id: str, kind: str, payload: bytes) -> Response:
        if request_id != self._running:
            return Response(400)
        self._running = None
        self.events.put(Answered(payload) if kind == "response" else Failed(payload))
        return _ACCEPTED
