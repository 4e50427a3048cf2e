"""PostgreSQL servers with the contrib extensions: fetched by `make contrib`, or Debian's where they are installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripts.fetch_contrib import pin

from postern_local import postgres as launcher
from postern_local.postgres import PostgresServer
from postern_local.postgres_binaries import Binaries

_DEBIAN = Path("/usr/lib/postgresql")
_DEBIAN_SHARE = Path("/usr/share/postgresql")


def find_contrib(major: int) -> Binaries:
    """The programs of a server with contrib. Skips the test, loudly, where there is none; fails it in CI."""
    wanted = pin(major)
    if wanted is not None and (wanted.folder / "bin" / "postgres").is_file():
        return Binaries(wanted.folder / "bin")
    debian = _DEBIAN / str(major) / "bin"
    if (debian / "postgres").is_file() and (_DEBIAN_SHARE / str(major) / "extension" / "dblink.control").is_file():
        return Binaries(debian)
    missing = f"PostgreSQL {major} with contrib is missing: run `make contrib`"
    assert not os.environ.get("CI"), missing
    pytest.skip(missing)


@contextmanager
def contrib_server(folder: Path, major: int) -> Iterator[PostgresServer]:
    """A server of the major version whose extensions can be created."""
    with launcher.start(folder, major=major, binaries=find_contrib(major)) as server:
        yield server
