"""The Merkle tree's hashes (RFC 6962 section 2.1): SHA-256, with a leaf and a node that no bytes can be both of."""

from __future__ import annotations

import hashlib
from typing import NewType

Hash = NewType("Hash", bytes)  # 32 bytes

HASH_BYTES = 32
_LEAF = b"\x00"
_NODE = b"\x01"

EMPTY_ROOT = Hash(hashlib.sha256(b"").digest())  # of a tree without leaves


def leaf_hash(entry: bytes) -> Hash:
    """The hash of a leaf that holds these bytes."""
    return Hash(hashlib.sha256(_LEAF + entry).digest())


def node_hash(left: Hash, right: Hash) -> Hash:
    """The hash of the node over two subtrees."""
    return Hash(hashlib.sha256(_NODE + left + right).digest())
