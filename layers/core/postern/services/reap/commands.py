"""Looks at the commands of a listing that are not known to be closed, and closes those whose writer is dead.

    refused intent, final outcome, settlement    closed already
    allowed intent alone, for 5 minutes          abandoned; one of a run for 20
    pending outcome alone, for a minute          settled as soon as the database tells, within an hour or as unknown

A command is read once: what is found closed is remembered for as long as listings show it, and `Watermark.closed_us`
says it to environments that were not there. However many refused intents there are, none is read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from postern.audit.canonical import malformed
from postern.audit.records import RecordType
from postern.errors import IntegrityError, PosternError
from postern.log_ports import Wal
from postern.ports import Clock, RecordStore
from postern.services.reap.abandon import ABANDONED_AFTER_US, Abandon, may_live
from postern.services.reap.listing import Folder
from postern.services.reap.records import PENDING, read_intent, read_outcome, read_settlement
from postern.services.reap.settle import SETTLED_AFTER_US, Pending, Settle
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId, TaskId

LEAST_LEFT_S = 5.0
READ_AT_ONCE = 200
_KEPT = 200_000  # of the listings' time; past it the oldest are read again

T = TypeVar("T")


@dataclass(slots=True)
class Looked:
    """What a look at a log's commands came to."""

    open: list[Folder] = field(default_factory=list)  # not closed, or not read in this pass
    closed: dict[CommandId, tuple[Folder, TaskId]] = field(default_factory=dict)  # whose tasks may still hold something
    tasks: set[TaskId] = field(default_factory=set)  # of what was closed just now
    abandoned: int = 0
    settled: int = 0
    malformed: list[Folder] = field(default_factory=list)  # opaque bytes: they are in the log, and nobody closes them
    faults: list[PosternError] = field(default_factory=list)


@dataclass(slots=True)
class Commands:
    """One a log and environment."""

    log: str
    wal: Wal
    abandon: Abandon
    settle: Settle
    clock: Clock
    _closed: dict[CommandId, int] = field(default_factory=dict, repr=False)  # id -> when its last object was stored

    def run(
        self, records: RecordStore, folders: Iterable[Folder], watch: Stopwatch, *, is_ending: bool = False
    ) -> Looked:
        """Looks at each that may need it. What fails is in the result and does not stop the rest.

        `is_ending`: a pending write of which the database does not tell now is `unknown` now.
        """
        looked = Looked()
        due: dict[RecordType, list[Folder]] = {type_: [] for type_ in RecordType}
        now_us = self.clock.now_us()
        for folder in folders:
            if RecordType.EVENT in folder.objects or self._closed.get(folder.id) == folder.newest_us:
                continue
            last = max(folder.objects, key=_ORDER.index)
            if now_us - folder.newest_us < _DUE_AFTER_US[last]:
                looked.open.append(folder)
            else:
                due[last].append(folder)
        self._settled(due[RecordType.SETTLED], looked, watch)
        pending = self._outcomes(due[RecordType.OUTCOME], looked, watch)
        if is_ending:
            pending = [replace(one, stored_us=0) for one in pending]  # as if it had been asked about for ever
        self._intents(records, due[RecordType.INTENT], looked, watch)
        self._settle(records, pending, looked, watch)
        return looked

    def remember(self, closed: Iterable[Folder], *, since_us: int) -> None:
        """These need not be looked at again; those before `since_us` will not be asked about any more."""
        kept = {id_: newest_us for id_, newest_us in self._closed.items() if newest_us >= since_us}
        kept.update((folder.id, folder.newest_us) for folder in closed)
        self._closed = dict(sorted(kept.items(), key=lambda one: one[1])[-_KEPT:]) if len(kept) > _KEPT else kept

    def _settled(self, folders: Sequence[Folder], looked: Looked, watch: Stopwatch) -> None:
        for folder, read in self._read(folders, RecordType.SETTLED, read_settlement, looked, watch):
            looked.closed[folder.id] = (folder, read.task_id)

    def _outcomes(self, folders: Sequence[Folder], looked: Looked, watch: Stopwatch) -> list[Pending]:
        pending: list[Pending] = []
        for folder, outcome in self._read(folders, RecordType.OUTCOME, read_outcome, looked, watch):
            if outcome.status != PENDING:
                looked.closed[folder.id] = (folder, outcome.task_id)
                continue
            for _, intent in self._read([folder], RecordType.INTENT, read_intent, looked, watch):
                looked.open.append(folder)  # until a listing shows its settlement
                stored_us = folder.objects[RecordType.OUTCOME].last_modified_us
                pending.append(Pending(folder.id, intent, outcome, stored_us))
        return pending

    def _intents(self, records: RecordStore, folders: Sequence[Folder], looked: Looked, watch: Stopwatch) -> None:
        for folder, intent in self._read(folders, RecordType.INTENT, read_intent, looked, watch):
            if intent.is_refused:
                looked.closed[folder.id] = (folder, intent.task_id)
                continue
            looked.open.append(folder)  # until a listing shows its outcome
            if may_live(intent.kind, self.clock.now_us() - folder.newest_us):
                continue
            if looked.faults or watch.left_s() < LEAST_LEFT_S:
                continue  # each attempt would wait for the same timeout
            try:
                if self.abandon.run(records, folder.id, intent):
                    looked.abandoned += 1
                    looked.tasks.add(intent.task_id)
            except PosternError as fault:
                looked.faults.append(fault)

    def _settle(self, records: RecordStore, pending: Sequence[Pending], looked: Looked, watch: Stopwatch) -> None:
        try:
            settled = set(self.settle.run(records, pending, watch))
        except PosternError as fault:
            looked.faults.append(fault)
            return
        looked.settled += len(settled)
        looked.tasks.update(one.intent.task_id for one in pending if one.id in settled)

    def _read(
        self,
        folders: Sequence[Folder],
        type_: RecordType,
        parse: Callable[[bytes, str, CommandId], T],
        looked: Looked,
        watch: Stopwatch,
    ) -> Iterable[tuple[Folder, T]]:
        """Each with its record of this type. What cannot be read now stays open; what is no record closes nothing."""
        for start in range(0, len(folders), READ_AT_ONCE):
            chunk = folders[start : start + READ_AT_ONCE]
            versions = [folder.objects[type_] for folder in chunk if type_ in folder.objects]
            data = self.wal.read_versions(versions) if watch.left_s() >= LEAST_LEFT_S else {}
            for folder in chunk:
                version = folder.objects.get(type_)
                if version is not None and version.key not in data:
                    looked.open.append(folder)
                    continue
                try:
                    if version is None:
                        raise malformed("command", f"an {type_.value}", "none")
                    yield folder, parse(data[version.key], self.log, folder.id)
                except IntegrityError:
                    looked.malformed.append(folder)


_ORDER = (RecordType.EVENT, RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED)
_DUE_AFTER_US = {
    RecordType.INTENT: ABANDONED_AFTER_US,
    RecordType.OUTCOME: SETTLED_AFTER_US,
    RecordType.SETTLED: SETTLED_AFTER_US,
}
