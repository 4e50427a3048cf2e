"""Where a secret could have got to: files, command lines, environments, what a server tells. Says where, never what."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.support.secret_shapes import secrets_in

_LARGEST = 64 * 1024 * 1024  # of a file: what is larger is a database's
_SHORTEST = 12  # of a value: anything shorter is somewhere by chance


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret that was found where it must not be."""

    where: str
    what: str  # the form, or the name of the value

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Known:
    """Values that are secret in one run, each under a name that says what it is."""

    values: Mapping[str, bytes]

    def leaks_in(self, where: str, data: bytes) -> Iterator[Leak]:
        """Forms that any secret has, and these values: as they are, and as JSON and URLs escape them."""
        for seen in secrets_in(data):
            yield Leak(where, seen.shape)
        for name, value in self.values.items():
            if len(value) >= _SHORTEST and any(form in data for form in _forms(value)):
                yield Leak(where, name)


def _forms(value: bytes) -> set[bytes]:
    escaped = re.sub(rb"[^A-Za-z0-9._~-]", lambda one: b"%%%02X" % one[0][0], value)
    return {value, escaped, value.replace(b"/", rb"\/")}


def in_files(folder: Path, known: Known, *, spared: Collection[str] = ()) -> list[Leak]:
    """Leaks in the files below, but for those that are `spared`: patterns of paths relative to the folder."""
    found: list[Leak] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(fnmatch(name, one) for one in spared) or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size <= _LARGEST:
            found += known.leaks_in(name, path.read_bytes())
    return found


def in_command_lines(pids: Iterable[int], known: Known) -> list[Leak]:
    """Leaks in what `ps` shows to everybody on the machine."""
    return _in_proc(pids, "cmdline", known)


def in_environments(pids: Iterable[int], known: Known) -> list[Leak]:
    """Leaks in the environments of processes that run what others send."""
    return _in_proc(pids, "environ", known)


def _in_proc(pids: Iterable[int], name: str, known: Known) -> list[Leak]:
    found: list[Leak] = []
    for pid in sorted(pids):
        try:
            data = Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            continue  # it has ended, or there is no such folder here
        title = Path(f"/proc/{pid}/comm")
        told = title.read_text().strip() if title.is_file() else "?"
        found += known.leaks_in(f"{name} of {told}", data)
    return found


def environment_of(pid: int) -> Mapping[str, bytes]:
    """The environment of a process of this user; nothing where it cannot be read."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (one.partition(b"=") for one in data.split(b"\0") if b"=" in one)
    return {os.fsdecode(name): value for name, _, value in pairs}


def in_output(sections: Iterable[tuple[str, str]]) -> list[Leak]:
    """Leaks in what a test printed and logged, by the names of a report's sections."""
    return [leak for name, text in sections for leak in Known({}).leaks_in(name, text.encode(errors="replace"))]


def in_rows(where: str, rows: Iterable[Sequence[object]], known: Known) -> list[Leak]:
    """Leaks in what a query gave."""
    return [leak for row in rows for leak in known.leaks_in(where, "\n".join(map(str, row)).encode())]
