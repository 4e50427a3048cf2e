"""Forked workers are as far apart as new interpreters: nothing of one, or of the parent, is in another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from postern_local.failure import StackFailure
from postern_local.forked_process import WorkerParent, can_fork
from postern_local.lambdas import Start
from postern_local.process import FreshProcess
from postern_local.runtime_api import Invocation
from postern_local.worker_process import Outcome, Worker, WorkerPlan
from tests.support.stack import PROJECT, descendants, function, is_running, wait_until

pytestmark = pytest.mark.skipif(not can_fork(), reason="workers are forked on Linux only")

HANDLER = """
import os, random, ssl, subprocess, sys, threading, uuid

OURS = sorted(name for name in sys.modules if name == "postern" or name.startswith(("postern.", "awslambdaric")))
THREADS = [one.name for one in threading.enumerate() if one is not threading.main_thread()]
DRAWN = {"random": random.random(), "ssl": ssl.RAND_bytes(16).hex(), "uuid": uuid.uuid4().hex}
LIBRARY = sys.modules.get("botocore")

def handler(event, context):
    match event.get("do"):
        case "exit": sys.exit(event["status"])
        case "child": return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
        case "mark":
            LIBRARY.MARK = os.environ["MARK"] = "here"
            sys.path.append("/mark")
            os.chdir("/")
    return {
        "pid": os.getpid(), "session": os.getsid(0), "cwd": os.getcwd(), "environment": dict(os.environ),
        "descriptors": {n: kind(n) for n in sorted(os.listdir("/proc/self/fd")) if kind(n)},
        "mark": getattr(LIBRARY, "MARK", None), "path": sys.path, "ours": OURS, "threads": THREADS, "drawn": DRAWN,
    }

def kind(number):
    try: return os.readlink(f"/proc/self/fd/{number}").partition(":")[0]
    except FileNotFoundError: return None
