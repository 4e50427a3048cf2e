"""A local stack in which one function at a time starts cold: its next invocation runs in a fresh process.

What asks is what asks in a deployment: the gateway, another function, the queue's event. So each answer is a real one,
of the emulated AWS and a real PostgreSQL, and everything else in the stack is warm.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from postern_local.demo.caller import Caller
from postern_local.gateway import Gateway
from postern_local.lambdas import Environment, Lambdas
from postern_local.model import Function
from postern_local.resources import FunctionEnvironment
from postern_local.stack import Stack
from postern_local.worker_process import Outcome

PROCESS = Path(__file__).with_name("cold_process.py")
_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start. Times are milliseconds: since the process was started, and of the processor, user and system."""

    import_ms: float
    import_cpu_ms: float
    answer_ms: float
    answer_cpu_ms: float
    peak_kb: int  # of physical memory
    answer: Any
    files: tuple[str, ...]  # of every module that was imported


@dataclass(frozen=True, slots=True)
class Runtime:
    """A Python and the folders of layers: what Lambda has in the path beside the function."""

    python: str
    layers: tuple[Path, ...]

    def start(self, folder: Path, environment: Mapping[str, str], event: object) -> Start:
        """Imports the folder's handler in a process of its own, and lets it answer. Raises `RuntimeError`."""
        given = {"paths": [str(folder), *map(str, self.layers)], "event": event, "started_ns": time.monotonic_ns()}
        run = subprocess.run(
            [self.python, "-I", "-S", "-B", str(PROCESS)],
            input=json.dumps(given),
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if run.returncode != 0:
            raise RuntimeError(
                f"{folder.name}: expected an answer, got exit status {run.returncode}\n{run.stdout[-2000:]}{run.stderr}"
            )
        said = json.loads(run.stdout.splitlines()[-1])
        (imported, import_cpu), (answered, answer_cpu) = said["imported"], said["answered"]
        files = tuple(said["files"])
        return Start(imported, import_cpu, answered, answer_cpu, said["peak_kb"], said["answer"], files)


@dataclass(slots=True)
class Measured:
    """The function that is to start cold, and what its process said."""

    name: str = ""
    starts: list[Start] = field(default_factory=list)


class ColdLambdas(Lambdas):
    """The functions of a stack, warm, but for the one that is measured."""

    def __init__(self, stack: Stack, environment: Environment, runtime: Runtime, built: Path) -> None:
        super().__init__(stack.deployment.functions, environment, Path(stack.ready.state) / "logs")
        self._functions = {function.name: function for function in stack.deployment.functions}
        self._environment = environment
        self._runtime = runtime
        self._built = built
        self._measured = Measured()

    @contextmanager
    def starting_cold(self, name: str) -> Iterator[Measured]:
        """While it is entered, every invocation of that function is a cold start."""
        self._measured = measured = Measured(name)
        try:
            yield measured
        finally:
            self._measured = Measured()

    def invoke(self, name: str, payload: bytes) -> Future[Outcome]:
        measured = self._measured
        if name != measured.name:
            return super().invoke(name, payload)
        future: Future[Outcome] = Future()
        start = self._runtime.start(
            built_folder(self._built, self._functions[name]),
            {**self._environment(self._functions[name]), **RESERVED},
            json.loads(payload),
        )
        measured.starts.append(start)
        future.set_result(Outcome(json.dumps(start.answer).encode()))
        return future


# What the SDK and Powertools look at, as Lambda sets it; and nothing of who runs this.
RESERVED = {
    "LANG": "C.UTF-8",
    "TZ": ":UTC",
    "AWS_LAMBDA_FUNCTION_NAME": "postern-cold",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def built_folder(built: Path, function: Function) -> Path:
    """Where `sam build` left the function: a folder by its logical id."""
    return built / f"{function.folder.name.capitalize()}Function"


@contextmanager
def cold_stack(stack: Stack, runtime: Runtime, built: Path) -> Iterator[tuple[ColdLambdas, Caller]]:
    """The stack's functions behind a gateway of their own, and an agent that calls it."""
    policy = Path(stack.ready.state) / "policy"
    environment = FunctionEnvironment(stack.deployment, stack.aws, stack.ready.issuer, str(policy))
    lambdas = ColdLambdas(stack, environment, runtime, built)
    endpoint = lambdas.serve()
    stack.aws.set_lambda_endpoint(endpoint.url)
    gateway = Gateway(stack.deployment, lambdas)
    try:
        ready = replace(stack.ready, api=gateway.url)
        yield lambdas, Caller(ready, "repo:acme/bench:main", {"role": "agent"})
    finally:
        gateway.stop()
        endpoint.stop()
        lambdas.stop()
