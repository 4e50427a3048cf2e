"""`postern local up` as a person runs it: it starts whole, answers, and leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postern.tlog.notes import parse_vkey
from tests.support.stack import call, descendants, is_running, postern, postern_process, wait_until


@dataclass(frozen=True, slots=True)
class Running:
    """A stack in a process of its own, in surroundings that would lead it elsewhere."""

    process: subprocess.Popen[str]
    folder: Path
    elsewhere: socket.socket
    said: str  # until it was ready

    @property
    def ready_file(self) -> Path:
        return self.folder / "ready.json"

    @property
    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ready_file.read_text())
        return found

    def token(self, *options: str) -> str:
        run = postern("local", "token", "--ready", self.ready_file, *options, cwd=self.folder)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()


AGENT = ("--sub", "repo:acme/shop:ref:refs/heads/main", "--claim", "role=agent")


def said_until(process: subprocess.Popen[str], word: str) -> str:
    """What the process prints up to a line with the word in it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    assert process.stderr is not None
    pytest.fail(f"ended before it said {word!r}: {''.join(lines)}{process.stderr.read()}")


Start = Callable[[], Running]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    with ExitStack() as parts:

        def start() -> Running:
            folder = tmp_path_factory.mktemp("up")
            elsewhere = parts.enter_context(socket.create_server(("127.0.0.1", 0)))
            elsewhere.setblocking(False)
            url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
            misleading = ("http_proxy", "HTTPS_PROXY", "ALL_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
            environment = {**dict.fromkeys(misleading, url), "AWS_PROFILE": "production", "PGHOST": "127.0.0.1"}
            arguments = ("local", "up", "--ready", "ready.json", "--state", "state")
            process = parts.enter_context(postern_process(*arguments, cwd=folder, env=environment))
            return Running(process, folder, elsewhere, said_until(process, "anybody else"))

        yield start


@pytest.fixture(scope="module")
def started(start: Start) -> list[Running]:
    return [start()]


@pytest.fixture
def running(start: Start, started: list[Running]) -> Running:
    """One stack for all tests, and a new one after a test that ended it."""
    if started[-1].process.poll() is not None:
        started.append(start())
    return started[-1]


def test_says_what_is_up_where_and_what_to_do_next(running: Running) -> None:
    ready = running.ready

    for address in (ready["api"], ready["aws"], ready["issuer"]):
        assert address in running.said
    assert "local token --ready ready.json " in running.said
    assert f"audit verify --dir evidence --vkey {ready['vkey']}" in running.said
    assert f"{ready['api']}/console in a browser" in running.said
    assert all(f"person:{name}" in running.said for name in ("erin", "frank", "olga", "ava"))


def test_the_ready_file_is_private_and_complete(running: Running) -> None:
    assert stat.S_IMODE(running.ready_file.stat().st_mode) == 0o600
    assert set(running.ready) >= {"api", "issuer", "audience", "aws", "bucket", "log", "vkey", "database"}
    assert running.ready["database"]["name"] == "shop"
    assert parse_vkey(running.ready["vkey"]).name == "postern.postern/local"


def test_the_dsn_reaches_the_loaded_database(running: Running) -> None:
    import pg8000.native

    socket_dir = re.search(r"host=([^&]+)", running.ready["database"]["dsn"])
    assert socket_dir is not None
    folder = socket_dir[1].replace("%2F", "/")
    connection = pg8000.native.Connection("postgres", database="shop", unix_sock=f"{folder}/.s.PGSQL.5432")
    try:
        assert connection.run("SELECT count(*) >= 10000 FROM orders") == [[True]]
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/.well-known/oauth-protected-resource"])
def test_anyone_may_read_what_is_public(path: str, running: Running) -> None:
    assert call(running.ready["api"] + path).status == 200


def test_a_token_of_the_local_issuer_is_let_in(running: Running) -> None:
    answer = call(f"{running.ready['api']}/v1/tasks", headers={"Authorization": f"Bearer {running.token(*AGENT)}"})

    assert answer.status == 200, answer.body


def test_a_token_of_nobody_is_not(running: Running) -> None:
    api = running.ready["api"]
    stranger = running.token("--sub", "repo:elsewhere/shop")

    assert call(f"{api}/v1/tasks", headers={"Authorization": f"Bearer {stranger}"}).json["code"] == "token.rules"
    assert call(f"{api}/v1/tasks", headers={"Authorization": "Bearer x.y.z"}).status == 401
    assert call(f"{api}/v1/tasks").json["code"] == "token.missing"


def test_an_agent_opens_a_task_queries_it_and_ends_it(running: Running) -> None:
    """Through everything: gateway, authorizer, policy, state, world, front, database, records."""
    api, headers = running.ready["api"], {"Authorization": f"Bearer {running.token(*AGENT)}"}
    access = [{"tables": ["orders"], "actions": ["select"]}]
    request = {"database": "shop", "purpose": "count orders", "access": access}

    opened = call(f"{api}/v1/tasks", "POST", json.dumps(request).encode(), headers)
    assert (opened.status, opened.json.get("state")) == (201, "active"), opened.body
    task = f"{api}/v1/tasks/{opened.json['task_id']}"
    answered = call(f"{task}/query", "POST", b'{"sql": "SELECT count(*) FROM orders"}', headers)
    ended = call(task, "DELETE", None, headers)

    assert answered.status == 200, answered.body
    assert answered.json["rows"][0][0] >= 10_000
    assert ended.json["state"] == "ended", ended.body


def test_the_workers_hold_nothing_of_the_users_environment(running: Running) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("the environment of another process can be read on Linux only")
    ours = {name for name in os.environ if name not in ("PATH", "LANG", "TZ")}
    seen = 0
    for pid in descendants(running.process.pid):
        if b"postern_local.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            seen += 1
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            assert not ours & {one.partition(b"=")[0].decode() for one in variables}
    assert seen >= 4


def test_the_state_folder_is_private(running: Running) -> None:
    state = Path(running.ready["state"])

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "issuer/issuer.key").stat().st_mode) == 0o600


