"""A process that answers lines of JSON with lines of JSON, over its standard input and output."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ANSWER_S = 90.0  # of one answer: a start among them


@dataclass(slots=True)
class PipedProcess:
    """A running one. Its standard error goes to a file; what it writes to its output is answers and nothing else."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    _read: bytearray = field(default_factory=bytearray)

    @classmethod
    def start(cls, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> PipedProcess:
        """Raises `OSError` where the program is not there."""
        with log.open("ab") as said:
            process = subprocess.Popen(
                command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, message: object) -> None:
        """One line, whole. Raises `OSError` where the process has ended."""
        line = memoryview(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        assert self.process.stdin is not None
        while line:
            line = line[os.write(self.process.stdin.fileno(), line) :]

    def receive(self) -> Any:  # noqa: ANN401 - any JSON
        """The next line's value. Raises `RuntimeError` where none comes, or none that is JSON."""
        while (end := self._read.find(b"\n")) < 0:
            self._fill()
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        try:
            return json.loads(line)
        except ValueError as error:
            raise RuntimeError(f"{self.name}: expected a line of JSON, got {line[:200]!r}") from error

    def _fill(self) -> None:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        ready, _, _ = select.select([descriptor], [], [], ANSWER_S)
        some = os.read(descriptor, 1 << 20) if ready else b""
        if not some:
            raise RuntimeError(f"{self.name}: expected an answer, got none; it said: {self._last_words()}")
        self._read += some

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]

    def stop(self) -> None:
        """Ends it, and waits until it is gone. Idempotent."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
