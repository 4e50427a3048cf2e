"""A signed log's entries, streamed from a pulled copy: what is read to the end is what was signed, or it raises.

A reader holds one bundle and, of the tree so far, one hash for each level. Nothing in the copy is trusted but what the
given keys signed: the root over the entries that were read must be the signed one, so a file that is changed between
a verification and this reading is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postern.audit.keys import log_key
from postern.audit.verify.subtrees import Subtrees, root_of
from postern.errors import IntegrityError
from postern.tlog.bundles import MAX_ENTRY_BYTES, parse_bundle
from postern.tlog.checkpoints import Checkpoint, open_checkpoint
from postern.tlog.hashing import leaf_hash
from postern.tlog.notes import MAX_NOTE_BYTES, VerifierKey
from postern.tlog.origins import log_of
from postern.tlog.tiles import TILE_WIDTH, Bundle, format_path
from postern_cli.progress import counting
from postern_cli.pulled import PulledFolder

_STEP = 1000  # entries between two movements of the progress bar
_MAX_OBJECT_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)  # the largest bundle


@dataclass(frozen=True, slots=True)
class SignedLog:
    """A log of the copy and its signed head, opened with the given keys."""

    folder: PulledFolder
    name: str
    head: Checkpoint
    note: bytes  # the signed head as it is stored

    def read(self, path: str) -> bytes:
        """The bytes at a path under the log. Raises `IntegrityError` where there are none, `OSError` as the disk does.

        Implements `postern.tlog.tiles.Read`.
        """
        return _read(self.folder, self.name, path, _MAX_OBJECT_BYTES)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its place in its log, and its bytes, which need not be a record."""

    log: str
    index: int
    data: bytes


def logs_of(vkeys: Sequence[VerifierKey]) -> list[str]:
    """The names of the logs that these keys sign, in their order. Raises `IntegrityError` for a key of no log."""
    return sorted({log_of(key.name) for key in vkeys})


def open_log(folder: PulledFolder, name: str, vkeys: Sequence[VerifierKey]) -> SignedLog:
    """The log as its latest checkpoint says it is. Raises `IntegrityError` unless one of the keys signed that."""
    note = _read(folder, name, "checkpoint", MAX_NOTE_BYTES)
    origin = next(key.name for key in vkeys if log_of(key.name) == name)
    return SignedLog(folder, name, open_checkpoint(note, vkeys, origin), note)


def read_entries(log: SignedLog) -> Iterator[Entry]:
    """Every entry in the log's order. Raises `IntegrityError` where one is missing, and after the last one where
    they are not those that were signed: who acts on an entry before the end acts on what may turn out wrong.
    """
    tree, size = Subtrees(), log.head.size
    for first in range(0, size, TILE_WIDTH):
        bundle = Bundle(first // TILE_WIDTH, min(TILE_WIDTH, size - first))
        for at, data in enumerate(parse_bundle(log.read(format_path(bundle)), bundle.width)):
            tree.append(leaf_hash(data))
            yield Entry(log.name, first + at, data)
    root = root_of(tree.hashes)
    if root != log.head.root:
        expected, got = log.head.root.hex(), root.hex()
        raise IntegrityError("evidence.proof", f"{log.name}: entries: expected the signed root {expected}, got {got}")


def _read(folder: PulledFolder, log: str, path: str, limit: int) -> bytes:
    key = log_key(log, path)
    try:
        return folder.read(key, limit)
    except KeyError:
        raise IntegrityError("evidence.missing", f"{key}: expected it in the copy, got no such object") from None


def read_with_progress(log: SignedLog) -> Iterator[Entry]:
    """The same, while a bar on the terminal tells how far it is."""
    with counting(f"reading {log.name}", total=log.head.size) as advance:
        for entry in read_entries(log):
            yield entry
            if entry.index % _STEP == _STEP - 1:
                advance(_STEP)
