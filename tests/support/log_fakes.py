"""The log's table, bucket, WAL and key in memory, and the wire to them, which a test can cut.

What is durable is a `LogStore`; what a process has of it are ports that share one `Wire`. Every request passes
the wire, and each write is one on its own, as it is on S3 and DynamoDB: a test may fail it before or after it
persisted. `tests.support.log_check` checks what came of it; `tests/contract` (`test_log_*.py`) holds each to the real
one's contract.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from postern.audit.keys import log_key
from postern.errors import EvidenceUnavailable, IntegrityError, StateUnavailable, UpstreamError
from postern.log_ports import Head, WalVersion, empty_head
from postern.reap_ports import Epoch
from postern.tlog.checkpoints import Checkpoint, parse_checkpoint
from postern.tlog.tiles import TILE_WIDTH, Bundle, format_path, parse_path

T = TypeVar("T")
Away = type[UpstreamError]

SIGNED_BYTES = 4_096  # of a message at most, in KMS
CODE = {StateUnavailable: "state.unavailable", EvidenceUnavailable: "evidence.unavailable"}


def away(kind: Away) -> UpstreamError:
    """The error of a part that does not answer."""
    return kind(CODE[kind], "expected an answer, got none")


class Wire:
    """How requests reach the stores: here, all do. `name` says which; `kind` is what a lost answer raises."""

    def read(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        return effect()

    def write(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        return effect()


@dataclass
class LogStore:
    """Everything that outlives a process. Objects are locked: a path keeps its first bytes."""

    heads: dict[str, Head] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)  # by log and path; not `checkpoint`
    latest: dict[str, list[bytes]] = field(default_factory=dict)  # by log: every version of `checkpoint`
    wal: dict[str, list[bytes]] = field(default_factory=dict)  # by key: every version, oldest first
    epochs: dict[str, Epoch] = field(default_factory=dict)  # by log: what the reaper fixed
    signed: list[Checkpoint] = field(default_factory=list)  # every text that a key ever signed
    requests: Counter[str] = field(default_factory=Counter)

    def copy(self) -> LogStore:
        """Another store, which goes its own way from here."""
        return LogStore(
            heads=dict(self.heads),
            places=dict(self.places),
            objects=dict(self.objects),
            latest={log: list(versions) for log, versions in self.latest.items()},
            wal={key: list(versions) for key, versions in self.wal.items()},
            epochs=dict(self.epochs),
            signed=list(self.signed),
        )

    def put(self, key: str, data: bytes) -> None:
        """An object, or another version of it, under `wal/`."""
        self.wal.setdefault(key, []).append(data)


@dataclass
class MemoryLogTable:
    """`log_ports.LogTable` in memory."""

    store: LogStore
    wire: Wire = field(default_factory=Wire)

    def head(self, log: str) -> Head:
        return self._read("head", lambda: self.store.heads.get(log, empty_head(log)))

    def commit(self, expected: Head, new: Head) -> bool:
        def swap() -> bool:
            stands = self.store.heads.get(expected.log, empty_head(expected.log))
            if (stands.size, stands.root, stands.is_applied) != (expected.size, expected.root, True):
                return False
            self.store.heads[new.log] = new
            self.store.requests["committed"] += 1
            return True

        return self._write("commit", swap)

    def mark_applied(self, head: Head) -> None:
        def mark() -> None:
            stands = self.store.heads.get(head.log)
            if stands is not None and (stands.size, stands.root) == (head.size, head.root):
                self.store.heads[head.log] = replace(stands, is_applied=True)

        self._write("mark", mark)

    def positions(self, keys: Sequence[str]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for at in range(0, len(keys), 100):
            found |= self._read("positions", partial(self._found, keys[at : at + 100]))
        return found

    def put_positions(self, positions: Mapping[str, int]) -> None:
        rows = list(positions.items())
        for at in range(0, len(rows), 25):
            self._write("index", partial(self.store.places.update, rows[at : at + 25]))

    def _found(self, keys: Sequence[str]) -> dict[str, int]:
        return {key: self.store.places[key] for key in keys if key in self.store.places}

    def _read(self, name: str, effect: Callable[[], T]) -> T:
        self.store.requests[name] += 1
        return self.wire.read(name, StateUnavailable, effect)

    def _write(self, name: str, effect: Callable[[], T]) -> T:
        self.store.requests[name] += 1
        return self.wire.write(name, StateUnavailable, effect)


@dataclass
class MemoryEpochItems:
    """What the sequencer reads of `reap_ports.Epochs`."""

    store: LogStore
    wire: Wire = field(default_factory=Wire)

    def get(self, log: str) -> Epoch | None:
        self.store.requests["epoch"] += 1
        return self.wire.read("epoch", StateUnavailable, lambda: self.store.epochs.get(log))


@dataclass
class MemoryLogBucket:
    """`log_ports.LogBucket` in memory."""

    store: LogStore
    log: str
    wire: Wire = field(default_factory=Wire)

    def create(self, path: str, data: bytes) -> None:
        log_key(self.log, path)

        def create() -> None:
            if self.store.objects.setdefault((self.log, path), data) != data:
                raise IntegrityError("evidence.conflict", f"{path}: expected our bytes, got others")

        self._write(f"put {path.split('/')[0]}", create)

    def create_all(self, writes: Mapping[str, bytes]) -> None:
        for path, data in writes.items():
            self.create(path, data)

    def read(self, path: str) -> bytes:
        log_key(self.log, path)
        data = self._read("get", lambda: self.store.objects.get((self.log, path)))
        if data is None:
            raise IntegrityError("evidence.missing", f"{path}: expected an object, got none")
        return data

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        return {path: self.read(path) for path in paths}

    def latest_checkpoint(self) -> tuple[bytes, str] | None:
        versions = self._read("get checkpoint", lambda: self.store.latest.get(self.log, []))
        return (versions[-1], etag_of(versions[-1])) if versions else None

    def replace_checkpoint(self, data: bytes, etag: str | None) -> bool:
        def swap() -> bool:
            versions = self.store.latest.setdefault(self.log, [])
            if (etag_of(versions[-1]) if versions else None) != etag:
                return False
            versions.append(data)
            return True

        return self._write("put checkpoint", swap)

    def applied_size(self, size: int) -> int:
        index = size // TILE_WIDTH
        prefix = format_path(Bundle(index))

        def largest() -> int:
            widths = [
                parse_path(path).width
                for log, path in self.store.objects
                if log == self.log and path.startswith(prefix)
            ]
            return max([size, *(index * TILE_WIDTH + width for width in widths)])

        return self._read("list bundles", largest)

    def _read(self, name: str, effect: Callable[[], T]) -> T:
        self.store.requests[name] += 1
        return self.wire.read(name, EvidenceUnavailable, effect)

    def _write(self, name: str, effect: Callable[[], T]) -> T:
        self.store.requests[name] += 1
        return self.wire.write(name, EvidenceUnavailable, effect)


@dataclass
class MemoryWal:
    """`log_ports.Wal` in memory. `unread` are keys whose bytes S3 does not give."""

    store: LogStore
    wire: Wire = field(default_factory=Wire)
    unread: set[str] = field(default_factory=set)

    def versions_under(self, prefix: str, *, after: str = "") -> Iterator[WalVersion]:
        self.store.requests["list wal"] += 1
        for key in sorted(self.store.wal, key=str.encode):
            if key.startswith(prefix) and key.encode() > after.encode():
                versions = self.store.wal[key]
                for at in reversed(range(len(versions))):
                    yield WalVersion(key, f"v{at}", len(versions[at]), 0, is_first=at == 0)

    def first_versions(self, keys: Sequence[str]) -> Mapping[str, WalVersion | None]:
        self.store.requests["list wal"] += len({key.rsplit("/", 2)[0] for key in keys})

        def first(key: str) -> WalVersion | None:
            stored = self.store.wal.get(key)
            return WalVersion(key, "v0", len(stored[0]), 0, is_first=True) if stored else None

        try:
            return self.wire.read("list wal", EvidenceUnavailable, lambda: {key: first(key) for key in keys})
        except EvidenceUnavailable:
            return {}

    def read_version(self, key: str, version_id: str) -> bytes:
        self.store.requests["get wal"] += 1
        versions, at = self.store.wal.get(key, []), int(version_id.removeprefix("v"))
        if at >= len(versions):
            raise IntegrityError("evidence.missing", f"{key}: expected version {version_id}, got none")
        return self.wire.read("get wal", EvidenceUnavailable, lambda: versions[at])

    def read_versions(self, versions: Sequence[WalVersion]) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for version in versions:
            try:
                if version.key not in self.unread:
                    found[version.key] = self.read_version(version.key, version.version_id)
            except EvidenceUnavailable:
                continue
        return found


@dataclass
class MemorySigner:
    """`log_ports.Signer` with a key from a seed. What it signs is noted in the store before the caller has it."""

    store: LogStore
    wire: Wire = field(default_factory=Wire)
    seed: int = 1

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        self.store.requests["sign"] += 1
        if not 0 < len(message) <= SIGNED_BYTES:
            raise away(EvidenceUnavailable)

        def signature() -> bytes:
            self.store.signed.append(parse_checkpoint(message.decode()))
            return self._private.sign(message)

        return self.wire.write("sign", EvidenceUnavailable, signature)

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)


def etag_of(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'
