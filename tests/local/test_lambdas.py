"""Functions run in processes of their own, that time out, crash, are killed, and never see our environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern_local.failure import StackFailure
from postern_local.forked_process import WorkerParent, can_fork
from postern_local.lambdas import Lambdas, Start
from postern_local.model import Function
from postern_local.pool import Pool
from postern_local.process import FreshProcess
from postern_local.runtime_api import Invocation
from postern_local.worker_process import Outcome, Worker, WorkerPlan
from tests.support.stack import PROJECT, call, descendants, function, is_running, wait_until

HANDLER = """
import os, subprocess, sys, threading, time

def handler(event, context):
    match event.get("do"):
        case "raise": raise ValueError("a reason")
        case "exit": os._exit(3)
        case "sleep": time.sleep(event["seconds"])
        case "wait":
            while not os.path.exists(event["file"]): time.sleep(0.01)
        case "large": return "x" * event["size"]
        case "set": return object()
        case "child": return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
        case "late":
            threading.Timer(0.05, os._exit, (4,)).start()
    return {
        "pid": os.getpid(), "parent": os.getppid(), "environment": dict(os.environ), "cwd": os.getcwd(), "event": event,
        "left_ms": context.get_remaining_time_in_millis(), "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb, "name": context.function_name,
    }
"""
RUNTIMES = ("aws", "own")


def plan(
    folder: Path, runtime: str = "own", *, source: str = HANDLER, timeout_s: int = 5, start: Start = FreshProcess
) -> WorkerPlan:
    if runtime == "aws" and not sys.platform.startswith("linux"):
        pytest.skip("AWS's own runtime has wheels for Linux only")
    environment = {"FROM_TEMPLATE": "yes", "AWS_REGION": "us-east-1"}
    one = function(folder, source, timeout_s=timeout_s)
    return WorkerPlan(one, lambda: environment, folder / "echo.log", runtime, start)


def ask(pool: Pool, **event: object) -> Outcome:
    return pool.invoke(json.dumps(event).encode()).result(60)


def answer(pool: Pool, **event: object) -> dict[str, object]:
    outcome = ask(pool, **event)
    assert not outcome.failed, outcome.payload
    found: dict[str, object] = json.loads(outcome.payload)
    return found


def error(pool: Pool, **event: object) -> dict[str, str]:
    outcome = ask(pool, **event)
    assert outcome.failed, outcome.payload
    found: dict[str, str] = json.loads(outcome.payload)
    return found


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerParent]:
    if not can_fork():
        pytest.skip("workers are forked on Linux only")
    running = WorkerParent(tmp_path_factory.mktemp("parent") / "workers.log")
    yield running
    running.stop()


@pytest.fixture(params=[*RUNTIMES, "forked"])
def pool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pool]:
    """Of workers in new interpreters, under each runtime, and of forked ones."""
    if request.param == "forked":
        planned = plan(tmp_path, "aws", start=request.getfixturevalue("parent").start)
    else:
        planned = plan(tmp_path, request.param)
    running = Pool(planned, limit=2)
    yield running
    running.stop()


def test_gives_the_handler_its_event_and_context(pool: Pool) -> None:
    found = answer(pool, a=[1, None, "é"])

    assert found["event"] == {"a": [1, None, "é"]}
    assert found["name"] == "echo"
    assert found["memory"] == "128"
    assert found["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:echo"
    assert 3000 < int(str(found["left_ms"])) <= 5000
    assert len(str(found["request_id"])) == 36


IMPORTS = """
import importlib

def handler(event, context):
    found = []
    for name in ("boto3", "awscrt", "OpenSSL"):
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        found.append(name)
    return {"found": found}
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_worker_finds_nothing_that_no_function_is_deployed_with(runtime: str, tmp_path: Path) -> None:
    pool = Pool(plan(tmp_path, runtime, source=IMPORTS), limit=1)
    try:
        assert answer(pool)["found"] == ["boto3"]
    finally:
        pool.stop()


def test_runs_in_a_process_of_its_own_and_keeps_it(pool: Pool) -> None:
    first, second = answer(pool), answer(pool)

    assert first["pid"] == second["pid"] != os.getpid()
    assert first["parent"] in descendants(os.getpid()) | {os.getpid()}
    assert str(first["cwd"]).endswith("/echo")
    assert first["request_id"] != second["request_id"]


