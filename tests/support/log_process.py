"""Sequencers over stores in memory, each a process that may die, stall or be cut off at any request."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from postern.audit.chain import Writer, link
from postern.audit.ids import uuid7
from postern.audit.keys import parse_record_key, record_key
from postern.audit.records import Record, RecordType
from postern.reap_ports import Epoch, Fixed
from postern.services.append import Appender
from postern.services.publish import Publisher
from postern.services.sequence import Sequenced, Sequencer
from postern.types import CommandId
from tests.support.audit import BASE_US, source
from tests.support.log_fakes import (
    Away,
    LogStore,
    MemoryEpochItems,
    MemoryLogBucket,
    MemoryLogTable,
    MemorySigner,
    MemoryWal,
    Wire,
    away,
)

T = TypeVar("T")

LOG = "prod-2026"
DEPLOYMENT = "shop"
ORIGIN = f"postern.{DEPLOYMENT}/{LOG}"


def process(store: LogStore, wire: Wire | None = None, *, log: str = LOG, seeds: Sequence[int] = (1,)) -> Sequencer:
    """A sequencer that knows nothing yet, as after a cold start."""
    wire = wire or Wire()
    table = MemoryLogTable(store, wire)
    appender = Appender(table)
    publisher = Publisher(appender, [MemorySigner(store, wire, seed) for seed in seeds], DEPLOYMENT)
    buckets = lambda of: MemoryLogBucket(store, of, wire)  # noqa: E731
    epochs = MemoryEpochItems(store, wire)
    return Sequencer(table, buckets, MemoryWal(store, wire), appender, publisher, epochs.get, log)


def until_settled(sequencer: Sequencer, keys: Sequence[str], *, rounds: int = 200) -> Sequenced:
    """Brings the keys again and again, as the queue does, until all are settled. The last run."""
    left = list(keys)
    for _ in range(rounds):
        run = sequencer.run(left)
        left = [key for key in left if key not in run.settled]
        if not left:
            return run
    raise AssertionError(f"{len(left)} keys are not settled after {rounds} rounds: {run.faults}")


def command_id(n: int, *, at_ms: int = 0) -> CommandId:
    return CommandId(uuid7(BASE_US + at_ms * 1000, n.to_bytes(10, "big")))


def put_record(
    store: LogStore,
    n: int,
    type_: RecordType = RecordType.INTENT,
    *,
    kind: str = "statement",
    at_ms: int = 0,
    log: str = LOG,
) -> str:
    """A record of its form under its key; returns the key."""
    of = source(log=log)
    bodies = {
        RecordType.INTENT: {"decision": {"result": "allow"}},
        RecordType.OUTCOME: {"intent": "0" * 64, "status": "pending"},
        RecordType.SETTLED: {"outcome": "0" * 64, "status": "committed"},
        RecordType.EVENT: {},
    }
    record = Record(type_, kind, command_id(n, at_ms=at_ms), BASE_US + at_ms * 1000, bodies[type_])
    key = record_key(log, type_, record.id)
    store.put(key, link(record, Writer(f"{n:032x}"), of).data)
    return key


def fix(store: LogStore, key: str, *, begin: bool, log: str = LOG) -> str:
    """Notes the event under this key as the one that begins or ends the log, as the reaper does; returns the key."""
    fixed = Fixed(parse_record_key(key).id, BASE_US)
    epoch = store.epochs.get(log, Epoch(log, None))
    store.epochs[log] = replace(epoch, begin=fixed) if begin else replace(epoch, end=fixed)
    return key


def put_start(store: LogStore, *, log: str = LOG) -> str:
    """The event that a log begins with, later than the records by its id: order alone does not put it first."""
    start = put_record(store, 1, RecordType.EVENT, kind="epoch_start", at_ms=3_600_000, log=log)
    return fix(store, start, begin=True, log=log)


def put_end(store: LogStore, *, at_ms: int = 0) -> str:
    """The event that ends the log. Earlier than the records by its id: order alone does not put it last."""
    return fix(store, put_record(store, 5_000, RecordType.EVENT, kind="epoch_end", at_ms=at_ms), begin=False)


def put_records(store: LogStore, count: int, *, first: int = 2) -> list[str]:
    """So many records, of which each three are a command's; in an order that is not the log's."""
    types = (RecordType.OUTCOME, RecordType.SETTLED, RecordType.INTENT)
    return [put_record(store, first + n // 3, types[n % 3], at_ms=n // 3) for n in range(count)]


def begun_log() -> LogStore:
    """A log that has begun: one entry, published."""
    store = LogStore()
    until_settled(process(store), [put_start(store)])
    return store


def in_log(store: LogStore) -> list[str]:
    """The keys in the order of their entries."""
    return sorted(store.places, key=store.places.__getitem__)


def kept(run: Sequenced) -> dict[str, int]:
    """What a run counted, by the names of the metrics."""
    return {count.value: number for count, number in run.counts.items() if number}


class Killed(BaseException):
    """The process is gone; nothing of it runs any more."""


@dataclass
class Trap(Wire):
    """At write number `at`, `act` happens `before` it persisted or after; an act that returns lets the write go on.

    Where it raises, the process sees that: `Killed`, or a part that is away. `writes` tells how many there were.
    """

    at: int = -1
    before: bool = True
    act: Callable[[Away], None] = lambda _: None
    writes: list[str] = field(default_factory=list)

    def write(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        is_here = len(self.writes) == self.at
        self.writes.append(name)
        if is_here and self.before:
            self.act(kind)
        result = effect()
        if is_here and not self.before:
            self.act(kind)
        return result


class Without(Wire):
    """Requests of these names are never answered, and do nothing."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def read(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        if name in self.names:
            raise away(kind)
        return effect()

    def write(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        return self.read(name, kind, effect)


@dataclass
class Weather(Wire):
    """Each request fails with a chance: away, answer lost, a write that lands some requests later, or the process dies.

    What lands late may find its place taken; a conflict is then told to whoever is next.
    """

    random: random.Random
    chance: float
    late: list[Callable[[], object]] = field(default_factory=list)
    turn: Callable[[], None] = lambda: None

    def read(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        self._pass()
        if self.random.random() < self.chance:
            raise away(kind)
        return effect()

    def write(self, name: str, kind: Away, effect: Callable[[], T]) -> T:
        self._pass()
        if self.random.random() >= self.chance:
            return effect()
        fate = self.random.choice(("lost", "landed", "late", "late and dead", "dead", "landed and dead"))
        if fate.startswith("landed"):
            effect()
        elif fate.startswith("late"):
            self.late.append(effect)
        if fate.endswith("dead"):
            raise Killed
        raise away(kind)

    def clear(self) -> None:
        """Lets everything land, and nothing fail any more."""
        self.chance = 0.0
        while self.late:
            self.late.pop(0)()

    def _pass(self) -> None:
        self.turn()
        if self.late and self.random.random() < 0.2:
            self.late.pop(self.random.randrange(len(self.late)))()


class Turns:
    """Lets one of several threads run at a time and chooses at each request who is next, as the seed says."""

    def __init__(self, random_: random.Random) -> None:
        self._random = random_
        self._doors: dict[int, threading.Semaphore] = {}  # of those that have not ended
        self._failures: list[BaseException] = []
        self._mine = threading.local()

    def next(self) -> None:
        """Called by the thread whose turn it is, at each request."""
        me = self._mine.number
        if self._admit() != me:
            self._doors[me].acquire()

    def run(self, *bodies: Callable[[], object]) -> None:
        """Runs them all to their ends. Raises what one of them raised."""
        self._doors = {number: threading.Semaphore(0) for number in range(len(bodies))}
        threads = [threading.Thread(target=self._body, args=one) for one in enumerate(bodies)]
        for thread in threads:
            thread.start()
        self._admit()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _body(self, number: int, body: Callable[[], object]) -> None:
        self._mine.number = number
        self._doors[number].acquire()
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self._failures.append(error)
        del self._doors[number]
        if self._doors:
            self._admit()

    def _admit(self) -> int:
        chosen = self._random.choice(list(self._doors))
        if chosen != getattr(self._mine, "number", None):
            self._doors[chosen].release()
        return chosen
