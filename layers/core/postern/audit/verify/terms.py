"""What a verification is asked to hold a copy to, and what it knows of each log before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from postern.audit.findings import Bounds
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.notes import VerifierKey


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that these witnesses must have signed: the bytes of its note."""

    note: bytes
    witnesses: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked. Without a key of a log its order and completeness cannot be told."""

    vkeys: tuple[VerifierKey, ...] = ()
    kept: tuple[bytes, ...] = ()  # notes of checkpoints that the auditor kept
    cosigned: tuple[Cosigned, ...] = ()
    log: str | None = None  # only this one; None: every log in the copy


@dataclass(frozen=True, slots=True)
class Log:
    """A log of the copy. What its own first record says is taken as said, until the tree shows that it is the first."""

    number: int  # among the copy's logs, in the order of their names
    name: str
    origin: str | None  # by the given keys or, without one, by its first record; None: nobody says
    vkeys: tuple[VerifierKey, ...]  # of those given, the ones that are this log's
    has_tree: bool
    retain_until_us: int | None  # what its first record promises


@dataclass(frozen=True, slots=True)
class Terms:
    """Handed to every part of a verification, in whichever process."""

    bounds: Bounds
    now_us: int
    logs: Mapping[str, Log]
    options: Options = field(default_factory=Options)

    def named(self, number: int) -> Log:
        return next(log for log in self.logs.values() if log.number == number)

    def is_asked(self, log: str) -> bool:
        return self.options.log is None or self.options.log == log


@dataclass(frozen=True, slots=True)
class Anchor:
    """A tree that somebody outside the bucket, or a later epoch, says this log had."""

    checkpoint: Checkpoint
    where: str
    what: str
