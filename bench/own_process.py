"""Postern's own handlers in one process, some of their ports served from memory: `python -m bench.own_process PLAN`.

It is composed as the handlers compose themselves, from the same environment, and then given other ports where the plan
says so. What is not in memory is the local stack's: its AWS, its database, its policy layer. Nothing of the handlers,
the services or the session with the database is left out or replaced.

Two ways lead in. A line on standard input is what a gateway hands to the authorizer and to the function, and the answer
is a line on standard output: no HTTP, as the servers that it is held beside are asked. And a gateway as the local stack
has listens on loopback; it hands over in this process, too.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.authorize import handler as authorize
from functions.mcp import handler as mcp
from functions.query import handler as query

from bench.own_ports import Composed, compose
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.types import TaskId
from postern_local.gateway import Gateway
from postern_local.lambdas import Lambdas
from postern_local.model import Deployment
from postern_local.worker_process import Outcome

Event = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process is told. `environment` is that of the query function, and all that it gets of its own."""

    deployment: Deployment
    task_id: TaskId
    socket: Path  # of the database
    evidence_in_memory: bool
    state_in_memory: bool
    past_the_front: bool  # the session goes to the database's socket, without TLS, as the peers' do


@dataclass(frozen=True, slots=True)
class Context:
    """The handlers' second argument."""

    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 28_000


CONTEXT: Any = Context()  # what is asked of Lambda's


@dataclass(frozen=True, slots=True)
class Handlers:
    """The functions, each as Lambda calls it: an event in, its answer out."""

    made: Composed

    def authorize(self, event: Event) -> Answer:
        return invoked(
            "authorize", event, CONTEXT, lambda asked, told: authorize.respond(asked, self.made.authorize, told)
        )

    def query(self, event: Event) -> Answer:
        return invoked("query", event, CONTEXT, self._answer)

    def _answer(self, event: Event, told: Invocation) -> Answer:
        run = self.made.run
        watch = told.stopwatch(run.clock)
        return guarded(lambda: query.respond(event, run, watch), told, watch)

    def mcp(self, event: Event) -> Answer:
        return mcp.handler(dict(event), CONTEXT)


class HereLambdas(Lambdas):
    """The functions in this process, with the JSON in and out that Lambda puts between."""

    def __init__(self, by_name: Mapping[str, Callable[[Event], Answer]], logs: Path) -> None:
        super().__init__((), lambda _: {}, logs)
        self._by_name = by_name

    def invoke(self, name: str, payload: bytes) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(Outcome(json.dumps(self._by_name[name](json.loads(payload))).encode()))
        return future


def main(plan_file: Path) -> None:
    plan: Plan = pickle.loads(plan_file.read_bytes())
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what functions print is their log
    handlers = Handlers(compose(plan))
    folders = {function.folder.name: function.name for function in plan.deployment.functions}
    by_name = {folders[name]: getattr(handlers, name) for name in ("authorize", "query", "mcp")}
    gateway = Gateway(plan.deployment, HereLambdas(by_name, plan_file.parent))
    os.environ["POSTERN_API_ADDRESS"] = gateway.url  # its own tools ask its own gateway
    answers.write(json.dumps({"api": gateway.url}).encode() + b"\n")
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        passed = handlers.authorize(asked["authorize"])
        event = asked["event"]
        event["requestContext"]["authorizer"] = passed["context"]
        answers.write(json.dumps(handlers.query(event)).encode() + b"\n")
    gateway.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
