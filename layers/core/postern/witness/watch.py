"""Whether a log's latest checkpoint continues the one that the witness kept.

    Follows    the same tree or a larger one that begins with the very same leaves: it may be signed
    Behind     a smaller tree, with the log's signature: somebody put an old checkpoint back
    Forked     with the log's signature, and not a continuation: the log was rewritten

Everything but the log's public keys is read from whoever serves the log, and proved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.cosignatures import cosign
from postern.tlog.notes import VerifierKey, format_note, parse_note
from postern.tlog.proofs import verify_consistency
from postern.tlog.prove import prove_consistency
from postern.witness.signing_key import WitnessKey
from postern.witness.state import Kept, read_kept

Read = Callable[[str], bytes]  # the bytes at a path under the log


@dataclass(frozen=True, slots=True)
class Follows:
    """It may be signed. `size_before` is None where the log was never seen: there was nothing to hold it against."""

    checkpoint: Checkpoint
    size_before: int | None


@dataclass(frozen=True, slots=True)
class Behind:
    """An old checkpoint stands where the latest must."""

    kept: Kept
    latest: Checkpoint


@dataclass(frozen=True, slots=True)
class Forked:
    """Two checkpoints that the log's key signed and that no one log can have.

    `is_certain` where the two by themselves prove it; otherwise `reason` says which proof did not hold, and it may be
    that tiles were damaged or lost and not the history rewritten.
    """

    kept: Kept
    latest: Checkpoint
    reason: str
    is_certain: bool


Seen = Follows | Behind | Forked


@dataclass(frozen=True, slots=True)
class WatchedLog:
    """A log by its public keys, which have its origin for their name."""

    origin: str
    vkeys: Sequence[VerifierKey]


def watch(log: WatchedLog, kept: Kept | None, latest: bytes, read: Read) -> Seen:
    """What the latest checkpoint is to the one that was kept.

    Raises `IntegrityError` where the log's key did not sign it, before anything else is read; and what `read` raises,
    `KeyError` for a file that the log has not.
    """
    head = open_checkpoint(latest, log.vkeys, log.origin)
    if kept is None:
        return Follows(head, None)
    before = kept.checkpoint
    if head.size < before.size:
        return Behind(kept, head)
    if head.size == before.size:
        if head.root != before.root:
            return Forked(kept, head, "two roots of one size", is_certain=True)
        return Follows(head, before.size)
    if before.size == 0:
        return Follows(head, 0)  # every tree continues the empty one
    try:
        proof = prove_consistency(before.size, head.size, read)
        verify_consistency(before.size, head.size, before.root, head.root, proof)
    except IntegrityError as error:
        return _forked(log, kept, head, error.detail, read)
    except KeyError:
        # A tile was lost or held back; the older checkpoint may prove the fork without it.
        forked = _forked(log, kept, head, "a tile is not in the log", read)
        if not forked.is_certain:
            raise
        return forked
    return Follows(head, before.size)


def cosigned(key: WitnessKey, latest: bytes, time_s: int) -> Kept:
    """The note with the witness's line, in the place of any earlier one of its own. Only for what `Follows`."""
    note = parse_note(latest)
    own = key.vkey
    others = [line for line in note.signatures if (line.name, line.key_id) != (own.name, own.key_id)]
    line = cosign(note.text, key.name, key.public, time_s, key.sign)
    return read_kept(format_note(note.text, [*others, line]), own)


def _forked(log: WatchedLog, kept: Kept, head: Checkpoint, reason: str, read: Read) -> Forked:
    """Looks for the log's own copy of the checkpoint of that size: another root there leaves no other explanation."""
    before = kept.checkpoint
    try:
        copy = open_checkpoint(read(f"checkpoints/{before.size}"), log.vkeys, log.origin)
    except (IntegrityError, KeyError):
        return Forked(kept, head, reason, is_certain=False)
    is_certain = copy.size == before.size and copy.root != before.root
    return Forked(kept, head, reason, is_certain=is_certain)
