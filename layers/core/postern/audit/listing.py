"""Step 1: the listing and the files of a pulled log, joined key by key in one pass over both.

Both come in key order (UTF-8 bytes), so nothing has to be held but the key at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from postern.audit.findings import Finding, Step
from postern.audit.versions import Version, parse_version
from postern.errors import IntegrityError

VERSIONS_FILE = "versions.jsonl"


class PulledLog(Protocol):
    """A copy of the bucket as `postern audit pull` leaves it. Reading it changes nothing."""

    def version_lines(self) -> Iterator[bytes]:
        """The lines of `versions.jsonl`, without line feeds, in the file's order."""
        ...

    def keys(self) -> Iterator[str]:
        """The keys of the objects that are there, in the order of their UTF-8 bytes."""
        ...

    def read(self, key: str, limit: int) -> bytes:
        """The object's bytes, of which at most `limit` and one more. Raises `KeyError` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A key with every version that the bucket holds of it, newest first."""

    key: str
    versions: tuple[Version, ...]
    is_pulled: bool  # whether its bytes are in the copy


def read_listing(pulled: PulledLog) -> Iterator[Listed | Finding]:
    """Every listed key once, in key order; a finding for each line and each file that does not fit in."""
    files = pulled.keys()
    file = next(files, None)
    for listed in _grouped(_parsed(pulled.version_lines())):
        if isinstance(listed, Finding):
            yield listed
            continue
        while file is not None and _order(file) < _order(listed.key):
            yield _unlisted(file)
            file = next(files, None)
        is_pulled = file == listed.key
        if is_pulled:
            file = next(files, None)
        yield Listed(listed.key, listed.versions, is_pulled)
    while file is not None:
        yield _unlisted(file)
        file = next(files, None)


def _parsed(lines: Iterator[bytes]) -> Iterator[Version | Finding]:
    last = b""
    for number, line in enumerate(lines, 1):
        where = f"{VERSIONS_FILE}:{number}"
        try:
            version = parse_version(line)
        except IntegrityError as error:
            yield Finding(Step.LISTING, where, "line", "a version's line", error.detail)
            continue
        if _order(version.key) < last:
            yield Finding(Step.LISTING, where, "order", "keys in order", f"{version.key} after a later key")
            continue
        last = _order(version.key)
        yield version


def _grouped(rows: Iterator[Version | Finding]) -> Iterator[Listed | Finding]:
    for key, group in groupby(rows, key=lambda row: row.key if isinstance(row, Version) else None):
        if key is None:
            yield from (row for row in group if isinstance(row, Finding))
        else:
            yield Listed(key, tuple(row for row in group if isinstance(row, Version)), is_pulled=False)


def _unlisted(key: str) -> Finding:
    return Finding(Step.LISTING, key, "object", "a line for every file", "a file that the bucket's listing lacks")


def _order(key: str) -> bytes:
    # A file's name may hold bytes that are not UTF-8; they arrive as escaped surrogates.
    return key.encode("utf-8", "surrogateescape")
