"""A log's signed head (C2SP tlog-checkpoint): a note whose text is origin, size and root.

    postern.shop/prod-2026                              the origin: which log
    1284                                                the tree's size
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=        its root, base64

The format allows further lines, which nobody could check; a log of ours has none, and a text with one is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.errors import IntegrityError
from postern.tlog.hashing import EMPTY_ROOT, HASH_BYTES, Hash
from postern.tlog.notes import VerifierKey, parse_note, verify_note
from postern.tlog.spelling import MAX_SIZE, format_base64, malformed, parse_base64, parse_decimal


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log. Raises `IntegrityError` (`evidence.malformed`) where no log can have it.

    It is worth no more than where it comes from: `open_checkpoint` gives one that was verified.
    """

    origin: str
    size: int  # leaves
    root: Hash

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin:
            raise malformed("checkpoint's origin", "one line", repr(self.origin))
        if not 0 <= self.size <= MAX_SIZE:
            raise malformed("checkpoint's size", f"0 to {MAX_SIZE}", str(self.size))
        if len(self.root) != HASH_BYTES:
            raise malformed("checkpoint's root", f"{HASH_BYTES} bytes", f"{len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise malformed("checkpoint's root", "the empty tree's, for the size 0", self.root.hex())


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The note's text that says this head."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{format_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The head that a note's text says. Raises `IntegrityError` (`evidence.malformed`) unless it is exactly one."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise malformed("checkpoint", "three lines", f"{len(lines) - 1}")
    root = parse_base64(lines[2], "checkpoint's root")
    return Checkpoint(lines[0], parse_decimal(lines[1], "checkpoint's size"), Hash(root))


def open_checkpoint(data: bytes, vkeys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """The head in a signed note, verified: it is of this log, and one of its keys among these signed it.

    A log's keys have its origin for their name; other keys do not count. Raises `IntegrityError`:
    `evidence.signature`, `evidence.malformed`.
    """
    note = parse_note(data)
    verify_note(note, [key for key in vkeys if key.name == origin])
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise IntegrityError(
            "evidence.signature", f"checkpoint's origin: expected {origin}, got {checkpoint.origin[:60]}"
        )
    return checkpoint
