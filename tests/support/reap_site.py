"""A deployment in memory: the reaper and the sequencer over stores that outlive them, and a clock that a test moves."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.reap_ports import ReapParts, Watermark
from postern.services.append import Appender
from postern.services.publish import Publisher
from postern.services.reap.passes import Reap, Report, make_reap
from postern.services.sequence import Sequencer
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId
from tests.support.audit import Json, MemoryRecordStore, source
from tests.support.denials import FakeDenials, FakeOpenTasks, FreeRates
from tests.support.domain import NOW_S
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.log_fakes import MemoryLogBucket, MemoryLogTable, MemorySigner, MemoryWal, Wire
from tests.support.reap_fakes import (
    LOG,
    Cut,
    FakeFates,
    FakeKeys,
    FakeProvisioner,
    FakeQueue,
    FakeSweeper,
    MemoryEpochs,
    MemoryQuarantines,
    MemoryWatermarks,
    StoredObjects,
    TimedStore,
    TimedWal,
    WiredRecords,
)

EPOCH_ENDS_US = (NOW_S + 10 * 86_400) * 1_000_000
RETAIN_UNTIL_US = 1_900_000_000_000_000


class Inline(Executor):
    """Runs at once, in the caller's thread: what a test sees does not depend on threads."""

    def submit(self, function, /, *arguments, **named):  # type: ignore[no-untyped-def]
        future: Future[object] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - a future holds whatever its call raised
            future.set_exception(error)
        return future

    def map(self, function, *iterables, **_):  # type: ignore[no-untyped-def]
        return iter([function(*arguments) for arguments in zip(*iterables, strict=False)])


@dataclass
class Site:
    """A deployment in memory: what is durable, its clock, and functions that start from nothing when asked for."""

    clock: FakeClock = field(default_factory=FakeClock)
    wire: Cut = field(default_factory=Cut)
    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    fates: FakeFates = field(default_factory=FakeFates)
    provisioner: FakeProvisioner = field(default_factory=FakeProvisioner)
    sweeper: FakeSweeper = field(default_factory=FakeSweeper)
    identifiers: FakeIdentifiers = field(default_factory=lambda: FakeIdentifiers(1_000_000))
    keys: FakeKeys = field(default_factory=FakeKeys)
    log: str = LOG
    store: TimedStore = field(init=False)
    objects: StoredObjects = field(init=False)
    watermarks: MemoryWatermarks = field(init=False)
    epochs: MemoryEpochs = field(init=False)
    quarantines: MemoryQuarantines = field(init=False)
    queue: FakeQueue = field(init=False)
    environments: int = 0
    denials: FakeDenials = field(init=False)
    open_tasks: FakeOpenTasks = field(init=False)

    def __post_init__(self) -> None:
        self.denials, self.open_tasks = FakeDenials(self.tasks), FakeOpenTasks(self.tasks)
        self.store = TimedStore(clock=self.clock)
        self.objects = StoredObjects(self.store)
        self.watermarks = MemoryWatermarks(wire=self.wire)
        self.epochs = MemoryEpochs(wire=self.wire)
        self.quarantines = MemoryQuarantines(wire=self.wire)
        self.queue = FakeQueue(wire=self.wire)

    def records(self, function: str = "query", *, log: str | None = None) -> MemoryRecordStore:
        """A record store of a fresh environment of a function that is not under test."""
        self.environments += 1
        return MemoryRecordStore(source(function, log=log or self.log), self.objects, f"env{self.environments}")

    def reaper(self, clock: FakeClock | None = None) -> Reap:
        """The reaper in a fresh environment; with a clock of its own where one is given."""
        self.environments += 1
        name, stores = f"env{self.environments}", dict[str, WiredRecords]()

        def records(log: str) -> WiredRecords:
            made = WiredRecords(source("reap", log=log), self.objects, name, wire=self.wire)
            return stores.setdefault(log, made)

        return make_reap(
            ReapParts(
                log=self.log,
                deployment="shop",
                epoch_ends_us=EPOCH_ENDS_US,
                retain_until_us=RETAIN_UNTIL_US,
                tasks=self.tasks,
                holds=self.tasks,
                denials=self.denials,
                open_tasks=self.open_tasks,
                rates=FreeRates(),
                policy=FakePolicy(),  # type: ignore[arg-type]
                provisioner=self.provisioner,
                sweeper=self.sweeper,
                fates=self.fates,
                wal=TimedWal(self.store, self.wire),
                table=MemoryLogTable(self.store, self.wire),
                buckets=lambda log: MemoryLogBucket(self.store, log, self.wire),
                watermarks=self.watermarks,
                epochs=self.epochs,
                quarantines=self.quarantines,
                requeue=self.queue,
                signing=self.keys,
                records=records,
                identifiers=self.identifiers,
                clock=clock or self.clock,
                threads=Inline(),
                teardown_threads=Inline,
                rebuild_threads=Inline,
            )
        )

    def reap(self, reaper: Reap | None = None, *, budget_s: float = 58) -> Report:
        """One pass."""
        return (reaper or self.reaper()).run(Stopwatch(self.clock, budget_s=budget_s))

    def sequence(self) -> None:
        """The sequencer takes what the queue holds. What it leaves there comes again."""
        table, wire = MemoryLogTable(self.store), Wire()
        appender = Appender(table)
        signers = [MemorySigner(self.store, seed=seed) for seed in self.keys.seeds]
        sequencer = Sequencer(
            table,
            lambda log: MemoryLogBucket(self.store, log, wire),
            MemoryWal(self.store),
            appender,
            Publisher(appender, signers, "shop"),
            self.epochs.epochs.get,
            self.log,
        )
        waiting = list(dict.fromkeys([*self.store.events, *self.queue.sent]))
        run = sequencer.run(waiting)
        assert run.faults == []
        self.store.events = [key for key in waiting if key not in run.settled]
        self.queue.sent.clear()

    def minute(self, reaper: Reap | None = None) -> Report:
        """A minute goes by: the reaper comes, then the sequencer."""
        self.wait(60)
        report = self.reap(reaper)
        self.sequence()
        return report

    def wait(self, seconds: int) -> None:
        self.clock.at_us += seconds * 1_000_000
        self.clock.at_s += seconds

    def lose_events(self) -> None:
        """What the bucket would have told the queue is lost."""
        self.store.events.clear()

    def key(self, id_: CommandId, type_: RecordType = RecordType.INTENT) -> str:
        return record_key(self.log, type_, id_)

    def put(self, key: str, data: bytes = b"junk") -> None:
        """An object under any key, as whoever may add records could put it there."""
        self.store.put(key, data)

    def written(self, **members: object) -> list[Json]:
        """The records that have these members."""
        reader = MemoryRecordStore(objects=self.objects)
        return [one for one in reader.bodies() if all(one.get(name) == value for name, value in members.items())]

    def places(self) -> dict[str, int]:
        return dict(self.store.places)

    def mark(self, log: str | None = None) -> Watermark:
        return self.watermarks.marks[log or self.log]
