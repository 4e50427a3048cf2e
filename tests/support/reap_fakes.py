"""What the reaper stands on, in memory: its tables, the queue, a database that is asked, and a bucket with a clock.

Every write passes a `wire`, which a test can cut before or after it persisted, or at which a process can be made to
die. `tests.support.reap_site` puts them together. The tables keep the real ones' contract, which is
`tests/contract/test_reap_tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from postern.audit.records import Record
from postern.errors import DatabaseUnavailable, EvidenceUnavailable, PosternError, StateUnavailable
from postern.log_ports import WalVersion
from postern.ports import TransactionMark
from postern.reap_ports import Epoch, Fate, Fixed, LogKeys, Watermark
from postern.sweep_ports import Swept
from postern.types import CommandId, DatabaseAddress, DatabaseName, Sha256Hex, TaskId
from tests.support.audit import Immutable, MemoryRecordStore
from tests.support.fake_clock import FakeClock
from tests.support.log_fakes import Away, LogStore, MemorySigner, MemoryWal, Wire, away

T = TypeVar("T")
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
LOG = "prod-2026"


class Died(BaseException):
    """The process is gone: nothing of it catches this."""


@dataclass
class Cut(Wire):
    """Lets everything pass, but for the n-th write from here: `when` says whether it persists.

    With `dies` the process ends there; else the part answers nothing, as a broken network would.
    """

    at: int = -1
    when: str = "before"
    dies: bool = True
    writes: list[str] = field(default_factory=list)
    dark: set[str] = field(default_factory=set)  # requests by these names are not answered
    hook: Callable[[str], None] | None = None  # called with the name of each write before it

    def read(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        if name in self.dark:
            raise away(kind)
        return effect()

    def write(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        if self.hook is not None:
            self.hook(name)
        if name in self.dark:
            raise away(kind)
        self.writes.append(name)
        is_here = len(self.writes) - 1 == self.at
        if is_here and self.when == "before":
            raise Died if self.dies else away(kind)
        done = effect()
        if is_here:
            raise Died if self.dies else away(kind)
        return done


@dataclass
class TimedStore(LogStore):
    """Knows when each version was stored, by a clock of its own."""

    clock: FakeClock = field(default_factory=FakeClock)
    stored_us: dict[str, list[int]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)  # keys that the bucket told the queue of

    def put(self, key: str, data: bytes) -> None:
        super().put(key, data)
        self.stored_us.setdefault(key, []).append(self.clock.at_us // 1_000_000 * 1_000_000)
        self.events.append(key)


class StoredObjects(Immutable):
    """The record stores' objects: each becomes an object of the bucket."""

    def __init__(self, store: TimedStore) -> None:
        super().__init__()
        self._store = store

    def __setitem__(self, key: str, data: bytes) -> None:
        super().__setitem__(key, data)
        if key.startswith("wal/"):
            self._store.put(key, data)


@dataclass
class TimedWal(MemoryWal):
    """`log_ports.Wal` in memory, with the times of storing."""

    listed: int = 0  # versions that were listed

    def versions_under(self, prefix: str, *, after: str = "") -> Iterator[WalVersion]:
        self.wire.read("list wal", EvidenceUnavailable, lambda: None)
        for version in super().versions_under(prefix, after=after):
            self.listed += 1
            yield self._timed(version)

    def first_versions(self, keys: Sequence[str]) -> Mapping[str, WalVersion | None]:
        found = super().first_versions(keys)
        return {key: None if version is None else self._timed(version) for key, version in found.items()}

    def _timed(self, version: WalVersion) -> WalVersion:
        assert isinstance(self.store, TimedStore)
        at = int(version.version_id.removeprefix("v"))
        return replace(version, last_modified_us=self.store.stored_us[version.key][at])


@dataclass
class WiredRecords(MemoryRecordStore):
    """A record store of one environment, whose PUTs pass the wire."""

    wire: Wire = field(default_factory=Wire)

    def put(self, record: Record) -> Sha256Hex:
        return self.wire.write("put record", EvidenceUnavailable, lambda: MemoryRecordStore.put(self, record))


