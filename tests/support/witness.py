"""Logs for a witness to see: growing, put back, rewritten by their own key, and a memory that can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postern.tlog.origins import origin_of
from postern.witness.signing_key import WitnessKey, make_key
from postern.witness.state import Kept
from postern.witness.watch import WatchedLog, cosigned
from postern_cli.stop import Exit, Stop
from tests.support.log_copy import LogKey, build, log_key

ORIGIN = origin_of("shop", "prod-2026")
LOG_KEY = log_key(ORIGIN)
WITNESS: WitnessKey = make_key("acme-audit.example/witness", b"\x07" * 32)
LOG = WatchedLog(ORIGIN, [LOG_KEY.verifier])
NOW_S = 1_795_000_000


def entries(count: int, *, changed: Mapping[int, bytes] | None = None) -> list[bytes]:
    return [(changed or {}).get(index, f"entry {index}".encode()) for index in range(count)]


def grown(
    count: int, *, changed: Mapping[int, bytes] | None = None, batches: Sequence[int] = (), key: LogKey = LOG_KEY
) -> dict[str, bytes]:
    """A log of that many entries, in batches of these sizes and one of the rest."""
    rest = count - sum(batches)
    sizes = [*batches, *([rest] if rest else [])]
    return build(entries(count, changed=changed), origin=key.name, batches=sizes, key=key)


def kept_of(log: Mapping[str, bytes], *, time_s: int = NOW_S) -> Kept:
    """What the witness keeps once it has signed the log's checkpoint."""
    return cosigned(WITNESS, log["checkpoint"], time_s)


def write_copy(folder: Path, log: Mapping[str, bytes], name: str = "prod-2026") -> None:
    """The log as `postern audit pull` leaves it, over what is there."""
    for path, data in log.items():
        file = folder / "objects/log" / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


@dataclass
class MemoryInRam:
    """Implements `witnessing.Memory`. `dies` is called before and after a write: it may raise `Killed`."""

    data: bytes | None
    writes: int = 0
    dies: Callable[[str], None] = lambda _: None

    def read(self) -> bytes:
        if self.data is None:
            raise Stop(Exit.UNKNOWN, "no state")
        return self.data

    def write(self, data: bytes) -> None:
        self.dies("before")
        self.data = data
        self.writes += 1
        self.dies("after")


@dataclass
class Published:
    """What a witness gave away, and kept as evidence."""

    notes: list[bytes] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)

    def keep(self, name: str, data: bytes) -> None:
        assert self.evidence.setdefault(name, data) == data