def test_warming_what_is_warm_starts_no_second_worker(pool: Pool) -> None:
    first = answer(pool)

    pool.warm()

    assert answer(pool)["pid"] == first["pid"]
    assert pool.pids == {first["pid"]}


def test_inherits_nothing_of_our_environment(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HTTPS_PROXY", "http://elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")

    before = answer(pool)["environment"]
    error(pool, do="exit")
    after = answer(pool)["environment"]

    for environment in (before, after):
        assert isinstance(environment, dict)
        # What the interpreter or AWS's runtime sets for itself is in the second set.
        assert set(environment) - {"LC_CTYPE", "_X_AMZN_TRACE_ID", "__CF_USER_TEXT_ENCODING"} == {
            *("FROM_TEMPLATE", "AWS_REGION", "PATH", "LANG", "TZ", "_HANDLER", "LAMBDA_TASK_ROOT"),
            *("AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME"),
            *("AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME"),
            *("AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API"),
            *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"),
        }
        assert environment["PATH"] == os.defpath


def test_tells_what_the_handler_raised(pool: Pool) -> None:
    assert error(pool, do="raise")["errorType"] == "ValueError"
    assert error(pool, do="raise")["errorMessage"] == "a reason"
    assert answer(pool, a=1)["event"] == {"a": 1}


def test_a_result_that_is_not_json_is_an_error(pool: Pool) -> None:
    assert "JSON serializable" in error(pool, do="set")["errorMessage"]


def test_a_crash_is_an_error_and_the_next_call_has_a_new_process(pool: Pool) -> None:
    before = answer(pool)["pid"]

    assert error(pool, do="exit")["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in error(pool, do="exit")["errorMessage"]
    assert answer(pool)["pid"] != before


def test_a_process_that_dies_between_calls_fails_nobody(pool: Pool) -> None:
    dying = int(str(answer(pool, do="late")["pid"]))
    wait_until(lambda: not is_running(dying))

    assert answer(pool)["pid"] != dying


def test_refuses_a_result_above_lambdas_quota(pool: Pool) -> None:
    assert error(pool, do="large", size=6_291_556)["errorType"] == "Function.ResponseSizeTooLarge"
    assert not ask(pool, do="large", size=6_291_000).failed


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_kills_what_passes_the_timeout(runtime: str, tmp_path: Path) -> None:
    running = Pool(plan(tmp_path, runtime, timeout_s=1), limit=1)
    try:
        slow = int(str(answer(running)["pid"]))
        started = time.monotonic()
        found = error(running, do="sleep", seconds=60)
        took_s = time.monotonic() - started

        assert found["errorType"] == "Sandbox.Timedout"
        assert "Task timed out after 1.00 seconds" in found["errorMessage"]
        assert took_s < 10
        assert not is_running(slow)
        assert answer(running)["pid"] != slow
    finally:
        running.stop()


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param("raise RuntimeError('no import')", "RuntimeError", id="raises"),
        pytest.param("import os; os._exit(7)", "Runtime.ExitError", id="exits"),
        pytest.param("handle = 1", None, id="has no handler"),
    ],
)
def test_a_module_that_does_not_load_is_an_error_each_time(
    runtime: str, source: str, kind: str | None, tmp_path: Path
) -> None:
    running = Pool(plan(tmp_path, runtime, source=source), limit=1)
    try:
        for _ in range(2):
            found = error(running)
            assert kind is None or kind in (found["errorType"], found["errorMessage"])
    finally:
        running.stop()


def test_runs_as_many_at_once_as_it_may_and_keeps_the_rest_waiting(tmp_path: Path) -> None:
    running = Pool(plan(tmp_path), limit=2)
    gate = tmp_path / "gate"
    try:
        open_calls = [running.invoke(json.dumps({"do": "wait", "file": str(gate)}).encode()) for _ in range(5)]
        wait_until(lambda: len(running.pids) == 2)
        assert not any(one.done() for one in open_calls)
        gate.touch()
        pids = {json.loads(one.result(30).payload)["pid"] for one in open_calls}
    finally:
        running.stop()

    assert len(pids) == 2


