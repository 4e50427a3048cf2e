"""Other people's verifiers: a program over Go's sumdb packages (`logcheck/`), and openssl in a shell script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from postern.tlog.notes import VerifierKey

HERE = Path(__file__).parent
SCRIPT = HERE.parents[1] / "docs" / "verify-with-openssl.sh"
GOPATH = "/usr/share/gocode"  # where Debian's packages of Go libraries put their source
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Others:
    """What they say: True for a yes, False for a no. Anything else of theirs stops the run."""

    logcheck: Path
    folder: Path
    vkeys: tuple[str, ...]

    def given(self, *vkeys: VerifierKey) -> Others:
        """The same, which know these keys of a log."""
        return replace(self, vkeys=tuple(str(key) for key in vkeys))

    def log_holds(self, log: Mapping[str, bytes]) -> bool:
        """What Go says of a log, path under the log -> bytes."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for path, data in log.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            return self.folder_holds(Path(folder))

    def folder_holds(self, folder: Path) -> bool:
        """What Go says of a log's folder, as it was pulled."""
        return _holds([self.logcheck, "-log", folder, *self.vkeys])

    def proof_holds(self, proof: bytes) -> dict[str, bool]:
        """What each says of a proof file."""
        file = self.folder / "one.tlog-proof"
        file.write_bytes(proof)
        return {
            "go": _holds([self.logcheck, "-proof", file, *self.vkeys]),
            "openssl": _holds([SCRIPT, file, self.vkeys[0]]),
        }

    def cosignature_holds(self, note: bytes, witness: str) -> bool:
        """What Go says of a checkpoint that this witness cosigned."""
        file = self.folder / "cosigned"
        file.write_bytes(note)
        return _holds([self.logcheck, "-note", file, "-witness", witness, *self.vkeys])


@contextmanager
def others() -> Iterator[Others]:
    """The verifiers, ready to be asked."""
    go = shutil.which("go")
    if go is None or not Path(GOPATH, "src/golang.org/x/mod/sumdb/tlog").is_dir():
        sys.exit("make interop: expected Debian's golang-go and golang-golang-x-mod-dev, got none: install both")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "logcheck")
        build = {"GO111MODULE": "off", "GOPATH": GOPATH, "GOCACHE": str(Path(folder, "cache")), "GOFLAGS": ""}
        subprocess.run([go, "vet", "."], cwd=HERE / "logcheck", env=os.environ | build, check=True)
        subprocess.run([go, "build", "-o", program, "."], cwd=HERE / "logcheck", env=os.environ | build, check=True)
        yield Others(program, Path(folder), ())


def _holds(command: list[str | Path]) -> bool:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode not in (0, 1):
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stderr}")
    return done.returncode == 0
