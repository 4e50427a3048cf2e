"""A local stack whose functions reach AWS and the database over wires that faults can be put on.

Nothing in the product or the stack knows of it: the functions' environment names another endpoint, the front another
server behind it and another port before it, and some functions' clocks can be off (`functions/shifted.py`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3

from postern_local import rds_front
from postern_local import stack as stacks
from postern_local.issuer import Issuer
from postern_local.model import Deployment, Function
from postern_local.rds_connection import FrontSettings
from postern_local.resources import FunctionEnvironment
from postern_local.stack import NAMES, Options, Stack, run_stack
from tests.faults.aws_wire import AwsWire
from tests.faults.data import DURABLE, write_policy, write_tables
from tests.faults.postgres_wire import PostgresWire
from tests.faults.rules import Rules
from tests.support.cut import Cut
from tests.support.watched_stack import Answers, watched_gateway

QUERY, AUTHORIZE, REAP = "query", "authorize", "reap"
_SHIFTED = (QUERY, AUTHORIZE, REAP)
_FUNCTIONS = Path(__file__).parent / "functions"


@dataclass
class Rig:
    """The stack, its wires and what they may do. Made whole by `run_rig`."""

    folder: Path
    rules: Rules = field(default_factory=Rules)
    clock_s: dict[str, int] = field(default_factory=dict)  # how far a function's clock is off, by its folder
    stack: Stack = field(init=False)
    issuer: Issuer = field(init=False)
    login: Cut = field(init=False)  # before the front
    answers: Answers = field(init=False)  # all that the gateway said
    aws: AwsWire | None = None
    deaths: int = 0
    _keys: dict[str, str] = field(default_factory=dict)  # the function of each access key that was given out
    _wires: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kill(self, folder: str = QUERY) -> None:
        """Kills every process of a function, in the midst of whatever it does."""
        for pid in self.pids(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.deaths += 1

    def pids(self, folder: str) -> frozenset[int]:
        return self.stack.lambdas.pids(self._name(folder))

    def invoke(self, folder: str, payload: bytes) -> bytes:
        """What the function answers."""
        return self.stack.lambdas.invoke(self._name(folder), payload).result().payload

    def _name(self, folder: str) -> str:
        (name,) = (one.name for one in self.stack.deployment.functions if _folder(one) == folder)
        return name

    def sql(self, statement: str, dbname: str = "shop") -> list[Any]:
        """As a superuser, past all wires."""
        connection = self.stack.postgres.connect(dbname)
        try:
            return list(connection.execute_simple(statement).rows or [])
        finally:
            connection.close()

    def client(self, service: str) -> Any:
        """The administrator's, past all wires."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.stack.ready.aws, region_name=NAMES.region, **keys)

    def environment(self, function: Function, given: Mapping[str, str], aws_url: str) -> dict[str, str]:
        """A function's environment, with AWS behind the wire."""
        with self._lock:
            if self.aws is None:
                address = urlsplit(aws_url)
                self.aws = AwsWire((str(address.hostname), int(address.port or 0)), self.rules, self.kill, self._keys)
                self._wires.callback(self.aws.close)
        self._keys[given["AWS_ACCESS_KEY_ID"]] = _folder(function)
        clock = {"FAULTS_CLOCK_S": str(self.clock_s.get(_folder(function), 0)), "FAULTS_FOLDER": _real(function)}
        return {**given, **clock, "AWS_ENDPOINT_URL": self.aws.url}

    def settings(self, **given: Any) -> FrontSettings:
        """The front's: a server behind a wire, and the port of another before it, which tokens are made for."""
        home = given["backend"].parent / "wired"
        home.mkdir(mode=0o700)
        wire = PostgresWire(home / given["backend"].name, given["backend"], self.rules, self.kill)
        self._wires.callback(wire.close)
        self.login = self._wires.enter_context(Cut((given["host"], given["port"])))
        return FrontSettings(**{**given, "backend": home / given["backend"].name, "port": self.login.port})

    def close(self) -> None:
        self._wires.close()


@contextmanager
def run_rig(folder: Path, state: Path) -> Iterator[Rig]:
    """Everything answers when it yields; everything is stopped at the end."""
    rig = Rig(folder)

    class Wired(FunctionEnvironment):
        def __call__(self, function: Function) -> Mapping[str, str]:
            return rig.environment(function, super().__call__(function), self.aws.url)

    class Kept(Issuer):
        @classmethod
        def start(cls, folder: Path, **options: Any) -> Issuer:
            rig.issuer = super().start(folder, **options)
            return rig.issuer

    def read_deployment(*arguments: Any) -> Deployment:
        read = stacks_read(*arguments)
        return replace(read, functions=[_with_clock(function) for function in read.functions])

    stacks_read = stacks.read_deployment
    with ExitStack() as parts:
        parts.callback(rig.close)
        for target, name, stand_in in (
            (stacks, "FunctionEnvironment", Wired),
            (stacks, "Issuer", Kept),
            (stacks, "read_deployment", read_deployment),
            (rds_front, "FrontSettings", rig.settings),
        ):
            parts.enter_context(patch.object(target, name, stand_in))
        rig.answers = parts.enter_context(watched_gateway())
        policy = write_policy(folder / "policy")
        rig.stack = parts.enter_context(run_stack(Options(policy=policy, loads=write_tables(folder), state=state)))
        rig.sql(DURABLE)
        yield rig


def _with_clock(function: Function) -> Function:
    if function.folder.name not in _SHIFTED:
        return function
    return replace(function, folder=_FUNCTIONS, handler="shifted.handler")


def _folder(function: Function) -> str:
    """The name of the folder that the function is deployed from, which its own name ends with."""
    return function.name.rpartition("-")[2]


def _real(function: Function) -> str:
    return str(stacks.ROOT / "functions" / _folder(function))