"""


class Workers:
    """Starts workers of one function and ends them with the test."""

    def __init__(self, folder: Path, parent: WorkerParent) -> None:
        self.folder = folder
        self.parent = parent
        self.started: list[Worker] = []

    def start(self, *, start: Start | None = None, **environment: str) -> Worker:
        given: Mapping[str, str] = {"AWS_REGION": "us-east-1", **environment}
        one = function(self.folder, HANDLER)
        worker = Worker(WorkerPlan(one, lambda: given, self.folder / "echo.log", "own", start or self.parent.start))
        self.started.append(worker)
        return worker

    def stop(self) -> None:
        for worker in self.started:
            worker.stop()


def run(worker: Worker, **event: object) -> Outcome:
    return worker.run(Invocation(json.dumps(event).encode()))


def look(worker: Worker, **event: object) -> dict[str, Any]:
    outcome = run(worker, **event)
    assert not outcome.failed, outcome.payload
    found: dict[str, Any] = json.loads(outcome.payload)
    return found


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerParent]:
    running = WorkerParent(tmp_path_factory.mktemp("parent") / "workers.log")
    yield running
    running.stop()


@pytest.fixture
def workers(tmp_path: Path, parent: WorkerParent) -> Iterator[Workers]:
    running = Workers(tmp_path, parent)
    yield running
    running.stop()


def test_what_a_worker_does_to_its_modules_and_surroundings_reaches_no_other(workers: Workers) -> None:
    before, marked = workers.start(), workers.start()
    assert look(marked, do="mark")["mark"] == "here"

    for worker in (before, workers.start()):
        seen = look(worker)
        assert seen["mark"] is None
        assert "MARK" not in seen["environment"]
        assert "/mark" not in seen["path"]
        assert seen["cwd"] == seen["path"][0] == str(workers.folder / "echo")


def test_each_worker_has_its_own_environment_and_no_others(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    first = look(workers.start(AWS_SECRET_ACCESS_KEY="first", ONLY_FIRST="1"))["environment"]
    second = look(workers.start(AWS_SECRET_ACCESS_KEY="second"))["environment"]
    fresh = look(workers.start(start=FreshProcess, AWS_SECRET_ACCESS_KEY="second"))["environment"]

    assert (first["AWS_SECRET_ACCESS_KEY"], first["ONLY_FIRST"]) == ("first", "1")
    # The interpreter sets the one, and each worker has a Runtime API of its own.
    assert set(second) == set(fresh) - {"LC_CTYPE"}
    assert {name for name in second if second[name] != fresh[name]} == {"AWS_LAMBDA_RUNTIME_API"}


def test_a_worker_has_the_descriptors_of_a_new_interpreter_and_no_more(workers: Workers) -> None:
    look(workers.start())  # so that the parent has something of another worker to pass on
    forked, fresh = look(workers.start()), look(workers.start(start=FreshProcess))

    assert forked["descriptors"] == fresh["descriptors"]
    assert forked["session"] == forked["pid"]


def test_the_parent_has_one_thread_no_credentials_and_nothing_of_ours(workers: Workers) -> None:
    seen = look(workers.start(AWS_SECRET_ACCESS_KEY="secret"))

    assert seen["ours"] == []
    assert seen["threads"] == look(workers.start(start=FreshProcess))["threads"]
    process = Path(f"/proc/{workers.parent.pid}")
    assert len(list((process / "task").iterdir())) == 1
    assert b"AWS_SECRET_ACCESS_KEY" not in (process / "environ").read_bytes()


def test_workers_do_not_draw_the_same_random_numbers(workers: Workers) -> None:
    drawn = [look(workers.start())["drawn"] for _ in range(3)]

    for source in ("random", "ssl", "uuid"):
        assert len({one[source] for one in drawn}) == 3, source


@pytest.mark.parametrize("status", [0, 3])
def test_tells_with_which_status_a_worker_ended(status: int, workers: Workers) -> None:
    told = json.loads(run(workers.start(), do="exit", status=status).payload)

    assert told["errorType"] == "Runtime.ExitError"
    assert told["errorMessage"].endswith(f"exit status {status}")


def test_a_killed_worker_leaves_no_child_and_no_descriptor(workers: Workers) -> None:
    run(workers.start())
    workers.stop()
    before = os.listdir("/proc/self/fd")
    worker = workers.start()
    grandchild = int(run(worker, do="child").payload)

    os.kill(worker.pid, signal.SIGKILL)
    told = json.loads(run(worker).payload)

    assert told["errorMessage"].endswith("exit status -9")
    assert not worker.is_reusable()
    assert not is_running(worker.pid)
    assert not is_running(grandchild)
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_stopped_worker_and_what_it_started_are_gone_and_others_live(workers: Workers) -> None:
    other, worker = workers.start(), workers.start()
    grandchild = int(run(worker, do="child").payload)

    worker.stop()
    worker.stop()

    assert not is_running(worker.pid)
    wait_until(lambda: not is_running(grandchild))
    assert look(other)["pid"] == other.pid


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_without_its_parent_a_worker_ends_and_no_other_starts(how: str, tmp_path: Path) -> None:
    parent = WorkerParent(tmp_path / "workers.log")
    workers = Workers(tmp_path, parent)
    worker = workers.start()
    look(worker)

    if how == "stopped":
        parent.stop()
    else:
        os.kill(parent.pid, signal.SIGKILL)
    try:
        wait_until(lambda: not is_running(worker.pid))
        assert json.loads(run(worker).payload)["errorType"] == "Runtime.ExitError"
        with pytest.raises(StackFailure, match=r"expected a worker, got .*; start the local stack anew"):
            workers.start()
    finally:
        workers.stop()
        parent.stop()
    assert not any(is_running(pid) for pid in (worker.pid, parent.pid))


STARTER = """
import sys, time
from pathlib import Path
from postern_local.forked_process import WorkerParent
from postern_local.model import Function
from postern_local.runtime_api import Invocation
from postern_local.worker_process import Worker, WorkerPlan

folder = Path(sys.argv[1])
function = Function("echo", "arn:aws:lambda:us-east-1:123456789012:function:echo", folder / "echo", "handler.handler",
                    600, 128, {}, "role", None)
parent = WorkerParent(folder / "workers.log")
worker = Worker(WorkerPlan(function, dict, folder / "echo.log", "own", parent.start))
print(parent.pid, worker.pid, worker.run(Invocation(b'{"do": "child"}')).payload.decode(), flush=True)
time.sleep(600)
"""


def test_all_end_with_a_stack_that_is_killed(tmp_path: Path) -> None:
    function(tmp_path, HANDLER)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    ) as starter:
        assert starter.stdout is not None
        pids = {int(pid) for pid in starter.stdout.readline().split()}
        assert len(pids) == 3
        assert pids <= descendants(starter.pid)
        starter.send_signal(signal.SIGKILL)

    wait_until(lambda: not any(is_running(pid) for pid in pids))
