"""What anyone may know of how a log is: its signed head, how far it holds what was written, and who else saw it.

Nobody here verifies a log: that is for who does not run it. What is known of a verification is what a witness's
operator left: a note with the witness's line, and the key that it is of. It is checked as far as it can be: the log
signed the checkpoint, and that key the line. Whose key that is, and whether it is the one that an auditor was
given, nobody here knows. `wrong` says where it does not hold, and shows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postern.errors import IntegrityError
from postern.log_ports import LeftNote
from postern.reap_ports import DatedKey
from postern.reaped import Watermark
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.cosignatures import verify_cosignatures
from postern.tlog.notes import parse_note, parse_vkey

ReadWatermark = Callable[[str], Watermark | None]  # of a log, by its name


@dataclass(frozen=True, slots=True)
class Cosigned:
    """That the holder of this key has seen the tree of this size, at the time that it says; or why nothing shows it."""

    vkey: str
    size: int | None
    time_s: int | None
    note: bytes | None
    wrong: str | None = None


def cosigned_of(left: LeftNote | None, keys: Sequence[DatedKey], origin: str) -> Cosigned | None:
    """What the note shows; None where nobody left one."""
    if left is None:
        return None
    try:
        head = open_checkpoint(left.note, [parse_vkey(key.vkey) for key in keys], origin)
        lines = verify_cosignatures(parse_note(left.note), [parse_vkey(left.vkey)])
    except IntegrityError as error:
        return _wrong(left, error.detail)
    if not lines:
        return _wrong(left, "note: expected a line of the witness's key, got none")
    return Cosigned(left.vkey, head.size, lines[0].time_s, left.note)


def _wrong(left: LeftNote, why: str) -> Cosigned:
    return Cosigned(left.vkey, None, None, None, wrong=why)


def signed_size(note: bytes | None, keys: Sequence[DatedKey], origin: str) -> int | None:
    """The size that the log's head says; None where there is none, or none of the log's keys signed it."""
    if note is None:
        return None
    try:
        return open_checkpoint(note, [parse_vkey(key.vkey) for key in keys], origin).size
    except IntegrityError:
        return None
