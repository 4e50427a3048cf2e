"""Postern as it is measured beside others: the local stack as it is, and its handlers with more and more in memory."""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.contenders import Contender, HttpClient, over_http, over_mcp, over_pipe
from bench.own_process import Plan
from bench.piped_process import PipedProcess
from postern.types import TaskId
from postern_local.demo.caller import Caller
from postern_local.loopback import Request
from postern_local.process import CLEAN
from postern_local.proxy import Call, authorizer_event, find_route, proxy_event
from postern_local.resources import FunctionEnvironment
from postern_local.stack import Stack

ACCESS = [{"tables": ["customers", "orders", "order_lines", "products"], "actions": ["select"]}]
IN_MEMORY = "Postern, all in memory"
_KEPT_S = 300.0


@dataclass(slots=True)
class KeptToken:
    """Who calls, with one token for many calls: a new one takes a millisecond, and ends after ten minutes."""

    agent: Caller
    _headers: Mapping[str, str] = field(default_factory=dict)
    _until_s: float = 0.0

    def headers(self) -> Mapping[str, str]:
        if time.monotonic() > self._until_s:
            self._headers, self._until_s = self.agent.headers(), time.monotonic() + _KEPT_S
        return self._headers


@dataclass(frozen=True, slots=True)
class Kind:
    """A process of ours, and what of it is in memory."""

    name: str
    evidence_in_memory: bool
    state_in_memory: bool
    past_the_front: bool


KINDS = (
    Kind(IN_MEMORY, evidence_in_memory=True, state_in_memory=True, past_the_front=True),
    Kind("Postern, through the TLS front", evidence_in_memory=True, state_in_memory=True, past_the_front=False),
    Kind("Postern, evidence written to moto", evidence_in_memory=False, state_in_memory=True, past_the_front=True),
    Kind("Postern, all of moto and the front", evidence_in_memory=False, state_in_memory=False, past_the_front=False),
)


def open_task(agent: Caller) -> TaskId:
    """A task of its own for each process: two sessions of one role would share its budgets."""
    reply = agent.call(
        "POST",
        "/v1/tasks",
        {"database": "shop", "purpose": "bench", "access": ACCESS, "max_statements": 10_000, "max_values": 10_000_000},
    )
    if reply.status != 201:
        sys.exit(f"bench: expected a task, got {reply.status} {reply.body}")
    return TaskId(reply.body["task_id"])


@contextmanager
def running_own(stack: Stack, agent: Caller, folder: Path) -> Iterator[list[Contender]]:
    """All that Postern is measured as. Raises `RuntimeError` where a process does not start."""
    with ExitStack() as started:
        contenders: list[Contender] = []
        for kind in KINDS:
            process, task_id = _start(kind, stack, agent, folder)
            started.callback(process.stop)
            api = process.receive()["api"]
            piped = over_pipe(f"{kind.name}; a pipe", process, _events(stack, agent, task_id))
            contenders.append(replace(piped, leaves_work=not kind.evidence_in_memory))
            if kind.name == IN_MEMORY:
                client = HttpClient(api, KeptToken(agent).headers)
                contenders.append(over_http(f"{kind.name}; HTTP", client, task_id, piped.pids))
                contenders.append(over_mcp(f"{kind.name}; /mcp", client, task_id, piped.pids))
        yield [*contenders, *(replace(one, leaves_work=True) for one in _as_it_is(stack, agent))]


def _as_it_is(stack: Stack, agent: Caller) -> Iterator[Contender]:
    client, task_id = HttpClient(stack.ready.api, KeptToken(agent).headers), open_task(agent)
    yield over_http("Postern, the local stack; HTTP", client, task_id, _workers(stack, "authorize", "query"))
    pids = _workers(stack, "authorize", "query", "mcp")
    yield over_mcp("Postern, the local stack; /mcp", client, open_task(agent), pids)


def _workers(stack: Stack, *folders: str) -> Callable[[], list[int]]:
    names = [function.name for function in stack.deployment.functions if function.folder.name in folders]
    return lambda: [pid for name in names for pid in stack.lambdas.pids(name)]


def _start(kind: Kind, stack: Stack, agent: Caller, folder: Path) -> tuple[PipedProcess, TaskId]:
    task_id = open_task(agent)
    plan = Plan(
        deployment=stack.deployment,
        task_id=task_id,
        socket=stack.postgres.socket,
        evidence_in_memory=kind.evidence_in_memory,
        state_in_memory=kind.state_in_memory,
        past_the_front=kind.past_the_front,
    )
    file = folder / f"{task_id}.plan"
    file.write_bytes(pickle.dumps(plan))
    policy = str(Path(stack.ready.state) / "policy")
    of = FunctionEnvironment(stack.deployment, stack.aws, stack.ready.issuer, policy)
    (function,) = (function for function in stack.deployment.functions if function.folder.name == "query")
    environment = {**CLEAN, **of(function), "AWS_LAMBDA_FUNCTION_NAME": function.name}
    command = [sys.executable, "-m", "bench.own_process", str(file)]
    return PipedProcess.start(kind.name, command, environment, folder / f"{task_id}.log"), task_id


def _events(stack: Stack, agent: Caller, task_id: TaskId) -> Callable[[str], Mapping[str, object]]:
    """What the gateway would hand over for a statement, without the principal that the authorizer adds."""
    names, stage = stack.deployment.names, stack.deployment.api.stage
    token, target = KeptToken(agent), f"/v1/tasks/{task_id}/query"
    found = find_route(stack.deployment.api, "POST", target)
    assert found is not None
    route, parameters = found
    port = int(stack.ready.api.rpartition(":")[2])

    def events(sql: str) -> Mapping[str, Any]:
        headers = tuple(token.headers().items())
        request = Request("POST", target, headers, json.dumps({"sql": sql}).encode(), "127.0.0.1")
        call = Call(request, route, parameters, "bench", 0.0, port)
        return {"authorize": authorizer_event(call, names, stage), "event": proxy_event(call, names, stage, {})}

    return events
