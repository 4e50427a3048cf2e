"""One batch, written down before it is committed: all that its tree follows from, so that anyone can finish it.

    <header>\n<bundle>

The header is canonical JSON: `{"closes", "from": {"root", "size"}, "keys", "log", "v"}`. `v` is 1, `from` is the tree
that the batch continues, `keys` are the entries' `wal/` keys, in their order, and `closes` says that the last of them
ends the log. The bundle holds the entries as a full or partial entry bundle does. A stage lies under
`stage/<size>-<root>`, of the tree after the batch. It is for recovery and proves nothing: one whose tree was never
committed stays where it is, and means nothing. A reader that meets another `v` stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.canonical import canonical_bytes, malformed, parse_canonical
from postern.audit.stored import SHA256_HEX
from postern.errors import IntegrityError
from postern.log_ports import Head
from postern.tlog.bundles import format_bundle, parse_bundle
from postern.tlog.hashing import Hash
from postern.tlog.tiles import TILE_WIDTH

MAX_ENTRIES = TILE_WIDTH  # a batch; so that what is in flight is at most 16 MB, and a stage's entries are one bundle

_VERSION = 1
_MAX_HEADER_BYTES = 2 * 1024 * 1024  # 256 keys of at most 1,024 bytes, each at most six characters when escaped
_MEMBERS = {"closes", "from", "keys", "log", "v"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A batch over the tree that it continues. Raises `IntegrityError` (`evidence.malformed`) where it can be none."""

    log: str
    size: int  # of the tree that it continues
    root: Hash
    keys: tuple[str, ...]  # 1 to `MAX_ENTRIES`
    entries: tuple[bytes, ...]  # one a key
    closes: bool  # nothing follows it in this log

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) == len(self.entries) <= MAX_ENTRIES:
            raise malformed("stage", f"1 to {MAX_ENTRIES} entries, one a key", f"{len(self.entries)}")

    def positions(self) -> dict[str, int]:
        """Each key's index in the log."""
        return {key: self.size + at for at, key in enumerate(self.keys)}


def stage_path(head: Head) -> str:
    """Where the batch that led to this tree lies."""
    return f"stage/{head.size}-{head.root.hex()}"


def format_stage(stage: Stage) -> bytes:
    """The stage's bytes."""
    header = {
        "v": _VERSION,
        "log": stage.log,
        "from": {"size": stage.size, "root": stage.root.hex()},
        "keys": list(stage.keys),
        "closes": stage.closes,
    }
    return canonical_bytes(header, max_bytes=_MAX_HEADER_BYTES) + b"\n" + format_bundle(stage.entries)


def parse_stage(data: bytes) -> Stage:
    """The stage in these bytes. Raises `IntegrityError` (`evidence.malformed`) unless they are exactly one."""
    header, _, bundle = data.partition(b"\n")  # canonical JSON holds no line feed
    members = parse_canonical(header, max_bytes=_MAX_HEADER_BYTES)
    if members.keys() != _MEMBERS or members["v"] != _VERSION or isinstance(members["v"], bool):
        raise malformed("stage", f"a header of version {_VERSION}", "another")
    log, keys, closes = members["log"], members["keys"], members["closes"]
    if not isinstance(log, str) or not isinstance(closes, bool):
        raise malformed("stage", "a log's name and whether it ends", "something else")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise malformed("stage", "keys", "something else")
    size, root = _tree(members["from"])
    return Stage(log, size, root, tuple(keys), tuple(parse_bundle(bundle, len(keys))), closes)


def check_continues(stage: Stage, head: Head) -> None:
    """Raises `IntegrityError` (`evidence.conflict`) unless the stage continues exactly this tree of this log."""
    if (stage.log, stage.size, stage.root) != (head.log, head.size, head.root):
        raise IntegrityError(
            "evidence.conflict",
            f"stage in {stage.log}: expected one that continues {head.log} at {head.size}, got one at {stage.size}",
        )


def _tree(value: object) -> tuple[int, Hash]:
    wrong = malformed("stage's from", "size and root of a tree", "something else")
    if not isinstance(value, Mapping) or value.keys() != {"size", "root"}:
        raise wrong
    size, root = value["size"], value["root"]
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise wrong
    if not isinstance(root, str) or SHA256_HEX.fullmatch(root) is None:
        raise wrong
    return size, Hash(bytes.fromhex(root))
