"""An entry read from its bundle and proved from the tiles, against a checkpoint that was opened before."""

from __future__ import annotations

from postern.tlog.bundles import parse_bundle
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import leaf_hash
from postern.tlog.proofs import verify_inclusion
from postern.tlog.prove import prove_inclusion
from postern.tlog.spelling import malformed
from postern.tlog.tiles import TILE_WIDTH, Bundle, Read, format_path
from postern.tlog.tlog_proof import TlogProof


def read_entry(index: int, size: int, read: Read) -> bytes:
    """The entry at `index` of the tree of `size`, as its bundle has it. Raises `IntegrityError` where there is none."""
    if not 0 <= index < size:
        raise malformed("entry's index", f"one below the size {size}", str(index))
    number, place = divmod(index, TILE_WIDTH)
    bundle = Bundle(number, min(TILE_WIDTH, size - number * TILE_WIDTH))
    return parse_bundle(read(format_path(bundle)), bundle.width)[place]


def prove_entry(index: int, entry: bytes, note: bytes, checkpoint: Checkpoint, read: Read) -> TlogProof:
    """The proof file's content for this entry, with the entry in it: it holds, or it is not given.

    `checkpoint` is what the signed `note` was found to say. Raises `IntegrityError` (`evidence.proof`,
    `evidence.malformed`) where tiles, entry and checkpoint do not fit together.
    """
    hashes = prove_inclusion(index, checkpoint.size, read)
    verify_inclusion(index, checkpoint.size, leaf_hash(entry), hashes, checkpoint.root)
    return TlogProof(index, tuple(hashes), note, entry)
