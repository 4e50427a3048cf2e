"""A throw-away PostgreSQL server of the local stack, on a unix socket in a folder that nobody else can enter.

Each start makes an empty cluster in a new folder below the system's temporary folder, so the socket's
path stays under the 107 bytes that a socket address holds, and stopping removes it. Nothing has to
survive a crash of the machine: `fsync` is off. There is no TCP listener, so nothing goes around
the RDS front except the user who runs the stack.

Text sorts by code point on every machine (`C.UTF-8` of PostgreSQL's own provider on 18, `C` on 16).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from postern_local.failure import StackFailure
from postern_local.lifeline import Account, Child, unprivileged_account
from postern_local.postgres_binaries import Binaries, find_binaries, usable_by

if TYPE_CHECKING:
    import pg8000.native

_PORT = 5432  # names the socket's file only: the folder is the server's own
_START_LIMIT_S = 20.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",  # the application name ties a line to a command's record
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. `stop` ends it; so does the end of this process, however that comes."""

    socket_dir: Path
    port: int
    log: Path
    binaries: Binaries
    child: Child

    def dsn(self, dbname: str = "postgres") -> str:
        """The superuser's address of a database."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql:///{quote(dbname, safe='')}?host={host}&port={self.port}&user=postgres"

    @property
    def socket(self) -> Path:
        """The socket's file."""
        return self.socket_dir / f".s.PGSQL.{self.port}"

    def connect(self, dbname: str = "postgres", *, user: str = "postgres") -> pg8000.native.Connection:
        """A new connection over the socket; the server trusts the user name."""
        from pg8000.native import Connection

        # Without `False` a context is made for every connection, which takes longer than all the rest.
        return Connection(user, database=dbname, unix_sock=str(self.socket), timeout=_START_LIMIT_S, ssl_context=False)

    def create_database(self, name: str) -> None:
        """Creates an empty database. Raises `StackFailure` where the server refuses, for example a name in use."""
        from pg8000.exceptions import DatabaseError

        connection = self.connect()
        try:
            connection.run(f"CREATE DATABASE {_identifier(name)}")
        except DatabaseError as error:
            raise StackFailure(f"database {name}: {_message(error)}") from error
        finally:
            connection.close()

    def stop(self) -> None:
        """Ends every session, stops the server and removes its folder. Idempotent."""
        self.child.stop()
        shutil.rmtree(self.socket_dir, ignore_errors=True)  # the watcher removed it, unless it was killed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(
    folder: Path, *, major: int = 18, binaries: Binaries | None = None, settings: Mapping[str, str] | None = None
) -> PostgresServer:
    """Starts an empty server with the role `rds_iam`, as RDS has it; its log is `folder/postgres.log`.

    `major` is 18 or 16; `binaries` are other programs of it than the wheel's; `settings` go before our own. Raises
    `StackFailure` where it does not come up; nothing is left running then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "postgres.log"
    account = unprivileged_account()
    home = Path(tempfile.mkdtemp(prefix="postern-pg-"))
    try:
        os.chown(home, account.uid, account.gid)
        binaries = usable_by(binaries or find_binaries(major), account, home)
        _init_cluster(binaries, home / "data", account, major)
        child = Child.start(
            _command(binaries, home, settings or {}),
            account=account,
            log=log,
            environment=_environment(),
            remove=[home],
        )
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    server = PostgresServer(socket_dir=home, port=_PORT, log=log, binaries=binaries, child=child)
    try:
        _wait_until_ready(server)
    except BaseException:
        server.stop()
        raise
    return server


def run_sql_file(server: PostgresServer, dbname: str, path: Path) -> None:
    """Applies a file of SQL, such as `pg_dump` writes, as the superuser; stops at the first error.

    Raises `StackFailure` that names file, line and message. Statements before the error stay applied.
    """
    if not path.is_file():
        raise StackFailure(f"{path}: expected a file of SQL, got none")
    run = subprocess.run(
        [
            *(server.binaries.path("psql"), "--no-psqlrc", "--quiet", "--no-password"),
            *("--set=ON_ERROR_STOP=1", f"--file={path}", f"--dbname={server.dsn(dbname)}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment() | {"PGCLIENTENCODING": "UTF8", "PGOPTIONS": "-c client_min_messages=warning"},
        check=False,
    )
    if run.returncode != 0:
        raise StackFailure(_first_error(run.stderr.decode(errors="replace"), path))


def _init_cluster(binaries: Binaries, data: Path, account: Account, major: int) -> None:
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major >= 17 else []
    run = subprocess.run(
        [
            *(binaries.path("initdb"), f"--pgdata={data}", "--username=postgres", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", *provider, "--no-sync", "--no-instructions"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=_environment(),
        cwd=data.parent,
        check=False,
        **account.popen_options(),
    )
    if run.returncode != 0:
        said = run.stderr.decode(errors="replace").strip().splitlines()
        raise StackFailure(f"PostgreSQL {major}: initdb failed: {said[-1] if said else run.returncode}")


def _command(binaries: Binaries, home: Path, more: Mapping[str, str]) -> list[str]:
    settings = {**_SETTINGS, **more, "unix_socket_directories": str(home), "port": str(_PORT)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [binaries.path("postgres"), "-D", str(home / "data"), *options]


def _environment() -> dict[str, str]:
    """Nothing of the caller's: a PGDATA, PGHOST, PGSERVICE or LC_ALL would change what is started or reached."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _wait_until_ready(server: PostgresServer) -> None:
    from pg8000.exceptions import DatabaseError, InterfaceError

    limit = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            connection = server.connect()
        except (InterfaceError, DatabaseError, OSError) as error:
            if not server.child.is_running() or time.monotonic() > limit:
                raise StackFailure(
                    f"PostgreSQL: did not start; its log is {server.log}: {_tail(server.log)}"
                ) from error
            time.sleep(0.02)
            continue
        try:
            connection.run("CREATE ROLE rds_iam NOLOGIN")
        finally:
            connection.close()
        return


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(empty)"


def _first_error(said: str, path: Path) -> str:
    """psql's first complaint, `psql:FILE:LINE: ERROR:  message`, as one line without the program's name."""
    lines = [line.removeprefix("psql:") for line in said.splitlines()]
    chosen = next((line for line in lines if "ERROR:" in line or "error:" in line or "FATAL:" in line), None)
    if chosen is None:
        return f"{path}: {lines[-1].strip() if lines else 'psql failed and said nothing'}"
    place, _, message = chosen.partition(": ")
    return (
        f"{place}: {' '.join(message.split())}"
        if place.startswith(str(path))
        else f"{path}: {' '.join(chosen.split())}"
    )


def _identifier(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _message(error: Exception) -> str:
    detail = error.args[0] if error.args else error
    return str(detail.get("M", detail)) if isinstance(detail, dict) else str(detail)
