"""One file that proves one entry, and is checked with the log's key alone (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    extra <base64>                              optional; ours: the entry's own bytes
    index 1283                                  the leaf's place, from 0
    <base64 of a hash>                          the leaf's sibling first, one line each
                                                an empty line
    <the signed checkpoint, as it was published>

The extra bytes are under no signature. An entry in them is proved by hashing it to the leaf, as any other bytes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.hashing import HASH_BYTES, Hash, leaf_hash
from postern.tlog.notes import MAX_NOTE_BYTES, VerifierKey, parse_note
from postern.tlog.proofs import verify_inclusion
from postern.tlog.spelling import format_base64, malformed, parse_base64, parse_decimal

MAX_PROOF_BYTES = 2 * MAX_NOTE_BYTES

_FIRST = "c2sp.org/tlog-proof@v1"
_EXTRA = "extra "
_INDEX = "index "
_MAX_HASHES = 63  # the height of the largest tree


@dataclass(frozen=True, slots=True)
class TlogProof:
    """What a proof file says; `verify_tlog_proof` tells whether it holds."""

    index: int
    hashes: tuple[Hash, ...]
    checkpoint: bytes  # the signed note, byte for byte
    unverified_extra: bytes | None = None


def format_tlog_proof(proof: TlogProof) -> bytes:
    """The bytes of the proof file. Raises `IntegrityError` (`evidence.malformed`) where they would not parse again."""
    lines = [_FIRST]
    if proof.unverified_extra is not None:
        lines.append(f"{_EXTRA}{format_base64(proof.unverified_extra)}")
    lines.append(f"{_INDEX}{proof.index}")
    lines += (format_base64(one) for one in proof.hashes)
    data = "".join(f"{line}\n" for line in [*lines, ""]).encode() + proof.checkpoint
    parse_tlog_proof(data)
    return data


def parse_tlog_proof(data: bytes) -> TlogProof:
    """The parts of a proof file. Raises `IntegrityError` (`evidence.malformed`) unless it is exactly one."""
    if len(data) > MAX_PROOF_BYTES:
        raise malformed("proof", f"at most {MAX_PROOF_BYTES} bytes", f"{len(data)}")
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise malformed("proof", "ASCII before the checkpoint", "other bytes") from None
    if not blank or lines.pop(0) != _FIRST:
        raise malformed("proof", f"{_FIRST}, lines, an empty line and a checkpoint", "another form")
    parse_note(checkpoint)
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = parse_base64(lines.pop(0).removeprefix(_EXTRA), "proof's extra line")
    if not lines or not lines[0].startswith(_INDEX):
        raise malformed("proof", "an index line", repr(lines[0]) if lines else "none")
    index = parse_decimal(lines.pop(0).removeprefix(_INDEX), "proof's index")
    if len(lines) > _MAX_HASHES:
        raise malformed("proof", f"at most {_MAX_HASHES} hashes", f"{len(lines)}")
    return TlogProof(index, tuple(_parse_hash(line) for line in lines), checkpoint, extra)


def verify_tlog_proof(proof: TlogProof, entry: bytes, vkeys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """The verified checkpoint whose tree holds this entry at the proof's index.

    Raises `IntegrityError`: `evidence.signature`, `evidence.proof`, `evidence.malformed`.
    """
    checkpoint = open_checkpoint(proof.checkpoint, vkeys, origin)
    verify_inclusion(proof.index, checkpoint.size, leaf_hash(entry), proof.hashes, checkpoint.root)
    return checkpoint


def _parse_hash(line: str) -> Hash:
    data = parse_base64(line, "proof's hash")
    if len(data) != HASH_BYTES:
        raise malformed("proof's hash", f"{HASH_BYTES} bytes", f"{len(data)}")
    return Hash(data)