@dataclass
class MemoryWatermarks:
    """`reap_ports.Watermarks`; fails the test where one goes back."""

    marks: dict[str, Watermark] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)
    reads: int = 0

    def read(self, log: str) -> Watermark | None:
        self.reads += 1
        return self.wire.read("read watermark", StateUnavailable, lambda: self.marks.get(log))

    def advance(self, log: str, *, at_us: int, closed_us: int) -> bool:
        def move() -> bool:
            mark = self.marks.get(log)
            if mark is not None and mark.at_us >= at_us:
                return False
            self.marks[log] = replace(mark or Watermark(0, 0), at_us=at_us, closed_us=closed_us)
            return True

        return self.wire.write("watermark", StateUnavailable, move)

    def close_commands(self, log: str, closed_us: int) -> None:
        def move() -> None:
            if self.marks[log].closed_us < closed_us:
                self.marks[log] = replace(self.marks[log], closed_us=closed_us)

        self.wire.write("close commands", StateUnavailable, move)

    def note_sweep(self, log: str, *, swept_us: int, open_from_us: int) -> None:
        def note() -> None:
            if log in self.marks and self.marks[log].swept_us < swept_us:
                self.marks[log] = replace(self.marks[log], swept_us=swept_us, open_from_us=open_from_us)

        self.wire.write("sweep", StateUnavailable, note)

    def close(self, log: str) -> None:
        def close() -> None:
            self.marks[log] = replace(self.marks.get(log, Watermark(0, 0)), is_closed=True)

        self.wire.write("close log", StateUnavailable, close)


@dataclass
class MemoryEpochs:
    """`reap_ports.Epochs`."""

    epochs: dict[str, Epoch] = field(default_factory=dict)
    told: dict[str, LogKeys] = field(default_factory=dict)
    last: str | None = None
    wire: Wire = field(default_factory=Wire)

    def get(self, log: str) -> Epoch | None:
        return self.wire.read("epoch", StateUnavailable, lambda: self.epochs.get(log))

    def put(self, epoch: Epoch) -> bool:
        return self.wire.write("epoch", StateUnavailable, lambda: _swap(self.epochs, epoch))

    def latest(self) -> str | None:
        return self.wire.read("latest", StateUnavailable, lambda: self.last)

    def set_latest(self, expected: str | None, log: str) -> bool:
        def move() -> bool:
            if self.last != expected:
                return False
            self.last = log
            return True

        return self.wire.write("latest", StateUnavailable, move)

    def keys(self, log: str) -> LogKeys | None:
        return self.told.get(log)

    def put_keys(self, keys: LogKeys) -> bool:
        return self.wire.write("keys", StateUnavailable, lambda: _swap(self.told, keys))


Item = TypeVar("Item", Epoch, LogKeys)


def _swap(items: dict[str, Item], new: Item) -> bool:
    stands = items.get(new.log)
    if (-1 if stands is None else stands.revision) != new.revision - 1:
        return False
    items[new.log] = new
    return True


@dataclass
class MemoryQuarantines:
    """`reap_ports.Quarantines`."""

    items: dict[str, Fixed] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def fix(self, key: str, event_id: CommandId, time_us: int) -> Fixed:
        return self.wire.write(
            "quarantine", StateUnavailable, lambda: self.items.setdefault(key, Fixed(event_id, time_us))
        )

    def recorded(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(key for key in keys if key in self.items and self.items[key].is_recorded)

    def mark_recorded(self, key: str) -> None:
        def mark() -> None:
            self.items[key] = replace(self.items[key], is_recorded=True)

        self.wire.write("quarantined", StateUnavailable, mark)


@dataclass
class FakeQueue:
    """`reap_ports.Requeue`."""

    sent: list[str] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)

    def send(self, keys: Sequence[str]) -> None:
        self.wire.write("send", EvidenceUnavailable, lambda: self.sent.extend(keys))


@dataclass
class FakeFates:
    """A database that is asked of transactions; None: it is away."""

    answer: Fate | None = Fate.COMMITTED
    asked: list[TransactionMark] = field(default_factory=list)

    def fate(self, address: DatabaseAddress, mark: TransactionMark) -> Fate:
        self.asked.append(mark)
        if self.answer is None:
            raise DatabaseUnavailable("database.unavailable", "away")
        return self.answer


@dataclass
class FakeProvisioner:
    """Tears down by moving the task on; `fails` is raised instead."""

    torn_down: list[TaskId] = field(default_factory=list)
    fails: Exception | None = None

    def provision(self, task_id: TaskId) -> None:
        raise AssertionError("the reaper builds nothing")

    def tear_down(self, task_id: TaskId) -> None:
        if self.fails is not None:
            raise self.fails
        self.torn_down.append(task_id)


@dataclass
class FakeSweeper:
    """Notes which databases it was asked to look at. `found` is what it comes to, by database, instead of nothing."""

    found: dict[DatabaseName, Swept | PosternError] = field(default_factory=dict)
    asked: list[DatabaseName] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def sweep(self, database: DatabaseName) -> Swept:
        self.asked.append(database)
        self.meanwhile()
        swept = self.found.get(database, Swept())
        if isinstance(swept, PosternError):
            raise swept
        return swept


@dataclass(frozen=True)
class FakeKeys:
    """`reap_ports.SigningKeys`: those of `MemorySigner`s with these seeds."""

    seeds: tuple[int, ...] = (1,)

    @property
    def public(self) -> Sequence[bytes]:
        return [MemorySigner(LogStore(), seed=seed).public for seed in self.seeds]
