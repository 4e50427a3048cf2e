"""What a witness adds to a checkpoint (C2SP tlog-cosignature, the Ed25519 form).

A line of the note whose signature is the time, eight bytes big-endian, in seconds since 1970, and 64 bytes of Ed25519
over

    cosignature/v1
    time <the same time>
    <the checkpoint's text>

It says: at this time, this was the largest tree that the witness had seen of this log, and it continued all earlier
ones. The message does not name the witness, so a witness's key is used for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.tlog.checkpoints import parse_checkpoint
from postern.tlog.notes import (
    COSIGNATURE,
    Note,
    NoteSignature,
    Sign,
    VerifierKey,
    check_signature,
    lines_of,
    verifier_key,
)
from postern.tlog.spelling import malformed

MAX_TIME_S = 2**63 - 1

_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Cosignature:
    """That a witness signed, and when it says it did. Made by `verify_cosignatures`."""

    vkey: VerifierKey
    time_s: int


def cosign(text: str, name: str, public: bytes, time_s: int, sign: Sign) -> NoteSignature:
    """A witness's line under this checkpoint's text, checked under its public key.

    The witness has verified the log's own signature and that the tree continues what it has seen. Raises
    `IntegrityError`: `evidence.signature` where its own signature does not hold, `evidence.malformed`.
    """
    parse_checkpoint(text)
    key = verifier_key(name, public, COSIGNATURE)
    message = _message(time_s, text)
    signature = sign(message)
    check_signature(key, message, signature)
    return NoteSignature(name, key.key_id, time_s.to_bytes(_TIME_BYTES, "big") + signature)


def verify_cosignatures(note: Note, vkeys: Sequence[VerifierKey]) -> list[Cosignature]:
    """Which of these witnesses signed the checkpoint, each once with its latest time; there may be none.

    Raises `IntegrityError`: `evidence.signature` where a line of one of them does not hold, `evidence.malformed`.
    """
    parse_checkpoint(note.text)
    found: dict[VerifierKey, int] = {}
    for key, stamped in lines_of(note, vkeys, COSIGNATURE):
        time_s, signature = int.from_bytes(stamped[:_TIME_BYTES], "big"), stamped[_TIME_BYTES:]
        check_signature(key, _message(time_s, note.text), signature)
        found[key] = max(time_s, found.get(key, 0))
    return [Cosignature(key, time_s) for key, time_s in found.items()]


def _message(time_s: int, text: str) -> bytes:
    if not 0 <= time_s <= MAX_TIME_S:
        raise malformed("cosignature's time", f"0 to {MAX_TIME_S}", str(time_s))
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