def test_one_worker_is_enough_for_calls_one_after_the_other(tmp_path: Path) -> None:
    running = Pool(plan(tmp_path), limit=4)
    try:
        running.warm()
        for _ in range(5):
            answer(running)
        assert len(running.pids) == 1
    finally:
        running.stop()


def test_stopping_ends_open_calls_and_leaves_no_process(tmp_path: Path) -> None:
    running = Pool(plan(tmp_path, timeout_s=600), limit=2)
    grandchild = int(ask(running, do="child").payload)
    busy = [running.invoke(b'{"do": "sleep", "seconds": 600}') for _ in range(3)]
    wait_until(lambda: len(running.pids) == 2)
    pids = running.pids

    running.stop()
    running.stop()

    assert all(one.result(5).failed for one in busy)
    assert not any(is_running(pid) for pid in {*pids, grandchild})
    assert running.invoke(b"{}").result(5).failed


def test_what_a_dead_worker_left_behind_is_ended_too(tmp_path: Path) -> None:
    running = Pool(plan(tmp_path), limit=1)
    try:
        grandchild = int(ask(running, do="child").payload)
        error(running, do="exit")
        wait_until(lambda: not is_running(grandchild))
    finally:
        running.stop()


def test_a_worker_past_its_age_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its credentials would end."""
    asked: list[int] = []
    base = plan(tmp_path)

    def environment() -> dict[str, str]:
        asked.append(1)
        return {}

    running = Pool(WorkerPlan(base.function, environment, base.log, "own"), limit=1)
    try:
        first = answer(running)["pid"]
        monkeypatch.setattr("postern_local.worker_process._LIFE_S", 0.0)
        second = answer(running)["pid"]
    finally:
        running.stop()

    assert first != second
    assert len(asked) == 2


def test_no_credentials_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    base = plan(tmp_path)
    available = [False]

    def environment() -> dict[str, str]:
        if not available[0]:
            raise StackFailure("AWS server: does not answer")
        return {}

    running = Pool(WorkerPlan(base.function, environment, base.log, "own"), limit=1)
    try:
        running.warm()
        assert error(running)["errorType"] == "Sandbox.Start"
        available[0] = True
        assert answer(running)["name"] == "echo"
    finally:
        running.stop()


def test_a_late_answer_never_becomes_the_next_callers(tmp_path: Path) -> None:
    """A worker that posts under the id of an earlier invocation is refused."""
    source = """
import http.client, os
earlier = []

def handler(event, context):
    earlier.append(context.aws_request_id)
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("POST", f"/2018-06-01/runtime/invocation/{earlier[0]}/response", b'"forged"')
    return {"status": api.getresponse().status, "n": len(earlier)}
"""
    running = Pool(plan(tmp_path, source=source), limit=1)
    try:
        assert ask(running).payload == b'"forged"'  # its own id: that is its own answer
        assert json.loads(ask(running).payload) == {"status": 400, "n": 2}
    finally:
        running.stop()


def test_output_goes_to_the_functions_log(tmp_path: Path) -> None:
    source = (
        "import sys\ndef handler(event, context):\n    print('said', flush=True)\n    sys.stderr.write('warned\\n')\n"
    )
    running = Pool(plan(tmp_path, source=source), limit=1)
    ask(running)
    running.stop()

    assert (tmp_path / "echo.log").read_text().split() == ["said", "warned"]


STARTER = """
import sys, time
from pathlib import Path
from postern_local.model import Function
from postern_local.pool import Pool
from postern_local.worker_process import WorkerPlan

folder = Path(sys.argv[1])
function = Function("echo", "arn:aws:lambda:us-east-1:123456789012:function:echo", folder / "echo", "handler.handler",
                    600, 128, {}, "role", None)
