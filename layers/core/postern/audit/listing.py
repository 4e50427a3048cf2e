"""Step 1: the listing and the files of a pulled log, joined key by key in one pass over both.

Both come in key order (UTF-8 bytes), so nothing has to be held but the key at hand. A listing can be taken in
stretches, each by a process of its own; together they see every line and every file once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from postern.audit.findings import Finding, Step
from postern.audit.versions import Version, parse_version
from postern.errors import IntegrityError

VERSIONS_FILE = "versions.jsonl"
_AT_ONCE = 1000  # versions of one key that are held: `checkpoint` has as many as were ever published


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the listing, which begins where a folder begins; `begin` and `end` mean something to the copy only."""

    begin: int = 0
    end: int | None = None
    first: str = ""  # the key from which on files belong to it
    until: str | None = None  # the next stretch's first key


WHOLE = Stretch()


class PulledLog(Protocol):
    """A copy of the bucket as `postern audit pull` leaves it. Reading it changes nothing."""

    def stretches(self, wanted: int) -> Sequence[Stretch]:
        """The listing in about as many stretches, in its order; no folder lies in two of them."""
        ...

    def version_lines(self, stretch: Stretch = WHOLE) -> Iterator[bytes]:
        """The lines of `versions.jsonl`, without line feeds, in the file's order."""
        ...

    def keys(self, stretch: Stretch = WHOLE) -> Iterator[str]:
        """The keys of the objects that are there, in the order of their UTF-8 bytes."""
        ...

    def names(self, folder: str) -> Sequence[str]:
        """What is directly below a folder, given without a slash at its end: last parts of keys, and folders' names.
        Nothing where there is no such folder. In no order."""
        ...

    def read(self, key: str, limit: int) -> bytes:
        """The object's bytes, of which at most `limit` and one more. Raises `KeyError` where there is none."""
        ...

    def digest(self, key: str) -> tuple[int, str]:
        """Length and SHA-256 in hex of an object of any length. Raises `KeyError` where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A key with the versions that the bucket holds of it, newest first; where they are very many, in several parts."""

    key: str
    versions: tuple[Version, ...]
    is_pulled: bool  # whether its bytes are in the copy
    skipped: int = 0  # newer versions, in parts before this one


def read_listing(pulled: PulledLog, stretch: Stretch = WHOLE) -> Iterator[Listed | Finding]:
    """Every listed key, in key order; a finding for each line and each file that does not fit in.

    A finding's line is counted from the stretch's first.
    """
    files = pulled.keys(stretch)
    file = next(files, None)
    is_pulled = False
    for listed in _grouped(pulled.version_lines(stretch)):
        if isinstance(listed, Finding):
            yield listed
            continue
        key, versions, skipped = listed
        if not skipped:
            while file is not None and file != key and _order(file) < _order(key):
                yield _unlisted(file)
                file = next(files, None)
            is_pulled = file == key
            if is_pulled:
                file = next(files, None)
        yield Listed(key, versions, is_pulled, skipped)
    while file is not None:
        yield _unlisted(file)
        file = next(files, None)


def _grouped(lines: Iterator[bytes]) -> Iterator[tuple[str, tuple[Version, ...], int] | Finding]:
    group: list[Version] = []
    skipped = 0
    for row in _parsed(lines):
        if isinstance(row, Finding):
            yield row
        elif not group or row.key != group[0].key:
            if group:
                yield group[0].key, tuple(group), skipped
            group, skipped = [row], 0
        elif len(group) == _AT_ONCE:
            yield row.key, tuple(group), skipped
            skipped += len(group)
            group = [row]
        else:
            group.append(row)
    if group:
        yield group[0].key, tuple(group), skipped


def _parsed(lines: Iterator[bytes]) -> Iterator[Version | Finding]:
    last = ""
    for number, line in enumerate(lines, 1):
        try:
            version = parse_version(line)
        except IntegrityError as error:
            yield Finding(Step.LISTING, f"{VERSIONS_FILE}:{number}", "line", "a version's line", error.detail)
            continue
        if version.key < last:  # UTF-8 keeps the order of code points
            got = f"{version.key} after a later key"
            yield Finding(Step.LISTING, f"{VERSIONS_FILE}:{number}", "order", "keys in order", got)
            continue
        last = version.key
        yield version


def _unlisted(key: str) -> Finding:
    return Finding(Step.LISTING, key, "object", "a line for every file", "a file that the bucket's listing lacks")


def _order(key: str) -> bytes:
    # A file's name may hold bytes that are not UTF-8; they arrive as escaped surrogates.
    return key.encode("utf-8", "surrogateescape")
