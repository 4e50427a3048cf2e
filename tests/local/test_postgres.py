"""The launcher: what it starts, what it refuses, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from pg8000.exceptions import InterfaceError

from postern_local import postgres as launcher
from postern_local import postgres_binaries
from postern_local.failure import StackFailure
from postern_local.lifeline import unprivileged_account
from postern_local.postgres import PostgresServer
from tests.support.processes import wait_until_gone
from tests.support.servers import Database

ROOT = Path(__file__).resolve().parents[2]
CHINOOK = ROOT.parent / "shared" / "data" / "chinook.sql"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(params=[18, 16])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    name = "postgres" if request.param == 18 else "postgres16"
    found = request.getfixturevalue(name)
    assert isinstance(found, PostgresServer)
    return found


def setting(server: PostgresServer, name: str) -> object:
    connection = server.connect()
    try:
        return connection.run(f"SHOW {name}")[0][0]
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [("listen_addresses", ""), ("server_encoding", "UTF8"), ("TimeZone", "UTC"), ("lc_messages", "C")],
)
def test_server_has_no_tcp_listener_and_the_same_settings_everywhere(
    server: PostgresServer, name: str, value: str
) -> None:
    assert setting(server, name) == value


def test_server_is_of_the_major_version_asked_for(postgres: PostgresServer, postgres16: PostgresServer) -> None:
    assert str(setting(postgres, "server_version")).startswith("18.")
    assert str(setting(postgres16, "server_version")).startswith("16.")


def test_text_sorts_by_code_point(server: PostgresServer) -> None:
    connection = server.connect()
    try:
        rows = connection.run("SELECT x FROM unnest(ARRAY['é', 'b', 'B', 'a', 'Z', '_']) AS x ORDER BY x")
    finally:
        connection.close()
    assert [row[0] for row in rows] == ["B", "Z", "_", "a", "b", "é"]


def test_server_has_the_role_that_rds_has(server: PostgresServer) -> None:
    connection = server.connect()
    try:
        assert connection.run("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'rds_iam'") == [[False]]
    finally:
        connection.close()


def test_socket_lies_in_a_folder_closed_to_everybody_else(postgres: PostgresServer) -> None:
    folder = postgres.socket_dir.stat()
    assert folder.st_mode & 0o777 == 0o700
    assert folder.st_uid == unprivileged_account().uid


def test_server_never_runs_as_root(postgres: PostgresServer) -> None:
    first_line = (postgres.socket_dir / "data" / "postmaster.pid").read_text().splitlines()[0]
    assert Path(f"/proc/{first_line}").stat().st_uid == unprivileged_account().uid != 0


def test_dsn_reaches_the_named_database(database: Database) -> None:
    run = subprocess.run(
        [database.server.binaries.path("psql"), "-XAtc", "SELECT current_database(), current_user", database.dsn],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == f"{database.name}|postgres"


def test_loads_a_real_dump(database: Database) -> None:
    if not CHINOOK.is_file():
        reason = f"the shared test data is absent: {CHINOOK}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    database.load(CHINOOK)
    assert database.run("SELECT count(*) FROM invoice_line") == [[2240]]


def test_loads_what_pg_dump_writes_with_copy_blocks(database: Database, tmp_path: Path) -> None:
    database.run("CREATE TABLE item (id int, note text)")
    database.run("INSERT INTO item VALUES (1, E'tab\\there; and \\\\. a dot'), (2, NULL)")
    dump = subprocess.run(
        [database.server.binaries.path("pg_dump"), f"--dbname={database.dsn}"], capture_output=True, check=True
    ).stdout
    assert b"COPY public.item" in dump
    database.run("DROP TABLE item")
    (tmp_path / "dump.sql").write_bytes(dump)

    database.load(tmp_path / "dump.sql")

    assert database.run("SELECT * FROM item ORDER BY id") == [[1, "tab\there; and \\. a dot"], [2, None]]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("SELECT 1;\n\nSELEC 2;\n", 3, "syntax error", id="syntax"),
        pytest.param("CREATE TABLE a (x int);\nINSERT INTO a\nVALUES ('word');\n", 3, "invalid input", id="value"),
        pytest.param("SELECT * FROM nowhere;\n", 1, "does not exist", id="relation"),
        pytest.param("\n\\nosuchcommand\n", 2, "invalid command", id="meta-command"),
    ],
)
def test_broken_sql_names_file_line_and_message(
    database: Database, tmp_path: Path, text: str, line: int, message: str
) -> None:
    path = write(tmp_path / "broken file.sql", text)
    with pytest.raises(StackFailure) as failure:
        database.load(path)
    assert str(failure.value).startswith(f"{path}:{line}: ")
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


def test_broken_sql_stops_at_the_first_error(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "broken.sql", "CREATE TABLE before ();\nSELEC;\nCREATE TABLE after ();\n")
    with pytest.raises(StackFailure):
        database.load(path)
    assert database.run("SELECT to_regclass('before') IS NULL, to_regclass('after') IS NULL") == [[False, True]]


def test_missing_file_is_told_by_name(database: Database, tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match=r"absent\.sql: expected a file of SQL, got none"):
        database.load(tmp_path / "absent.sql")


def test_missing_database_is_told(postgres: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match='database "absent" does not exist'):
        launcher.run_sql_file(postgres, "absent", write(tmp_path / "good.sql", "SELECT 1;"))


def test_creating_a_database_twice_is_refused(database: Database) -> None:
    with pytest.raises(StackFailure, match="already exists"):
        database.server.create_database(database.name)


def test_database_name_is_quoted(postgres: PostgresServer) -> None:
    postgres.create_database('odd "name"; select')
    connection = postgres.connect('odd "name"; select')
    connection.close()


def test_environment_of_the_caller_does_not_lead_elsewhere(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "/nowhere")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
    database.load(write(tmp_path / "good.sql", "CREATE TABLE here ();"))
    assert database.run("SELECT to_regclass('public.here') IS NOT NULL") == [[True]]


def test_unknown_major_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match=r"PostgreSQL version: expected one of \[16, 18\], got 15"):
        launcher.start(tmp_path, major=15)


def test_stop_ends_the_server_and_removes_its_folder(tmp_path: Path) -> None:
    server = launcher.start(tmp_path)
    postmaster = int((server.socket_dir / "data" / "postmaster.pid").read_text().splitlines()[0])
    held = server.connect()
    server.stop()
    server.stop()
    wait_until_gone(postmaster)
    assert not server.socket_dir.exists()
    with pytest.raises(InterfaceError):
        held.run("SELECT 1")
    assert "database system is shut down" in (tmp_path / "postgres.log").read_text()


def test_failed_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not below pytest's own folder, which it closes to every other account whenever it likes.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr("tempfile.tempdir", None)
        monkeypatch.setitem(launcher._SETTINGS, "no_such_setting", "1")
        with pytest.raises(StackFailure, match="no_such_setting"):
            launcher.start(tmp_path / "state")
        assert list(folder.iterdir()) == []


HOLDER = """
import signal, sys, time
from pathlib import Path
from postern_local import postgres
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is started without
server = postgres.start(Path(sys.argv[1]))
pid = (server.socket_dir / "data" / "postmaster.pid").read_text().splitlines()[0]
print(pid, server.child.pid, server.socket_dir, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_server_ends_with_its_starter_however_that_ends(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdout is not None
        postmaster, watcher, socket_dir = holder.stdout.readline().split()
        holder.send_signal(number)
    wait_until_gone(int(postmaster))
    wait_until_gone(int(watcher))
    assert not Path(socket_dir).exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux signals a child when its parent dies")
def test_server_ends_when_its_watcher_is_killed(tmp_path: Path) -> None:
    server = launcher.start(tmp_path)
    postmaster = int((server.socket_dir / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(server.child.pid, signal.SIGKILL)
    wait_until_gone(postmaster)
    server.stop()


def test_programs_are_copied_where_the_account_cannot_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_binaries, "_is_open_to_all", lambda _folder: False)
    with launcher.start(tmp_path) as server:
        copied = os.geteuid() == 0
        assert server.binaries.bin.is_relative_to(server.socket_dir) == copied
        assert setting(server, "server_version")
