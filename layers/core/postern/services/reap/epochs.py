"""Epochs: how a log begins, how one is handed over to the next, and how changes of its keys come on record.

    1  known      the new log has an item, which names the log before
    2  handed     the item of the log before names the new one
    3  quiet      once everything in it is closed and covered, and for five minutes nothing came: `epoch_end` is written
                  there
    4  closed     once a checkpoint ends with that entry: it is the closing one
    5  begun      `epoch_start` is written, with the closing checkpoint in it
    6  latest     once it has its place in the tree: from then on the next log follows this one

The first log of a deployment goes from 1 to 5. Where the log before is deployed again before it has ended, steps 2
and 3 are taken back. An event's id is durable before the event is written, so a crash anywhere leaves one event of
each: who comes next writes it, or finds it there. Only where nothing came to stand under an id for ten minutes a new
one is chosen: an event that is told long after its id's time would look dated back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from postern.audit.keys import record_key
from postern.audit.log_bodies import (
    PreviousEpoch,
    ValidKey,
    epoch_end_event,
    epoch_start_event,
    key_event,
)
from postern.audit.records import Record, RecordType
from postern.log_ports import LogTable, Wal
from postern.ports import Clock, Identifiers, RecordStore
from postern.reap_ports import DatedKey, Epoch, Epochs, Fixed, LogKeys, SigningKeys, Watermarks
from postern.services.reap.coverage import Coverage
from postern.services.reap.fixed_events import put_fixed
from postern.services.reap.quiet import Quiet
from postern.tlog.notes import verifier_key
from postern.tlog.origins import origin_of

QUIET_AFTER_US = 300_000_000  # from the handover and from the last object: no function of the earlier one runs
OVERDUE_AFTER_US = 2_700_000_000  # from the handover: the gate closes an hour after it, by default
LOST_AFTER_US = 600_000_000

Item = TypeVar("Item", Epoch, LogKeys)


@dataclass(frozen=True, slots=True)
class Succession:
    """The deployed log's way through its epochs. Raises `UpstreamError`, `IntegrityError`."""

    epochs: Epochs
    watermarks: Watermarks
    table: LogTable
    wal: Wal
    coverage: Coverage
    records: Callable[[str], RecordStore]  # by the log's name
    identifiers: Identifiers
    clock: Clock
    signing: SigningKeys
    log: str  # the deployed one
    deployment: str
    retain_until_us: int

    def before(self) -> str | None:
        """The log before, while the deployed one does not follow it yet: it is reaped too."""
        latest = self.epochs.latest()
        return latest if latest != self.log else None

    def logs(self) -> list[str]:
        """The deployed log, and the one that it follows or will follow, if there is one."""
        epoch = self.epochs.get(self.log)
        previous = self.before() if epoch is None else epoch.previous
        return [self.log] if previous is None else [self.log, previous]

    def is_overdue(self, log: str) -> bool:
        """Whether this log was handed over to the deployed one so long ago that its open writes are given up."""
        epoch = self.epochs.get(log)
        if epoch is None or epoch.next != self.log:
            return False
        return self.clock.now_us() - epoch.handed_us >= OVERDUE_AFTER_US

    def run(self, *, quiet: Quiet | None) -> None:
        """The next steps, as far as they can be taken now. `quiet` is what the last pass found in the log before."""
        latest = self.epochs.latest()
        epoch = self._known(latest)
        if epoch is not None and epoch.next is not None:
            epoch = self._taken_back(epoch)
        if epoch is None:
            return  # another reaper is at it; or an earlier log was deployed again: it has ended, and stays so
        if not _is_recorded(epoch.begin):
            closing = None if epoch.previous is None else self._close(epoch.previous, quiet)
            if epoch.previous is None or closing is not None:
                self._begin(epoch, closing)
        elif latest != self.log and self._place(self.log, epoch.begin) is not None:
            self.epochs.set_latest(epoch.previous, self.log)
        else:
            self._record_keys()

    def _known(self, latest: str | None) -> Epoch | None:
        known = self.epochs.get(self.log)
        if known is not None:
            return known
        new = Epoch(self.log, latest)
        return new if self.epochs.put(new) else None

    def _taken_back(self, epoch: Epoch) -> Epoch | None:
        """The deployed log without the handover to another, as after a rollback; None where it has ended, or may have.

        An end whose id was chosen may be on its way: it is taken back only where nothing came for ten minutes.
        """
        if epoch.end is not None and (epoch.end.is_recorded or not self._is_lost(epoch.log, epoch.end)):
            return None
        back = replace(epoch, next=None, handed_us=0, end=None, revision=epoch.revision + 1)
        return back if self.epochs.put(back) else None

    def _close(self, log: str, quiet: Quiet | None) -> PreviousEpoch | None:
        """The closing checkpoint of the log before; None while it is not there."""
        ending = self._handed(log)
        if ending is None:
            return None
        if not _is_recorded(ending.end):
            if quiet is not None and quiet.at_us - max(quiet.since_us, ending.handed_us) >= QUIET_AFTER_US:
                self._tell(ending, "end", self.epochs.put, _epoch_end(str(ending.next)))
            return None  # its checkpoint is not there yet
        place, published = self._place(log, ending.end), self.coverage.published(log)
        if place is None or published is None or published.checkpoint.size != place + 1:
            return None
        self.watermarks.close(log)
        return PreviousEpoch(log, origin_of(self.deployment, log), published.note.decode())

    def _handed(self, log: str) -> Epoch | None:
        """The log before, with the deployed one as its next; unless another's name is on record there already."""
        epoch = self.epochs.get(log)
        if epoch is None or epoch.next == self.log or _is_recorded(epoch.end):
            return epoch
        handed_us = epoch.handed_us or self.clock.now_us()
        handed = replace(epoch, next=self.log, handed_us=handed_us, revision=epoch.revision + 1)
        return handed if self.epochs.put(handed) else None

    def _begin(self, epoch: Epoch, closing: PreviousEpoch | None) -> None:
        vkeys = self._vkeys()
        # Before the event: whoever opens a checkpoint of this log must know its keys.
        now_us = self.clock.now_us()
        self.epochs.put_keys(LogKeys(self.log, tuple(DatedKey(vkey, now_us) for vkey in vkeys), None))

        def event(fixed: Fixed) -> Record:
            return epoch_start_event(
                fixed.event_id,
                fixed.time_us,
                origin=origin_of(self.deployment, self.log),
                retain_until_us=self.retain_until_us,
                vkeys=vkeys,
                previous=closing,
            )

        self._tell(epoch, "begin", self.epochs.put, event)

    def _record_keys(self) -> None:
        """Puts on record which keys sign from now on, where they are others than those on record."""
        known = self.epochs.keys(self.log)
        if known is None:
            return
        if known.told is None or known.told.is_recorded:
            changed = _changed(known.keys, self._vkeys(), self.clock.now_us())
            if changed == known.keys:
                return
            known = replace(known, keys=changed, told=self._fixed(), revision=known.revision + 1)
            if not self.epochs.put_keys(known):
                return  # another reaper has seen the change too
        told = [ValidKey(one.vkey, one.from_us, one.until_us) for one in known.keys]
        self._tell(known, "told", self.epochs.put_keys, lambda fixed: key_event(fixed.event_id, fixed.time_us, told))

    def _vkeys(self) -> list[str]:
        origin = origin_of(self.deployment, self.log)
        return [str(verifier_key(origin, public)) for public in self.signing.public]

    def _tell(self, item: Item, name: str, put: Callable[[Item], bool], event: Callable[[Fixed], Record]) -> None:
        """Writes the event whose id and time stand in this attribute of the item, and notes there that it is durable.

        What `put` refuses is another reaper's work, which says the same.
        """
        fixed: Fixed | None = getattr(item, name)
        if fixed is None or self._is_lost(item.log, fixed):
            fixed = self._fixed()
            item = _with(item, name, fixed)
            if not put(item):
                return
        # The id is durable: from here on there is one event, whoever writes it.
        put_fixed(self.records(item.log), event(fixed))
        put(_with(item, name, replace(fixed, is_recorded=True)))

    def _fixed(self) -> Fixed:
        now_us = self.clock.now_us()
        return Fixed(self.identifiers.command_id(now_us), now_us)

    def _is_lost(self, log: str, fixed: Fixed) -> bool:
        """Whether nothing came to stand under an id so long after it was chosen that nothing will."""
        if self.clock.now_us() - fixed.time_us < LOST_AFTER_US:
            return False
        key = _key(log, fixed)
        return self.wal.first_versions([key]).get(key, fixed) is None

    def _place(self, log: str, fixed: Fixed | None) -> int | None:
        if fixed is None:
            return None
        key = _key(log, fixed)
        return self.table.positions([key]).get(key)


def _with(item: Item, name: str, fixed: Fixed) -> Item:
    changes: dict[str, Any] = {name: fixed, "revision": item.revision + 1}
    return replace(item, **changes)


def _is_recorded(fixed: Fixed | None) -> bool:
    return fixed is not None and fixed.is_recorded


def _key(log: str, fixed: Fixed) -> str:
    return record_key(log, RecordType.EVENT, fixed.event_id)


def _epoch_end(next_log: str) -> Callable[[Fixed], Record]:
    return lambda fixed: epoch_end_event(fixed.event_id, fixed.time_us, next_log=next_log)


def _changed(known: Sequence[DatedKey], vkeys: Sequence[str], now_us: int) -> tuple[DatedKey, ...]:
    """The keys with their times, after those that sign now: a new one begins, one that is gone ends."""
    signs = {one.vkey for one in known if one.until_us is None}
    kept = [replace(one, until_us=now_us) if one.until_us is None and one.vkey not in vkeys else one for one in known]
    return (*kept, *(DatedKey(vkey, now_us) for vkey in vkeys if vkey not in signs))
