"""Faults that are no rule of a wire: a server that crashes, a disk that is full, an issuer that is down, a clock off.

Each is in force inside its block, and its end is the end of the fault: nothing is put right by hand after it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from postern_local.issuer.key import make_key
from postern_local.issuer.offer import NOTHING
from tests.faults.rig import AUTHORIZE, QUERY, REAP, Rig
from tests.support.crashes import crash, crash_into_standby, promote, wait_until_up
from tests.support.cut import Wire

_DISK_BYTES = 8 * 1024 * 1024  # more than the table has by then
_AMID_S = 0.3  # from when calls are sent


class NotHere(Exception):
    """Raised when this machine does not let the fault be made: it is told, and nothing is shown."""


@contextmanager
def database_restarts(rig: Rig) -> Iterator[None]:
    """As after a backend's crash: every session ends at once, amid its statement, and the server replays its log."""
    amid = threading.Timer(_AMID_S, crash, (rig.stack.postgres,))
    amid.start()
    yield
    amid.join()
    wait_until_up(rig.stack.postgres)


@contextmanager
def database_refuses(rig: Rig) -> Iterator[None]:
    with _login(rig, Wire.REFUSES):
        yield


@contextmanager
def database_swallows(rig: Rig) -> Iterator[None]:
    with _login(rig, Wire.SWALLOWS):
        yield


@contextmanager
def _login(rig: Rig, how: Wire) -> Iterator[None]:
    rig.login.wire = how
    try:
        yield
    finally:
        rig.login.wire = Wire.WHOLE


@contextmanager
def database_is_standby(rig: Rig) -> Iterator[None]:
    """What answers is a standby of the same server, as in the midst of a failover; then it is promoted."""
    crash_into_standby(rig.stack.postgres)
    try:
        yield
    finally:
        promote(rig.stack.postgres)


@contextmanager
def database_disk_full(rig: Rig) -> Iterator[None]:
    """The table that agents write to lies on a small file system of its own, on which nothing is left."""
    with _small_disk(rig) as disk, contextlib.ExitStack() as undone:
        space, tables = disk / "space", "ALTER TABLE marks SET TABLESPACE"
        space.mkdir()
        _give_to_server(rig, space)
        rig.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
        undone.callback(rig.sql, "DROP TABLESPACE small")
        rig.sql(f"{tables} small")
        undone.callback(rig.sql, f"{tables} pg_default")
        undone.callback((disk / "filler").unlink)
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass
        yield


@contextmanager
def functions_disk_full(rig: Rig) -> Iterator[None]:
    """No file of theirs may become longer: each line of a log fails."""
    pids = [*rig.pids(QUERY), *rig.pids(AUTHORIZE)]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def issuer_down(rig: Rig) -> Iterator[None]:
    site = rig.issuer.now.site
    rig.issuer.now.site = None  # it answers 503
    try:
        yield
    finally:
        rig.issuer.now.site = site


@contextmanager
def issuer_down_and_unknown(rig: Rig) -> Iterator[None]:
    with issuer_down(rig):
        _forget_keys(rig)
        rig.kill(AUTHORIZE)  # a new process has none of its own
        yield


@contextmanager
def issuer_rotated(rig: Rig) -> Iterator[None]:
    """For good: a key that was withdrawn does not come back."""
    make_key(rig.issuer.key_path)
    rig.issuer.offer(NOTHING)
    yield


@contextmanager
def issuer_rotated_and_down(rig: Rig) -> Iterator[None]:
    with issuer_rotated(rig), issuer_down(rig):
        yield


def clock(function: str, off_s: int) -> Callable[[Rig], AbstractContextManager[None]]:
    """The function's own clock, in new processes; its SDK's signing time stays."""

    @contextmanager
    def off(rig: Rig) -> Iterator[None]:
        rig.clock_s[function] = off_s
        rig.kill(function)
        if function == REAP:  # while calls are under way, and not a minute later
            rig.invoke(REAP, b'{"action": "reap"}')
        try:
            yield
        finally:
            del rig.clock_s[function]
            rig.kill(function)

    return off


def _forget_keys(rig: Rig) -> None:
    """As if this issuer had never been asked."""
    table: Any = rig.client("dynamodb")
    for name in table.list_tables()["TableNames"]:
        for item in table.scan(TableName=name)["Items"]:
            if item.get("pk", {}).get("S", "").startswith("jwks#"):
                table.delete_item(TableName=name, Key={"pk": item["pk"], "sk": item["sk"]})


@contextmanager
def _small_disk(rig: Rig) -> Iterator[Path]:
    """A file system of a few megabytes. Raises `NotHere` where this machine mounts nothing."""
    disk = Path(tempfile.mkdtemp(prefix="postern-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=755", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        disk.rmdir()
        raise NotHere("a small file system cannot be mounted here")
    try:
        _give_to_server(rig, disk)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=False)
        disk.rmdir()


def _give_to_server(rig: Rig, path: Path) -> None:
    owner = (rig.stack.postgres.socket_dir / "data").stat()
    os.chown(path, owner.st_uid, owner.st_gid)
