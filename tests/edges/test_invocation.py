"""Around an invocation: whatever goes wrong, and however loud the configuration, no value gets out."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.edges import correlation
from postern_local.pool import Pool
from postern_local.worker_process import WorkerPlan
from tests.support.canaries import canary, found_in
from tests.support.stack import PROJECT, function
from tests.support.telling import REQUEST_ID

NAMES = ["event", "text", "cause", "note", "thread", "unraisable", "warning", "library", "debug", "answer", "extra"]

HANDLER = """
import gc, logging, os, threading, time, warnings
from postern.edges.invocation import invoked
from postern.errors import EvidenceUnavailable, IntegrityError

CANARIES = {canaries!r}

class Quoting(Exception):
    pass

class Fragile:
    def __del__(self):
        raise Quoting(CANARIES["unraisable"])

def answer(event, told):
    logging.getLogger("botocore.endpoint").debug("sending %s", CANARIES["debug"])
    logging.getLogger("urllib3.connectionpool").warning("retrying %s", CANARIES["library"])
    told.log.info("looked", extra={{"extra": CANARIES["extra"], "sql": CANARIES["extra"]}})
    match event.get("do"):
        case "raise":
            try:
                raise KeyError(CANARIES["cause"])
            except KeyError as cause:
                error = Quoting(CANARIES["text"])
                error.add_note(CANARIES["note"])
                raise error from cause
        case "upstream":
            raise EvidenceUnavailable("evidence.unavailable", "away") from Quoting(CANARIES["cause"])
        case "log":
            try:
                raise Quoting(CANARIES["text"])
            except Quoting:
                told.log.exception("caught")
                logging.getLogger("pg8000").exception("caught %s", CANARIES["library"])
        case "thread":
            thread = threading.Thread(target=answer, args=({{"do": "raise"}}, told))
            thread.start()
            thread.join()
        case "warn":
            warnings.warn(CANARIES["warning"])
            Fragile()
            gc.collect()
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(60)
    return {{"rows": [CANARIES["answer"]]}}

def handler(event, context):
    return invoked("test", event, context, answer)
"""
# All that a function's configuration can set without a change of its code.
LOUD = {
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "BOTO_DEBUG": "1",
    "POWERTOOLS_DEBUG": "true",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_TRACER_CAPTURE_RESPONSE": "true",
    "PYTHONWARNINGS": "always",
}
SOURCE = HANDLER.format(canaries={name: canary(name) for name in NAMES})


class Asked:
    """A function in a process of its own, asked in each way; what it wrote, and what it answered where it failed."""

    def __init__(self, folder: Path, runtime: str) -> None:
        loud = {**LOUD, "PYTHONPATH": "", "POSTERN_DEPLOYMENT": "test", "AWS_REGION": "us-east-1"}
        plan = WorkerPlan(function(folder, SOURCE, timeout_s=1), lambda: loud, folder / "log", runtime)
        pool = Pool(plan, limit=1)
        event = {"task_id": canary("event"), "requestContext": {"requestId": canary("event")}, "body": canary("event")}
        try:
            self.failed = {
                do: outcome.payload.decode()
                for do in ("raise", "upstream", "log", "thread", "warn", "none", "exit", "sleep")
                if (outcome := pool.invoke(json.dumps({**event, "do": do}).encode()).result(30)).failed
            }
        finally:
            pool.stop()
        self.written = (folder / "log").read_text()


@pytest.fixture(
    scope="module", params=["own", pytest.param("aws", marks=pytest.mark.skipif(os.name != "posix", reason="Linux"))]
)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    if request.param == "aws" and not sys.platform.startswith("linux"):
        pytest.skip("AWS's own runtime has wheels for Linux only")
    yield Asked(tmp_path_factory.mktemp("asked"), request.param)


def test_nothing_that_a_handler_holds_gets_into_what_it_writes(asked: Asked) -> None:
    assert found_in(asked.written, NAMES) == {}


def test_nothing_of_it_leaves_with_an_exception_either(asked: Asked) -> None:
    """The runtime prints what is raised, and whoever invoked the function is given it."""
    assert set(asked.failed) == {"raise", "upstream", "exit", "sleep"}
    assert found_in("".join(asked.failed.values()), NAMES) == {}
    assert "evidence.unavailable" in asked.failed["upstream"]


def test_what_an_operator_needs_is_told_all_the_same(asked: Asked) -> None:
    lines = [json.loads(line) for line in asked.written.splitlines() if line.startswith('{"level"')]

    assert {line["fault"] for line in lines if "fault" in line} == {"Quoting"}
    assert any(line["message"] == "uncaught" for line in lines)
    assert any(line.get("causes") == ["KeyError"] for line in lines)
    assert all(any(frame.startswith("handler.py:") for frame in line["frames"]) for line in lines if "frames" in line)
    assert "urllib3.connectionpool" in asked.written
    assert "botocore.endpoint" not in asked.written  # what a library says below a warning
    assert [line["code"] for line in lines if line["message"] == "answered"][:2] == ["internal", "evidence.unavailable"]


def test_cold_starts_and_codes_are_counted(asked: Asked) -> None:
    sent = [json.loads(line) for line in asked.written.splitlines() if line.startswith('{"_aws"')]
    codes = [one["code"] for one in sent if "Answers" in one]

    assert codes[:6] == ["internal", "evidence.unavailable", "ok", "ok", "ok", "ok"]
    assert sum("ColdStarts" in one for one in sent) == 1
    assert all(one["deployment"] == "test" for one in sent)


SAMPLED = "Root=1-67ae1cc2-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled={sampled}"
TRACED = """
import json, sys
from postern.edges import system
from postern.edges.invocation import invoked

