"""A command of the command line over a folder of files, run in this process, whatever is in the files."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest.mock import patch

from hypothesis import strategies as st

from postern_cli.main import main
from postern_cli.stop import Exit
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target, Wrong

_CODES = frozenset(int(code) for code in Exit)
_MEMORY = Path("/dev/shm")


@cache
def folder() -> Path:
    """Where all of this process's files lie; gone with it."""
    made = Path(tempfile.mkdtemp(prefix="postern-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def ended(*arguments: object) -> tuple[int, str]:
    """The exit code, and all that a person got to read. Nobody's own settings are read, and nothing is asked for."""
    out, environment = io.StringIO(), {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder() / "config")}
    with (
        patch.dict(os.environ, environment, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        code = main([str(one) for one in arguments])
    return code, out.getvalue()


def check(*arguments: object) -> None:
    code, said = ended(*arguments)
    if code not in _CODES or not said.strip():
        raise Wrong(f"{arguments[:2]}: expected an exit code and words, got {code} and {said[:80]!r}")
    if "Traceback (most recent" in said:
        raise Wrong(f"{arguments[:2]}: expected a line for a person, got a traceback")


@dataclass(frozen=True, slots=True)
class Command:
    """A command over a folder of good files; `{}` in its words stands for the folder."""

    name: str
    files: Callable[[], Mapping[str, bytes]]
    words: Sequence[str]
    tokens: Sequence[bytes] = ()
    changed: Callable[[str], bool] = lambda _: True  # which of the files

    def target(self) -> Target:
        return Target(f"cli {self.name}", self._inputs(), self._take, slow=True)

    def _inputs(self) -> st.SearchStrategy[list[object]]:
        def contents() -> st.SearchStrategy[list[object]]:
            files = {name: data for name, data in self.files().items() if self.changed(name)}
            return st.sampled_from(sorted(files)).flatmap(
                lambda name: st.tuples(st.just(name), mutated([files[name]], tokens=self.tokens)).map(list)
            )

        return st.deferred(contents)

    def _take(self, given: tuple[str, bytes]) -> None:
        name, data = given
        here = laid_down(self.name, self.files)
        file, out = here / name, folder() / "out"
        good_data = file.read_bytes()
        file.write_bytes(data)
        try:
            check(*(word.format(here, out=out) for word in self.words))
        finally:
            file.write_bytes(good_data)
            shutil.rmtree(out, ignore_errors=True)


@cache
def laid_down(name: str, files: Callable[[], Mapping[str, bytes]]) -> Path:
    here = folder() / name.replace(" ", "-")
    for path, data in files().items():
        file = here / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o600)
    return here
