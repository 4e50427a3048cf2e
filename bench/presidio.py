"""Presidio in a process of its own, by another Python: what it finds, and how long it looks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern.masking.detectors import DetectorKind

_PROGRAM = Path(__file__).with_name("presidio_process.py")


@dataclass(frozen=True, slots=True)
class Presidio:
    """A running process; `kinds` are those that it knows as well as we do."""

    version: str
    kinds: tuple[DetectorKind, ...]
    process: subprocess.Popen[str]

    def find(self, kind: DetectorKind, texts: Sequence[str], *, least_score: float) -> list[list[tuple[int, int]]]:
        """Of each text, where a value is, of at least that score."""
        found = self._ask({"find": kind, "texts": texts})
        return [[(start, end) for start, end, score in spans if score >= least_score] for spans in found]

    def look_over_s(self, kinds: Sequence[DetectorKind], texts: Sequence[str]) -> float:
        """Seconds of processor time for all kinds over all texts."""
        return float(self._ask({"look_over": kinds, "texts": texts}))

    def _ask(self, asked: dict[str, object]) -> Any:  # noqa: ANN401 (JSON)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return _answered(self.process)


@contextmanager
def running(python: str) -> Iterator[Presidio]:
    """Presidio by the Python at that path. Raises `RuntimeError` where it does not come up."""
    command = [python, str(_PROGRAM)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            hello = _answered(process)
            yield Presidio(hello["version"], tuple(map(DetectorKind, hello["kinds"])), process)
        finally:
            process.terminate()


def _answered(process: subprocess.Popen[str]) -> Any:  # noqa: ANN401 (JSON)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("presidio: expected an answer, got none; try its Python with bench/presidio_process.py")
    return json.loads(line)
