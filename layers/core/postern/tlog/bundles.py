"""What tiles and entry bundles hold (C2SP tlog-tiles).

A tile is its hashes, 32 bytes each, one after the other. A bundle is its entries, each after its length in two bytes,
big-endian. Neither says how many there are: the path does, and the bytes must come to exactly that.
"""

from __future__ import annotations

from collections.abc import Iterable

from postern.tlog.hashing import HASH_BYTES, Hash
from postern.tlog.spelling import malformed
from postern.tlog.tiles import TILE_WIDTH

MAX_ENTRY_BYTES = 65_535  # what two bytes of length can say

_LENGTH_BYTES = 2


def format_tile(hashes: Iterable[Hash]) -> bytes:
    """The bytes of a tile that holds these hashes."""
    return b"".join(hashes)


def parse_tile(data: bytes, width: int) -> list[Hash]:
    """The hashes of a tile, of which there must be exactly `width`. Raises `IntegrityError` (`evidence.malformed`)."""
    _check_width(width)
    if len(data) != width * HASH_BYTES:
        raise malformed("tile", f"{width * HASH_BYTES} bytes for {width} hashes", f"{len(data)}")
    return [Hash(data[at : at + HASH_BYTES]) for at in range(0, len(data), HASH_BYTES)]


def format_bundle(entries: Iterable[bytes]) -> bytes:
    """The bytes of a bundle that holds these entries. Raises `IntegrityError` for one over `MAX_ENTRY_BYTES`."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise malformed("entry", f"at most {MAX_ENTRY_BYTES} bytes", f"{len(entry)}")
        parts += (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, of which there must be exactly `width` and nothing after.

    Raises `IntegrityError` (`evidence.malformed`).
    """
    _check_width(width)
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[begin - _LENGTH_BYTES : begin], "big")
        entries.append(data[begin:at])
    # What is cut short puts the end past the bytes that are there, and nothing brings it back.
    if at != len(data):
        raise malformed("bundle", f"{width} entries in {at} bytes", f"{len(data)} bytes")
    return entries


def _check_width(width: int) -> None:
    if not 1 <= width <= TILE_WIDTH:
        raise malformed("width", f"1 to {TILE_WIDTH}", str(width))
