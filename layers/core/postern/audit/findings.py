"""What a verification found wrong: where, at which numbered step, what was expected and what was there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Step(IntEnum):
    """The steps of a verification, in order. Numbers are printed and documented: they are not reused."""

    LISTING = 1  # versions.jsonl has its form, in key order, and agrees with the files
    KEY = 2  # the key is one of ours
    VERSION = 3  # one version, no delete marker
    LOCK = 4  # COMPLIANCE, long enough
    BYTES = 5  # the bytes are there, with the size and SHA-256 that the listing says
    FORM = 6  # a canonical record with a sound envelope
    PLACE = 7  # the record stands under the key that its content gives
    TIME = 8  # its times agree with its id and with the bucket's clock
    COMMAND = 9  # intent, outcome and settlement belong together
    CHAIN = 10  # each writer's chain is whole


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold. `where` is a key, a line or a chain; no field holds a row value."""

    step: Step
    where: str
    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}: expected {self.expected}, got {self.got}"
        # Keys and values come from the log and go to a terminal: nothing but printable ASCII passes as it is.
        return "".join(one if " " <= one <= "~" else ascii(one)[1:-1] for one in text)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far clocks may differ and what a lock must last; microseconds."""

    min_retention_us: int = 86_400_000_000
    skew_us: int = 60_000_000  # between the writer's clock and the bucket's
    delay_us: int = 900_000_000  # from a record's time to its arrival: Lambda's longest invocation
    max_open_us: int | None = None  # None: an open intent is reported, never a failure
