"""The entries of a log, read from its bundles by their places."""

from __future__ import annotations

from dataclasses import replace

from postern.audit.keys import log_key
from postern.audit.listing import PulledLog
from postern.audit.objects import MAX_OBJECT_BYTES
from postern.errors import IntegrityError
from postern.tlog.bundles import parse_bundle
from postern.tlog.tiles import TILE_WIDTH, Bundle, Tile, format_path


def path_key(log: str, part: Tile | Bundle) -> str:
    """The bucket's key of a tile or bundle."""
    return log_key(log, format_path(part))


def widths(pulled: PulledLog, log: str, part: Tile | Bundle) -> list[int]:
    """The widths in which this tile or bundle is there while it is partial, ascending. Names that are none are left."""
    names = pulled.names(f"{path_key(log, replace(part, width=TILE_WIDTH))}.p")
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and 0 < int(name) < TILE_WIDTH)


def read_bundle(pulled: PulledLog, log: str, index: int) -> tuple[Bundle, list[bytes]] | None:
    """The widest bundle of this index and its entries; None where there is none. Raises `IntegrityError`."""
    for width in (TILE_WIDTH, *reversed(widths(pulled, log, Bundle(index)))):
        part = Bundle(index, width)
        try:
            data = pulled.read(path_key(log, part), MAX_OBJECT_BYTES)
        except KeyError:
            continue
        return part, parse_bundle(data, width)
    return None


def read_entries(pulled: PulledLog, log: str, begin: int, end: int) -> list[bytes]:
    """The entries from `begin` to `end`, or fewer where the bundles hold fewer or have not their form."""
    entries: list[bytes] = []
    for index in range(begin // TILE_WIDTH, -(-end // TILE_WIDTH)):
        try:
            found = read_bundle(pulled, log, index)
        except IntegrityError:
            break
        if found is None:
            break
        first = index * TILE_WIDTH
        entries += found[1][max(0, begin - first) : max(0, end - first)]
    return entries
