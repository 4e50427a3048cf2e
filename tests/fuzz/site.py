"""A local stack that is asked in raw bytes, and what every answer of its gateway must be."""

from __future__ import annotations

import json
import re
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from postern.errors import CODES
from postern.types import StatementText
from postern_local.demo.caller import Caller
from postern_local.stack import DEMO, Options, Stack
from tests.fuzz.target import Wrong
from tests.support.canaries import canary
from tests.support.watched_stack import watched_stack

TIMEOUT_S = 20.0
TOKEN_S, TASK_S = 300, 2400  # after which they are got anew: they hold for ten minutes and for an hour
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3})[ \r]")
_LITERAL, _PARAMETER = canary("literal"), canary("parameter")
_VERSION_NOT_SUPPORTED = 505  # of HTTP itself, said by the gateway before anything of ours is asked


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the answers that came back over a connection."""

    status: int
    media_type: str
    body: bytes


@dataclass(slots=True)
class Site:
    """A running stack, an agent with a task in it, and what its gateway answers to bytes."""

    stack: Stack
    task: str = ""
    token: str = ""
    opened: float = -1e9
    minted: float = -1e9
    seen: Counter[int] = field(default_factory=Counter)  # answers by status

    def send(self, data: bytes) -> list[Answer]:
        """The answers to these bytes, until the gateway closes."""
        self.renew()
        parts = urlsplit(self.stack.ready.api)
        with socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S) as connection:
            try:
                connection.sendall(data.replace(b"@TOKEN@", self.token.encode()).replace(b"@TASK@", self.task.encode()))
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has heard enough, and said so
            return list(answers_in(_received(connection)))

    def renew(self) -> None:
        """Has a token and a task that hold for the next minutes."""
        now = time.monotonic()
        if now - self.minted > TOKEN_S:
            self.token, self.minted = agent_of(self.stack).token(), now
        if now - self.opened > TASK_S:
            self.task, self.opened = task_of(self.stack), now

    def take(self, data: bytes) -> None:
        for answer in self.send(data):
            self.seen[answer.status] += 1
            check(answer)
            if self.token.encode() in answer.body:
                raise Wrong("answer: expected none to hold a token, got one that does")

    def plant(self) -> None:
        """Statements with texts that nobody else has: answered, refused, not parsed, failed on a parameter."""
        self.renew()
        agent, path = agent_of(self.stack), f"/v1/tasks/{self.task}/query"
        for sql in (f"SELECT '{_LITERAL}' AS x", f"SELECT pg_read_file('{_LITERAL}')", f"SELECT '{_LITERAL}' FORM x"):
            agent.call("POST", path, {"sql": sql})
        agent.call("POST", path, {"sql": "SELECT CAST($1 AS int)", "params": [_PARAMETER]})

    def faults(self) -> list[str]:
        """What the functions logged as a fault of ours."""
        logs = Path(self.stack.ready.state) / "logs"
        lines = [line for path in logs.glob("postern-*.log") for line in path.read_text(errors="replace").splitlines()]
        return [line for line in lines if '"level":"CRITICAL"' in line or "Traceback (most recent" in line]


def _received(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass  # more was sent than it read; what it answered before is there
    return received


def answers_in(received: bytes) -> Iterator[Answer]:
    """The answers one after the other. Raises `Wrong` for bytes that are none."""
    while received:
        match = _STATUS.match(received)
        head, blank, rest = received.partition(b"\r\n\r\n")
        if match is None or not blank:
            raise Wrong(f"answer: expected one of HTTP/1.1, got {received[:60]!r}")
        if match[1] == b"100":
            received = rest
            continue
        headers = dict(_header(line) for line in head.split(b"\r\n")[1:])
        length = int(headers.get("content-length", "0"))
        # The answer to a HEAD tells the length of a body that it does not have.
        length = 0 if _STATUS.match(rest) or not rest else length
        yield Answer(int(match[1]), headers.get("content-type", ""), rest[:length])
        received = rest[length:]


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.lower(), value.strip()


def check(answer: Answer) -> None:
    """Raises `Wrong` unless it is an answer that is documented."""
    if answer.status >= 500 and answer.status != _VERSION_NOT_SUPPORTED:
        raise Wrong(f"status: expected none of ours to be at fault, got {answer.status}: {answer.body[:300]!r}")
    if answer.status < 400 or not answer.body:
        return
    said = json.loads(answer.body)
    if answer.media_type == "application/json" and isinstance(said, dict | list):
        _check_rpc(said)
    elif answer.media_type != "application/problem+json" or said["code"] not in CODES:
        raise Wrong(f"problem: expected one with a code of ours, got {answer.media_type}: {answer.body[:300]!r}")


def _check_rpc(said: dict[str, object] | list[object]) -> None:
    for one in said if isinstance(said, list) else [said]:
        if not isinstance(one, dict) or one.get("jsonrpc") != "2.0" or "error" not in one:
            raise Wrong("answer: expected a problem, or an error of JSON-RPC, got another body")


def agent_of(stack: Stack) -> Caller:
    return Caller(stack.ready, "repo:acme/reports:main", {"role": "agent"})


@contextmanager
def open_site() -> Iterator[Site]:
    """A stack of the demo's shop that seals statements and whose rates do not bind; at its end it is searched."""
    with tempfile.TemporaryDirectory(prefix="postern-fuzz-") as folder:
        policy = Path(folder) / "policy"
        shutil.copytree(DEMO / "policy", policy)
        (policy / "limits.yaml").write_text("openings: 100000\nstatements: 100000\nprovisions: 100000\npending: 90\n")
        loads, state = [str(DEMO / "shop.sql")], Path(folder) / "state"
        options = Options(policy=policy, loads=loads, state=state, statement_text=StatementText.SEALED)
        with watched_stack(options, withheld={"a literal": _LITERAL, "a parameter": _PARAMETER}) as stack:
            site = Site(stack)
            site.plant()
            yield site


def task_of(stack: Stack) -> str:
    """A task whose world stands."""
    asked = {"database": "shop", "purpose": "fuzz", "access": [{"tables": ["orders"], "actions": ["select"]}]}
    opened = agent_of(stack).call("POST", "/v1/tasks", {**asked, "max_statements": 100_000})
    if opened.status != 201 or opened.body["state"] != "active":
        raise SystemExit(f"http: expected a task that is active, got {opened.status}: {opened.body}")
    return str(opened.body["task_id"])
