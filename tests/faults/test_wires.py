"""The wires' own behaviour: what is injected happens to that request and to no other, and effects are as named."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from postern_local.loopback import LoopbackServer, Request, Response, Service
from tests.faults.aws_wire import AwsWire
from tests.faults.postgres_wire import PostgresWire
from tests.faults.rules import DATABASE, Act, Asked, Rule, Rules, applied

HEADERS = {"Authorization": "AWS4-HMAC-SHA256 Credential=KEY/20261123/us-east-1/s3/aws4_request, Signature=x"}


@dataclass
class Bucket:
    """A server that remembers what it was asked, behind a wire."""

    wire: AwsWire
    rules: Rules
    seen: list[tuple[str, bytes, str | None]] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)

    def put(self, path: str = "/bucket/key", body: bytes = b"record") -> int:
        """The status; 0 where the connection ended without an answer, -1 where none came in time."""
        connection = http.client.HTTPConnection(urlsplit(self.wire.url).netloc, timeout=0.15)
        try:
            connection.request("PUT", path, body, HEADERS)
            return connection.getresponse().status
        except TimeoutError:
            return -1
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    made: list[Bucket] = []

    def answer(request: Request) -> Response:
        made[0].seen.append((request.target, request.body, request.header("Authorization")))
        return Response(200, (("ETag", "e"),), b"done")

    server = LoopbackServer.start(Service(answer))
    rules = Rules()
    wire = AwsWire(("127.0.0.1", server.port), rules, lambda: made[0].killed.append("query"), {"KEY": "query"})
    made.append(Bucket(wire, rules))
    yield made[0]
    wire.close()
    server.stop()


def test_a_request_that_no_rule_is_about_passes_unchanged(bucket: Bucket) -> None:
    with bucket.rules.force([Rule("s3", Act.CUT_BEFORE, "PUT", "other")]):
        assert bucket.put() == 200
    assert bucket.seen == [("/bucket/key", b"record", HEADERS["Authorization"])]


# What the caller has for an answer, and whether the server did what it was asked.
ACTS = {
    "answer": (Rule("s3", Act.ANSWER, code="SlowDown"), 503, False),
    "delay": (Rule("s3", Act.DELAY, delay_s=0.01), 200, True),
    "cut-before": (Rule("s3", Act.CUT_BEFORE), 0, False),
    "cut-after": (Rule("s3", Act.CUT_AFTER), 0, True),
    "hang-before": (Rule("s3", Act.HANG_BEFORE), -1, False),
    "hang-after": (Rule("s3", Act.HANG_AFTER), -1, True),
    "die-before": (Rule("s3", Act.DIE_BEFORE), 0, False),
    "die-after": (Rule("s3", Act.DIE_AFTER), 0, True),
}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_does_what_it_says_to_caller_and_server(bucket: Bucket, name: str) -> None:
    rule, status, is_done = ACTS[name]
    with bucket.rules.force([rule]) as in_force:
        assert bucket.put() == status
    assert (len(bucket.seen) == 1) == is_done
    assert applied(in_force) == 1
    assert bucket.killed == (["query"] if name.startswith("die") else [])
    assert bucket.put() == 200


def test_the_nth_request_alone_is_met(bucket: Bucket) -> None:
    with bucket.rules.force([Rule("s3", Act.CUT_BEFORE, nth=2)]):
        assert [bucket.put() for _ in range(3)] == [200, 0, 200]


def test_requests_that_speak_of_another_task_pass(bucket: Bucket) -> None:
    with bucket.rules.force([Rule("s3", Act.CUT_BEFORE)], only="task-1"):
        assert bucket.put(body=b'{"task":"task-2"}') == 200
        assert bucket.put(body=b'{"task":"task-1"}') == 0


def test_requests_of_another_function_pass(bucket: Bucket) -> None:
    with bucket.rules.force([Rule("s3", Act.CUT_BEFORE, function="reap")]):
        assert bucket.put() == 200
    with bucket.rules.force([Rule("s3", Act.CUT_BEFORE, function="query")]):
        assert bucket.put() == 0


SERVICES = {
    "dynamodb": ({"X-Amz-Target": "DynamoDB_20120810.UpdateItem"}, b"{}", "UpdateItem"),
    "sts": ({}, b"Action=AssumeRole&Version=2011-06-15", "AssumeRole"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_operation_is_told_from_the_request(service: str) -> None:
    from tests.faults.aws_wire import read_request

    more, body, operation = SERVICES[service]
    headers = {"Authorization": HEADERS["Authorization"].replace("s3", service), **more}
    asked = read_request("POST", "/", headers, body, {"KEY": "query"})
    assert (asked.service, asked.operation, asked.function) == (service, operation, "query")


_BODY = b"\0\3\0\0user\0task_1\0\0"
STARTUP = (len(_BODY) + 4).to_bytes(4, "big") + _BODY
READY = b"Z\x00\x00\x00\x05I"
ROW = b"D\x00\x00\x00\x0ahalves"


@dataclass
class Server:
    """A server of two messages: each query is answered with a row, and that it is ready."""

    client: socket.socket
    rules: Rules
    ran: list[bytes]
    killed: list[str]

    def query(self, sql: bytes) -> bytes:
        """What came back, until the server is ready or the connection ends."""
        self.client.sendall(b"Q" + (len(sql) + 5).to_bytes(4, "big") + sql + b"\0")
        received = b""
        while not received.endswith(READY):
            part = self.client.recv(65_536)
            if not part:
                break
            received += part
        return received


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Server]:
    ran: list[bytes] = []
    killed: list[str] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "server"))
    listener.listen()
    threading.Thread(target=_serve, args=(listener, ran), daemon=True).start()
    rules = Rules()
    wire = PostgresWire(tmp_path / "wire", tmp_path / "server", rules, lambda: killed.append("query"))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(tmp_path / "wire"))
        client.sendall(STARTUP)
        yield Server(client, rules, ran, killed)
    wire.close()
    listener.close()


def _serve(listener: socket.socket, ran: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(len(STARTUP))
        while message := connection.recv(65_536):
            ran.append(message[5:-1])
            connection.sendall(ROW + READY)


STATEMENTS = {
    "cut-before": (Act.CUT_BEFORE, b"", False),
    "cut-after": (Act.CUT_AFTER, b"", True),
    "cut-amid": (Act.CUT_AMID, ROW[: len(ROW) // 2], True),
    "die-before": (Act.DIE_BEFORE, b"", False),
    "die-after": (Act.DIE_AFTER, b"", True),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_met_before_or_after_it_ran(database: Server, name: str) -> None:
    act, received, is_run = STATEMENTS[name]
    assert database.query(b"SELECT 1") == ROW + READY
    with database.rules.force([Rule(DATABASE, act, "query", "COMMIT")], only="task_1"):
        assert database.query(b"COMMIT") == received
    assert (b"COMMIT" in database.ran) == is_run
    assert database.killed == (["query"] if name.startswith("die") else [])


def test_a_statement_of_another_role_passes(database: Server) -> None:
    with database.rules.force([Rule(DATABASE, Act.CUT_BEFORE)], only="task_2"):
        assert database.query(b"COMMIT") == ROW + READY


def test_what_hangs_is_cut_when_the_fault_ends() -> None:
    rules = Rules()
    with rules.force([Rule("s3", Act.HANG_BEFORE)]):
        met = rules.meet(Asked("s3", "PUT", b""))
        assert met is not None
        assert not met.ended.is_set()
    assert met.ended.is_set()