class Context:
    aws_request_id = "{request_id}"
    def get_remaining_time_in_millis(self):
        return 28_000

def answer(event, told):
    watch = told.stopwatch(system.SystemClock())
    system.SystemIdentifiers().command_id(1)
    for step in ("guard", "execute"):
        with watch.step(step):
            pass
    if event["fail"]:
        raise ValueError("{text}")
    return "{text}"

try:
    invoked("query", json.loads(sys.argv[1]), Context(), answer)
except Exception:
    pass
print("loaded" if "aws_xray_sdk" in sys.modules else "spared")
"""


def trace(*, sampled: int, fail: bool = False) -> tuple[list[str], str]:
    """What X-Ray's daemon gets of an invocation in a process of its own, and what the process printed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": "",
            "LAMBDA_TASK_ROOT": str(PROJECT),
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "_X_AMZN_TRACE_ID": SAMPLED.format(sampled=sampled),
            "POSTERN_DEPLOYMENT": "test",
            "POWERTOOLS_SERVICE_NAME": "query",
        }
        script = TRACED.format(request_id=REQUEST_ID, text=canary("answer"))
        event = json.dumps({"task_id": "019ab3c4000070008000000000000000", "fail": fail, "sql": canary("event")})
        ran = subprocess.run(
            [sys.executable, "-c", script, event],
            env=environment, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        daemon.setblocking(False)
        got = []
        try:
            while True:
                got.append(daemon.recv(65_536).decode())
        except BlockingIOError:
            return got, ran.stdout + ran.stderr


@pytest.mark.parametrize("fail", [False, True], ids=["an answer", "a fault"])
def test_a_sampled_invocation_sends_its_steps_ids_and_code_and_nothing_else(fail: bool) -> None:
    got, printed = trace(sampled=1, fail=fail)
    documents = [json.loads(one.split("\n", 1)[1]) for one in got]
    whole = next(one for one in documents if one["name"] == "query")

    assert printed.endswith("loaded\n")
    assert {"guard", "execute"} <= {one["name"] for one in [*documents, *whole.get("subsegments", [])]}
    assert set(whole["annotations"]) == {"request_id", "correlation_id", "task_id", "command_id", "code"}
    assert whole["annotations"]["code"] == ("internal" if fail else "ok")
    assert found_in("".join(got) + printed, ["answer", "event"]) == {}
    assert not {"metadata", "cause", "error", "fault", "aws", "http"} & whole.keys()


def test_an_invocation_that_is_not_sampled_sends_nothing_and_loads_no_sdk() -> None:
    got, printed = trace(sampled=0)

    assert got == []
    assert printed.endswith("spared\n")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param({"pathParameters": {"id": "019ab3c4000070008000000000000000"}}, {"task_id"}, id="a task's path"),
        pytest.param(
            {"pathParameters": {"id": "019ab3c4-0000-7000-8000-000000000000"}}, set(), id="a revocation's path"
        ),
        pytest.param({"pathParameters": {"id": "x' OR 1=1 --"}}, set(), id="a path that is no id"),
        pytest.param({"task_id": "019ab3c4000070008000000000000000"}, {"task_id"}, id="an invoked function's task"),
        pytest.param({"task_id": ["019ab3c4000070008000000000000000"]}, set(), id="no text"),
        pytest.param({"requestContext": {"requestId": "a\nline"}}, set(), id="a gateway's id that is none"),
        pytest.param(["no", "object"], set(), id="no object at all"),
        pytest.param({"pathParameters": None, "requestContext": None}, set(), id="members without a value"),
    ],
)
def test_only_what_looks_like_an_id_becomes_one(event: object, expected: set[str]) -> None:
    correlation.begin(event, REQUEST_ID)

    assert correlation.ids().keys() == {"request_id", "correlation_id"} | expected
    assert correlation.ids()["correlation_id"] == REQUEST_ID


def test_an_invocation_forgets_the_one_before() -> None:
    correlation.begin({"task_id": "019ab3c4000070008000000000000000"}, REQUEST_ID)
    correlation.drew_command("019ab3c4-0000-7000-8000-000000000000")
    correlation.begin({}, REQUEST_ID)

    assert correlation.ids().keys() == {"request_id", "correlation_id"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(
            "Root=1-67ae1cc2-0123456789abcdef01234567;Sampled=1", "1-67ae1cc2-0123456789abcdef01234567", id="a trace"
        ),
        pytest.param("Root=SELECT 1;Sampled=1", None, id="text of a caller's"),
        pytest.param("", None, id="none"),
    ],
)
def test_a_trace_has_a_traces_id_or_none(header: str, expected: str | None) -> None:
    assert correlation.trace_id({"_X_AMZN_TRACE_ID": header}) == expected
