"""What the reaper and the gate need of the world outside, beside `ports.py` and `log_ports.py`; guarantees in words.

A table's methods raise `StateUnavailable`, after which a write may or may not have happened. Every write here is
conditional and may be tried again at any time, by several reapers at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from postern.reaped import Hold as Hold
from postern.reaped import Watermark as Watermark
from postern.types import Budgets, CommandId, DatabaseAddress, TaskId

if TYPE_CHECKING:
    # Only names here: what a task holds is read by functions that know nothing of the log.
    from concurrent.futures import Executor

    from postern.denial_ports import Denials, OpenTasks
    from postern.log_ports import LogBuckets, LogTable, Wal
    from postern.ports import (
        Clock,
        Identifiers,
        PolicySource,
        Provisioner,
        RecordStore,
        TaskStore,
        TransactionMark,
    )
    from postern.rate_ports import Rates
    from postern.sweep_ports import RoleSweeper


class Holds(Protocol):
    """What the calls of a task still hold. Reads are strongly consistent."""

    def held(self, task_id: TaskId) -> Mapping[CommandId, Hold]:
        """Each by the id of its call's first command; nothing for a task that is not there."""
        ...

    def all_held(self) -> Mapping[TaskId, Mapping[CommandId, Hold]]:
        """The same of each task in no final state, without those that hold nothing. Which these are may lag behind."""
        ...

    def give_back(
        self, task_id: TaskId, command_id: CommandId, hold: Hold, *, used: Budgets, answer: Mapping[str, object] | None
    ) -> bool:
        """Gives back what was not used, and with it closes the key with `answer`, or lets go of it where that is None.

        All of it or nothing, and once: False where another came first.
        """
        ...


class Watermarks(Protocol):
    """The watermark of each log. Reads are strongly consistent."""

    def read(self, log: str) -> Watermark | None: ...

    def advance(self, log: str, *, at_us: int, closed_us: int) -> bool:
        """Moves it forward; False, and nothing changes, where one stands that is as far or further."""
        ...

    def close_commands(self, log: str, closed_us: int) -> None:
        """Moves `closed_us` of a watermark that is there forward."""
        ...

    def note_sweep(self, log: str, *, swept_us: int, open_from_us: int) -> None:
        """Notes a finished listing of all open days, where none is noted that began later."""
        ...

    def close(self, log: str) -> None:
        """Says that the log's epoch has ended, whether or not it has a watermark."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """An event whose id and time were chosen, durably, before it is written: trying again writes no second one."""

    event_id: CommandId
    time_us: int
    is_recorded: bool = False  # the event is durable


class Quarantines(Protocol):
    """One event for each object that cannot become an entry of the log."""

    def fix(self, key: str, event_id: CommandId, time_us: int) -> Fixed:
        """The event of this object's key: this one, or the one that was chosen before."""
        ...

    def recorded(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys whose event is durable."""
        ...

    def mark_recorded(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Epoch:
    """A log and its neighbours in time. `revision` counts its changes, so that each is made on what was read."""

    log: str
    previous: str | None
    begin: Fixed | None = None  # its event `epoch_start`
    next: str | None = None
    handed_us: int = 0  # when `next` was named for the first time
    end: Fixed | None = None  # its event `epoch_end`
    revision: int = 0


@dataclass(frozen=True, slots=True)
class DatedKey:
    """A key that signs a log's checkpoints, and from when until when."""

    vkey: str
    from_us: int
    until_us: int | None = None


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of a log as they are on record, or as its event `told` will put them there; None: as its first tells."""

    log: str
    keys: tuple[DatedKey, ...]
    told: Fixed | None
    revision: int = 0


KeysOf = Callable[[str], LogKeys | None]  # the keys of a log, by its name. Raises `StateUnavailable`


class Epochs(Protocol):
    """The epochs of a deployment and the keys of their logs. Reads are strongly consistent.

    `put` and `put_keys` create what has revision 0 and is not there, or replace the revision before; False, and
    nothing changes, where another stands.
    """

    def get(self, log: str) -> Epoch | None: ...

    def put(self, epoch: Epoch) -> bool: ...

    def latest(self) -> str | None:
        """The last log that was begun; None before the first."""
        ...

    def set_latest(self, expected: str | None, log: str) -> bool:
        """Moves `latest` on; False, and nothing changes, where it is not what was expected."""
        ...

    def keys(self, log: str) -> LogKeys | None: ...

    def put_keys(self, keys: LogKeys) -> bool: ...


class Fate(StrEnum):
    """What a server says of a transaction."""

    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"
    RUNNING = "running"  # in progress, and its backend lives: it may still commit
    UNKNOWN = "unknown"  # this server cannot tell: another one, too old, or in recovery
    LOST = "lost"  # nor will it ever: it began anew since, and what it says may be of another transaction


class Fates(Protocol):
    """Asks a database what became of transactions, as a role that can do nothing else."""

    def fate(self, address: DatabaseAddress, mark: TransactionMark) -> Fate:
        """The transaction's fate on the server that is at this address now. Raises `DatabaseUnavailable`."""
        ...


class Requeue(Protocol):
    """Tells the sequencer of objects whose event was lost. Telling twice does no harm."""

    def send(self, keys: Sequence[str]) -> None:
        """Raises `EvidenceUnavailable`; then some may have been told."""
        ...


class SigningKeys(Protocol):
    """The public halves of the keys that sign now. Raises `EvidenceUnavailable`."""

    @property
    def public(self) -> Sequence[bytes]:
        """32 bytes each, the current key first."""
        ...


@dataclass(frozen=True, slots=True)
class ReapParts:
    """What the reaper is made of. `log` is the deployed one."""

    log: str
    deployment: str
    epoch_ends_us: int  # the first moment that is no longer the deployed log's
    retain_until_us: int
    tasks: TaskStore
    holds: Holds
    denials: Denials
    open_tasks: OpenTasks
    rates: Rates
    policy: PolicySource
    provisioner: Provisioner
    sweeper: RoleSweeper
    fates: Fates
    wal: Wal
    table: LogTable
    buckets: LogBuckets
    watermarks: Watermarks
    epochs: Epochs
    quarantines: Quarantines
    requeue: Requeue
    signing: SigningKeys
    records: Callable[[str], RecordStore]  # by the log's name, each always the same
    identifiers: Identifiers
    clock: Clock
    threads: Executor
    teardown_threads: Callable[[], Executor]  # of one pass
    rebuild_threads: Callable[[], Executor]  # the same
