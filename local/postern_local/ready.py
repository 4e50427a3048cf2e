"""The ready file: what a person or a script needs to use a running stack, and the sign that it answers.

One JSON object. Fields may be added; the documented ones stay: api, issuer, audience, aws, bucket, log, seal_table,
vkey (of the log's signing key), database {name, dsn} (the first, by name), databases, state.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from postern_local.failure import StackFailure
from postern_local.private_file import write_private
from postern_local.state_folder import is_in_use


@dataclass(frozen=True, slots=True)
class Ready:
    """A running stack. `databases` are DSNs of a superuser by name: for loading and comparing, not for agents."""

    api: str
    issuer: str
    audience: str
    aws: str
    bucket: str
    log: str
    seal_table: str
    vkey: str
    databases: Mapping[str, str]
    state: str  # the state folder


def format_ready(ready: Ready) -> bytes:
    """The file's bytes."""
    name, dsn = next(iter(sorted(ready.databases.items())))
    return json.dumps({**asdict(ready), "database": {"name": name, "dsn": dsn}}, indent=2).encode() + b"\n"


def read_ready(path: Path) -> Ready:
    """The stack that the file speaks of. Raises `StackFailure` where there is none or it is not a ready file."""
    try:
        document = json.loads(path.read_bytes())
        return Ready(**{name: document[name] for name in Ready.__slots__})
    except OSError as error:
        raise StackFailure(f"{path}: expected the ready file of a running stack, got: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StackFailure(f"{path}: expected a ready file, got another document") from error


def claim_ready(path: Path) -> None:
    """Makes sure that the file can be written later, and removes one that a dead run left.

    Raises `StackFailure` where its folder is not there, or something else or a running stack has its name.
    """
    if not path.parent.is_dir():
        raise StackFailure(f"{path}: expected the folder {path.parent} to be there, got none")
    if not os.access(path.parent, os.W_OK):
        raise StackFailure(f"{path}: expected a folder that may be written to, got {path.parent}")
    if path.is_symlink() or path.exists():
        other = read_ready(path)
        if is_in_use(Path(other.state)):
            raise StackFailure(
                f"{path}: expected a name that is free, got the running stack's at {other.api}; name another"
            )
        path.unlink()


def write_ready(path: Path, ready: Ready) -> None:
    """Writes the file whole, mode 0600: a reader sees all of it or nothing."""
    write_private(path, format_ready(ready))


def remove_ready(path: Path, ready: Ready) -> None:
    """Removes the file if it still is this stack's."""
    try:
        if path.read_bytes() == format_ready(ready):
            path.unlink()
    except FileNotFoundError:
        return
