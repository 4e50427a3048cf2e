"""A stage as the sequencer wrote it: a header of canonical JSON, a line feed, and the batch as an entry bundle.

{"closes", "from": {"root", "size"}, "keys", "log", "v"}\\n<bundle>
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.canonical import malformed, parse_canonical
from postern.audit.stored import SHA256_HEX
from postern.tlog.bundles import parse_bundle
from postern.tlog.hashing import Hash

_MAX_HEADER_BYTES = 2 * 1024 * 1024
_MAX_KEYS = 256
_MEMBERS = {"closes", "from", "keys", "log", "v"}


@dataclass(frozen=True, slots=True)
class Stage:
    """A batch over the tree that it continues."""

    log: str
    size: int
    root: Hash
    entries: list[bytes]


def parse_stage(data: bytes) -> Stage:
    """The stage in `data`. Raises `IntegrityError` (`evidence.malformed`) where it has not the form."""
    header, _, bundle = data.partition(b"\n")
    members = parse_canonical(header, max_bytes=_MAX_HEADER_BYTES)
    if members.keys() != _MEMBERS or members["v"] != 1 or isinstance(members["v"], bool):
        raise malformed("stage", "a header of version 1", "another")
    log, keys, tree = members["log"], members["keys"], members["from"]
    if not isinstance(log, str) or not isinstance(keys, list) or not isinstance(members["closes"], bool):
        raise malformed("stage", "log, keys and whether it closes", "something else")
    if not 0 < len(keys) <= _MAX_KEYS or not all(type(key) is str and key.startswith("wal/") for key in keys):
        raise malformed("stage", f"1 to {_MAX_KEYS} keys under wal/", "others")
    if not isinstance(tree, dict) or tree.keys() != {"root", "size"}:
        raise malformed("stage", "the tree that it continues", "something else")
    size, root = tree["size"], tree["root"]
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise malformed("stage", "a size to continue", "something else")
    if not isinstance(root, str) or SHA256_HEX.fullmatch(root) is None:
        raise malformed("stage", "a root to continue", "something else")
    return Stage(log, size, Hash(bytes.fromhex(root)), parse_bundle(bundle, len(keys)))
