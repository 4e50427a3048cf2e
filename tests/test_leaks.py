"""A secret is found wherever it is planted, and a report of it says where it is and never what."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from postern_local.loopback import Request, Response
from tests.support.leaks import Known, environment_of, in_command_lines, in_environments, in_files, in_output, in_rows
from tests.support.servers import Database
from tests.support.stack import wait_until
from tests.support.watched_stack import Answers

TOKEN = "eyJ" + "a" * 30 + ".eyJ" + "b" * 60 + "." + "c" * 60
VALUE = "kW+9/secret/of/this/run=="
NONE, ONE = Known({}), Known({"credentials of query": VALUE.encode()})
ESCAPED = {
    "as it is": VALUE,
    "in a URL": "key=kW%2B9%2Fsecret%2Fof%2Fthis%2Frun%3D%3D&x",
    "in JSON": '{"key": "kW+9\\/secret\\/of\\/this\\/run=="}',
}


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[int]:
    """One that waits, with these words and settings."""
    program = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdin is not None
        waiting.stdout.readline()
        yield waiting.pid
        waiting.stdin.close()


def test_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "query.log").write_text(f"first\nAuthorization: Bearer {TOKEN}\n")
    (tmp_path / "clean.log").write_text("nothing\n")
    assert [str(leak) for leak in in_files(tmp_path, NONE)] == ["logs/query.log: token"]


def test_a_file_that_must_hold_one_is_spared(tmp_path: Path) -> None:
    (tmp_path / "issuer").mkdir()
    (tmp_path / "issuer" / "key").write_text(TOKEN)
    (tmp_path / "key").write_text(TOKEN)
    assert [leak.where for leak in in_files(tmp_path, NONE, spared=("issuer/*",))] == ["key"]


@pytest.mark.parametrize("text", ESCAPED.values(), ids=ESCAPED)
def test_a_value_of_this_run_is_found_as_it_is_written(text: str) -> None:
    assert [str(leak) for leak in ONE.leaks_in("x", text.encode())] == ["x: credentials of query"]


def test_a_short_value_is_not_searched_for() -> None:
    """It would be somewhere by chance."""
    assert list(Known({"pin": b"1234"}).leaks_in("x", b"12345")) == []


def test_on_a_command_line() -> None:
    with process(f"--token={TOKEN}") as pid:
        assert [leak.what for leak in in_command_lines([pid], NONE)] == ["token"]
        assert in_environments([pid], NONE) == []


def test_in_an_environment() -> None:
    with process(POSTERN_TOKEN=TOKEN, AWS_SESSION_TOKEN=VALUE) as pid:
        assert {leak.what for leak in in_environments([pid], ONE)} == {"token", "credentials of query"}
        assert in_command_lines([pid], ONE) == []
        assert environment_of(pid)["AWS_SESSION_TOKEN"] == VALUE.encode()


def test_of_a_process_that_ended_there_is_nothing() -> None:
    with process(TOKEN) as pid:
        pass
    wait_until(lambda: in_command_lines([pid], NONE) == [])


def test_in_what_a_server_shows_of_other_sessions(database: Database) -> None:
    with closing(database.connect()) as leaking, closing(database.connect()) as watching:
        leaking.run(f"SELECT '{TOKEN}'")
        rows = watching.run("SELECT application_name, query FROM pg_stat_activity")
        assert [leak.what for leak in in_rows("pg_stat_activity", rows, NONE)] == ["token"]


def test_in_an_answer_and_its_headers() -> None:
    answers = Answers()
    answers.keep(
        Request("GET", f"/v1/tasks?{VALUE}", (), b"", ""), Response(200, (("X-Debug", TOKEN),), VALUE.encode())
    )
    [(where, data)] = answers.kept
    assert {leak.what for leak in ONE.leaks_in(where, data)} == {"token", "credentials of query"}
    assert VALUE not in where


def test_in_what_a_test_prints() -> None:
    sections = [("Captured stdout call", "all is well"), ("Captured log call", f"sent {TOKEN}")]
    assert [str(leak) for leak in in_output(sections)] == ["Captured log call: token"]


def test_a_report_holds_nothing_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{TOKEN} {VALUE}")
    told = " ".join(map(str, in_files(tmp_path, ONE)))
    assert told
    assert TOKEN[:12] not in told
    assert VALUE not in told