pool = Pool(WorkerPlan(function, dict, folder / "echo.log", sys.argv[2]), limit=2)
pool.invoke(b"{}").result()
pool.invoke(b'{"do": "sleep", "seconds": 600}')
pool.invoke(b'{"do": "sleep", "seconds": 600}')
while len(pool.pids) < 2: time.sleep(0.01)
print(*pool.pids, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_workers_die_with_a_parent_that_is_killed(runtime: str, tmp_path: Path) -> None:
    plan(tmp_path, runtime)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path, runtime], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    ) as starter:
        assert starter.stdout is not None
        pids = [int(pid) for pid in starter.stdout.readline().split()]
        assert len(pids) == 2
        assert set(pids) <= descendants(starter.pid)
        starter.send_signal(signal.SIGKILL)

    wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_a_worker_can_be_driven_alone(tmp_path: Path) -> None:
    worker = Worker(plan(tmp_path))

    outcome = worker.run(Invocation(b'{"a": 1}', "00000000-0000-4000-8000-000000000001"))
    assert json.loads(outcome.payload)["request_id"] == "00000000-0000-4000-8000-000000000001"
    assert worker.is_reusable()
    worker.stop()
    assert not worker.is_reusable()
    assert not is_running(worker.pid)


# ---- The Invoke endpoint


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("invoke")
    functions: list[Function] = [function(folder, HANDLER), function(folder, HANDLER, name="other")]
    lambdas = Lambdas(functions, lambda one: {"FROM_TEMPLATE": one.name}, folder)
    server = lambdas.serve()
    yield server.url
    server.stop()
    lambdas.stop()


PATH = "/2015-03-31/functions/{}/invocations"


@pytest.mark.parametrize(
    "name",
    ["echo", "arn:aws:lambda:us-east-1:123456789012:function:echo", "echo:$LATEST", "echo%3A%24LATEST"],
    ids=["name", "arn", "latest", "latest encoded"],
)
def test_invokes_by_name(name: str, endpoint: str) -> None:
    found = call(endpoint + PATH.format(name), "POST", b'{"a": 1}')

    assert found.status == 200
    assert "X-Amz-Function-Error" not in found.headers
    assert found.json["event"] == {"a": 1}
    assert found.json["environment"]["FROM_TEMPLATE"] == "echo"


def test_marks_a_function_error(endpoint: str) -> None:
    found = call(endpoint + PATH.format("echo"), "POST", b'{"do": "raise"}')

    assert (found.status, found.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert found.json["errorMessage"] == "a reason"


def test_does_not_wait_for_an_event(endpoint: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    body = json.dumps({"do": "wait", "file": str(gate)}).encode()

    found = call(endpoint + PATH.format("other"), "POST", body, {"X-Amz-Invocation-Type": "Event"})
    gate.touch()

    assert (found.status, found.body) == (202, b"")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        pytest.param("POST", PATH.format("nobody"), b"{}", {}, 404, id="unknown function"),
        pytest.param("GET", PATH.format("echo"), None, {}, 404, id="not a POST"),
        pytest.param("POST", "/2015-03-31/functions/echo", b"{}", {}, 404, id="other path"),
        pytest.param("POST", PATH.format("echo%2F..%2Fother"), b"{}", {}, 404, id="path in the name"),
        pytest.param("POST", PATH.format("echo"), b"{", {}, 400, id="not JSON"),
        pytest.param("POST", PATH.format("echo"), b"[" * 100_000, {}, 400, id="nested too deeply"),
        pytest.param("POST", PATH.format("echo"), b'"' + b"a" * 6_291_456 + b'"', {}, 413, id="too large"),
        pytest.param("POST", PATH.format("echo"), b"{}", {"X-Amz-Invocation-Type": "DryRun"}, 400, id="other type"),
    ],
)
def test_refuses_as_lambda_does(
    method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, endpoint: str
) -> None:
    found = call(endpoint + path, method, body, headers)

    assert found.status == status
    assert found.headers["X-Amzn-ErrorType"]


def test_a_function_without_a_handler_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    without = function(tmp_path, "", name="empty")
    (tmp_path / "empty/handler.py").unlink()

    with pytest.raises(StackFailure, match=r"empty: expected handler\.py"):
        Lambdas([without], lambda _: {}, tmp_path)


def test_reserved_concurrency_bounds_the_workers(tmp_path: Path) -> None:
    from dataclasses import replace

    one = replace(function(tmp_path, textwrap.dedent(HANDLER)), concurrency=1)
    lambdas = Lambdas([one], lambda _: {}, tmp_path)
    try:
        answers = [lambdas.invoke("echo", b"{}") for _ in range(4)]
        assert len({json.loads(one.result(30).payload)["pid"] for one in answers}) == 1
    finally:
        lambdas.stop()