def test_a_port_in_use_is_one_line_and_the_first_stack_goes_on(running: Running, tmp_path: Path) -> None:
    port = running.ready["api"].rpartition(":")[2]

    second = postern("local", "up", "--port", port, cwd=tmp_path)

    assert second.returncode == 1
    assert second.stderr.startswith(f"postern: port {port}: expected a free one")
    assert second.stderr.count("\n") == 1
    assert call(f"{running.ready['api']}/healthz").status == 200


def test_calls_nobody_outside_whatever_the_environment_says(running: Running) -> None:
    assert call(f"{running.ready['api']}/healthz").status == 200
    with pytest.raises(BlockingIOError):
        running.elsewhere.accept()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_ends_whole_on_a_signal(number: signal.Signals, running: Running) -> None:
    pids = descendants(running.process.pid)
    assert running.ready_file.exists()
    os.killpg(running.process.pid, number)  # as a terminal does: to the whole group
    output, errors = running.process.communicate(timeout=60)

    assert (running.process.returncode, errors) == (0, "")
    assert output.endswith("stopping\n")
    assert len(pids) > 6
    assert not any(is_running(pid) for pid in pids)
    assert {entry.name for entry in running.folder.iterdir()} == {"state"}
    assert not (running.folder / "state/ready.json").exists()
    assert not _postgres_folder(running.said).exists()


def _postgres_folder(said: str) -> Path:
    found = re.search(r"PostgreSQL 18 +(\S+)", said)
    assert found is not None
    return Path(found[1])


@pytest.mark.parametrize("after", ["PostgreSQL", "RDS front"])
def test_ends_whole_while_it_starts(after: str, tmp_path: Path) -> None:
    with postern_process("local", "up", "--ready", "r.json", "--state", "state", cwd=tmp_path) as process:
        said = said_until(process, after)
        pids = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    # 0 where it was ready by the time that it heard the signal.
    assert process.returncode in (130, 0)
    assert errors == ""
    assert not any(is_running(pid) for pid in pids)
    assert {entry.name for entry in tmp_path.iterdir()} == {"state"}
    assert not _postgres_folder(said).exists()


def test_nothing_outlives_a_stack_that_is_killed(running: Running) -> None:
    pids = descendants(running.process.pid)
    running.process.kill()
    running.process.communicate(timeout=60)

    wait_until(lambda: not any(is_running(pid) for pid in pids))
    wait_until(lambda: not _postgres_folder(running.said).exists())


BROKEN: dict[str, tuple[list[str], int, str]] = {
    "file to load is not there": (["--load", "nowhere.sql"], 1, "--load nowhere.sql: expected a file of SQL"),
    "policy is not there": (["--policy", "nowhere"], 1, "nowhere: expected a folder with a policy layer"),
    "ready file has no folder": (["--ready", "nowhere/r.json"], 1, "nowhere/r.json: expected the folder"),
    "ready file is something else": (["--ready", "thesis.txt"], 1, "thesis.txt: expected a ready file"),
    "state folder is something else": (["--state", "."], 1, "expected an empty folder or a stack's own"),
    "port is no number": (["--port", "http"], 2, "Invalid value for '--port'"),
    "port is out of range": (["--port", "70000"], 2, "Invalid value for '--port'"),
    "version of PostgreSQL is not there": (["--postgres", "15"], 2, "Invalid value for '--postgres'"),
    "SQL is broken": (["--load", "broken.sql"], 1, "broken.sql:2: "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_says_in_one_line_why_it_does_not_start(case: str, tmp_path: Path) -> None:
    options, code, message = BROKEN[case]
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "broken.sql").write_text("CREATE TABLE a (b int);\nCREATE TABEL c (d int);\n")

    run = postern("local", "up", *options, cwd=tmp_path)

    assert run.returncode == code, run.stderr
    assert message in run.stderr
    assert run.stderr.startswith("postern: ")
    assert run.stderr.count("\n") == 1
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_an_aws_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = postern("local", "up", "--aws-port", str(port), cwd=tmp_path)

    assert run.returncode == 1
    assert run.stderr.startswith(f"postern: AWS port {port}: ")
    assert run.stderr.count("\n") == 1
