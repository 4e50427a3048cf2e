"""What sequencer, reaper and receipts need of the log's table and of the bucket, each guarantee in words.

The edges are `edges/log_table.py`, `edges/log_bucket.py`, `edges/wal.py` and `edges/signer.py`; the fakes
are in `tests/support/log_fakes.py`; `tests/contract` holds both to one contract. A table's methods raise
`StateUnavailable`, the others `EvidenceUnavailable`, where no answer came or its result is not known:
then the write may have landed, or may still land later. Each write here may be done again at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from postern.tlog.hashing import EMPTY_ROOT, Hash


@dataclass(frozen=True, slots=True)
class Head:
    """A tree that a log has been committed to; the tree of size 0 stands for a log that has not begun."""

    log: str
    size: int
    root: Hash
    is_applied: bool  # its tiles, bundles and positions are all written
    is_closed: bool = False  # its last entry ends the epoch: no tree follows


def empty_head(log: str) -> Head:
    """The head of a log that has not begun."""
    return Head(log, 0, EMPTY_ROOT, is_applied=True)


class LogTable(Protocol):
    """The head of each log and the place of each record. Every read is strongly consistent.

    Raises `StateUnavailable`; after that a write may or may not have happened.
    """

    def head(self, log: str) -> Head:
        """The committed head; `empty_head` where the log has none."""
        ...

    def commit(self, expected: Head, new: Head) -> bool:
        """Moves the head from `expected`, which must stand exactly so and be applied, to `new`; False where another
        head stands. One atomic compare-and-swap: of several that expect the same head one succeeds. False may also
        follow from this very call, where its first attempt's answer was lost: read the head to know.
        """
        ...

    def mark_applied(self, head: Head) -> None:
        """Says that this head's tiles, bundles and positions are written; without effect once another head stands."""
        ...

    def positions(self, keys: Sequence[str]) -> Mapping[str, int]:
        """The index, from 0 in its own log, of each of these `wal/` keys that has one. Keys without one are absent."""
        ...

    def put_positions(self, positions: Mapping[str, int]) -> None:
        """Writes each key's index. Not atomic: where it raises, some may be written. Only for a committed head."""
        ...


class LogBucket(Protocol):
    """The objects of one log, under `log/<log>/`; `path` is what follows. Strongly consistent, and locked when written.

    Raises `EvidenceUnavailable`.
    """

    def create(self, path: str, data: bytes) -> None:
        """Makes the bytes durable under this path, once and for ever. The same bytes again are success; where others
        stand there it raises `IntegrityError` (`evidence.conflict`) and changes nothing.
        """
        ...

    def create_all(self, writes: Mapping[str, bytes]) -> None:
        """`create` for each, in no order; where it raises, some may be written."""
        ...

    def read(self, path: str) -> bytes:
        """The bytes under this path. Raises `IntegrityError` (`evidence.missing`) where there are none."""
        ...

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """`read` of each by its path, side by side."""
        ...

    def latest_checkpoint(self) -> tuple[bytes, str] | None:
        """The last published checkpoint, unverified, and the ETag by which it is replaced; None where there never was
        one. Raises `IntegrityError` (`evidence.missing`) where one was and a delete marker hides it.
        """
        ...

    def replace_checkpoint(self, data: bytes, etag: str | None) -> bool:
        """Puts this checkpoint in the place of the one with this ETag, or as the first where it is None; False where
        another stands there, which may be this one, where the first attempt's answer was lost.
        """
        ...

    def applied_size(self, size: int) -> int:
        """`size`, or how far past it the entry bundle reaches that continues a tree of this size.

        Bundles are written only after their tree was committed: more than `size` means that such a tree was, and that
        a head read after this call must show it.
        """
        ...


LogBuckets = Callable[[str], LogBucket]  # by the log's name


@dataclass(frozen=True, slots=True)
class LeftNote:
    """What somebody left as the last note of a log that a witness cosigned. Nothing of it is verified."""

    note: bytes
    vkey: str  # of the witness, as they say


LeftNotes = Callable[[str], LeftNote | None]  # by the log's name. Raises `StateUnavailable`


@dataclass(frozen=True, slots=True)
class WalVersion:
    """One version of an object under `wal/`; delete markers are none."""

    key: str
    version_id: str
    size: int  # bytes
    last_modified_us: int
    is_first: bool  # the version that the log holds: none was stored under this key before it


class Wal(Protocol):
    """The records as they were written, and as nobody can rewrite them. Strongly consistent. `EvidenceUnavailable`."""

    def versions_under(self, prefix: str, *, after: str = "") -> Iterator[WalVersion]:
        """Every version of every key that begins with `prefix` and is greater than `after` (in UTF-8 bytes).

        In key order, the versions of a key newest first, as S3 lists them; a page is fetched when it is needed.
        """
        ...

    def first_versions(self, keys: Sequence[str]) -> Mapping[str, WalVersion | None]:
        """The first version of each of these keys, whatever came after it; None for a key that never had any.

        Does not raise: a key that could not be asked about this time is absent, so that none stands in another's way.
        """
        ...

    def read_version(self, key: str, version_id: str) -> bytes:
        """The bytes of one version. Raises `IntegrityError` (`evidence.missing`) where there is none."""
        ...

    def read_versions(self, versions: Sequence[WalVersion]) -> Mapping[str, bytes]:
        """The bytes of these versions by their keys; one that could not be read this time is absent."""
        ...


class Signer(Protocol):
    """One Ed25519 key that signs checkpoints and nothing else. Raises `EvidenceUnavailable`."""

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key; `notes.verifier_key(origin, public)` is the key that its signatures name."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature (RFC 8032, PureEdDSA) over at most 4,096 bytes."""
        ...
