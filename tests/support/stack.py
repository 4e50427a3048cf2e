"""Small deployments of fixture handlers, raw HTTP, and the command line in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from postern_local.deployment import read_deployment
from postern_local.model import Api, Authorizer, Deployment, Function, GatewayResponse, Names, Route

PROJECT = Path(__file__).resolve().parents[2]
NAMES = Names()
PARAMETERS = {
    "LogName": "test-2026",
    "DatabaseUserArns": (
        "arn:aws:rds-db:us-east-1:123456789012:dbuser:db-ONE,arn:aws:rds-db:us-east-1:123456789012:dbuser:cluster-TWO"
    ),
    "LogEndsOn": "2026-12-31",
    "RetentionDays": "400",
    "LongestLockDays": "800",
    "EvidenceAdministratorArn": "arn:aws:iam::123456789012:role/evidence-administrator",
}


def project_deployment(**changed: str) -> Deployment:
    """The project's own templates, with parameters changed. Shared by who asks for the same: change nothing in it."""
    return _deployment(frozenset((PARAMETERS | changed).items()))


@cache
def _deployment(parameters: frozenset[tuple[str, str]]) -> Deployment:
    return read_deployment(PROJECT, dict(parameters), NAMES)


def function(folder: Path, source: str, *, name: str = "echo", timeout_s: int = 5) -> Function:
    """A function whose handler is the given source."""
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "handler.py").write_text(source)
    return Function(
        name=name,
        arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        folder=folder / name,
        handler="handler.handler",
        timeout_s=timeout_s,
        memory_mb=128,
        environment={},
        role="role",
        concurrency=None,
    )


def deployment(functions: list[Function], routes: list[Route], **responses: GatewayResponse) -> Deployment:
    """A deployment of fixture functions behind a gateway."""
    return Deployment(
        names=NAMES,
        api=Api(stage="live", routes=tuple(routes), responses=responses),
        functions=functions,
        tables=[],
        buckets=[],
        roles=[],
        schedules=[],
        outputs={},
    )


TOKEN = Authorizer(name="Token", function="authorize", header="Authorization")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(url: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One request over a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request(method, url.removeprefix(f"http://{parts.netloc}") or "/", body, dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def send_raw(url: str, data: bytes) -> bytes:
    """Sends bytes and returns everything until the server closes."""
    host, _, port = urlsplit(url).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def descendants(pid: int) -> set[int]:
    """Every process below one, as `ps` sees them now."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = (int(field) for field in line.split())
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


def wait_until(holds: Callable[[], bool], *, limit_s: float = 20.0) -> None:
    """Returns as soon as the condition holds; fails the test where it does not in time."""
    limit = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < limit, "the condition did not come to hold in time"
        threading.Event().wait(0.02)


def postern(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end."""
    return subprocess.run(
        _command(*arguments),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def postern_process(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Runs the command line beside the test; interrupts it at the end where the test has not."""
    process = subprocess.Popen(
        _command(*arguments),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", "from postern_cli.main import run; run()", *map(str, arguments)]
