"""What a verification found wrong: where, at which numbered step, what was expected and what was there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Step(IntEnum):
    """The steps of a verification, in order. Numbers are printed and documented: they are not reused."""

    LISTING = 1  # versions.jsonl has its form, in key order, and agrees with the files
    KEY = 2  # the key is one of ours
    VERSION = 3  # one version, no delete marker; of `checkpoint` as many as were published
    LOCK = 4  # COMPLIANCE, long enough
    BYTES = 5  # the bytes are there, with the size and SHA-256 that the listing says
    FORM = 6  # a canonical record with a sound envelope
    PLACE = 7  # the record stands under the key that its content gives
    TIME = 8  # its times agree with its id and with the bucket's clock
    COMMAND = 9  # intent, outcome and settlement belong together
    CHAIN = 10  # each writer's chain is whole
    CHECKPOINT = 11  # each checkpoint has its form, its log's origin and a signature of the given keys
    TREE = 12  # every bundle and every tile is what the entries give, without a gap
    ROOT = 13  # every checkpoint's root is that of the entries up to its size, so all are one history
    KEPT = 14  # the history holds the checkpoint that the auditor kept, or a witness signed
    STAGE = 15  # what was staged is what the tree has at that place
    ENTRY = 16  # objects under wal/ and entries are the same, one to one
    ORDER = 17  # places in the tree agree with the commands and with the times
    EPOCH = 18  # the log begins and ends as an epoch does, and the next one holds its closing checkpoint
    WITNESS = 19  # the witnesses that were asked for have signed


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
    """How far clocks may differ, what a lock must last, how long things may take; microseconds."""

    min_retention_us: int = 86_400_000_000
    skew_us: int = 60_000_000  # between the writer's clock and the bucket's
    delay_us: int = 900_000_000  # from a record's time to its arrival: Lambda's longest invocation
    max_open_us: int | None = None  # None: an open intent is reported, never a failure
    max_unsequenced_us: int = 86_400_000_000  # from an object's arrival to its place under a checkpoint
