"""One pass over one log: what is written there, what of it is covered, what has to be closed.

The watermark is where the two clocks of the proof meet: the listing's beginning by the reaper's, the oldest object that
is not covered by the bucket's. Less two minutes, each object that was stored before it is under a published checkpoint:

    what the listing shows     is covered, or was stored at the oldest uncovered one or later
    what it does not show      lies in an hour three hours before the last watermark and before every open command, or
                               further back: it was stored before that watermark, which said so already
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field

from postern.errors import PosternError
from postern.log_ports import Wal, WalVersion
from postern.ports import Clock, RecordStore
from postern.reap_ports import Watermark, Watermarks
from postern.services.reap.commands import Commands, Looked
from postern.services.reap.coverage import Coverage, is_too_large
from postern.services.reap.give_back import GiveBack, GivenBack
from postern.services.reap.listing import Folder, Listing, folders, list_from
from postern.services.reap.lost import Lost
from postern.services.reap.quarantine import Quarantine
from postern.services.reap.sweep import Sweep
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId

REACH_US = 10_800_000_000  # how far before the watermark a listing begins: no record comes so long after its id
HOLDING_KEPT = 1_000
SKEW_US = 120_000_000  # by how much the reaper's, the writers' and the bucket's clocks may differ


@dataclass(slots=True)
class Passed:
    """What a pass did."""

    listed: int = 0
    uncovered: int = 0
    overwritten: int = 0
    malformed: int = 0
    abandoned: int = 0
    settled: int = 0
    given_back: int = 0
    requeued: int = 0
    quarantined: int = 0
    is_quiet: bool = False  # everything is covered and closed
    watermark_us: int | None = None
    faults: list[PosternError] = field(default_factory=list)

    @contextmanager
    def step(self) -> Iterator[None]:
        """What fails in a step is told, and the next step is taken all the same."""
        try:
            yield
        except PosternError as fault:
            self.faults.append(fault)


@dataclass(slots=True)
class LogPass:
    """One a log and environment."""

    log: str
    wal: Wal
    coverage: Coverage
    watermarks: Watermarks
    quarantine: Quarantine
    lost: Lost
    commands: Commands
    give_back: GiveBack
    sweep: Sweep
    records: RecordStore
    clock: Clock
    threads: Executor
    _holding: set[TaskId] = field(default_factory=set, repr=False)  # tasks to look at again

    def run(self, watch: Stopwatch) -> Passed:
        """Every step, as far as time suffices; what is left is for the next pass."""
        passed = Passed()
        with passed.step():
            mark = self.watermarks.read(self.log)
            began_us = self.clock.now_us()
            listing = list_from(self.wal, self.log, _floor(mark), watch, self.threads, began_us=began_us)
            passed.listed, passed.overwritten = len(listing.versions), listing.overwritten
            covered = self._cover(mark, listing, passed, watch)
            looked = self._look(mark, listing, passed, watch)
            passed.is_quiet = listing.is_whole and covered and not looked.open and not passed.faults
        return passed

    def run_sweep(self, passed: Passed, watch: Stopwatch) -> None:
        """The next part of the daily listing, where one is due; what it does is added to `passed`."""
        with passed.step():
            mark = self.watermarks.read(self.log)
            if mark is None:
                return
            found = self.sweep.run(mark, self.clock.now_us(), watch)
            self._send_again(found.uncovered, passed, watch)
            if found.unfinished:
                self._close_all(found.unfinished, passed, watch)
            if found.is_done:
                self.watermarks.note_sweep(self.log, swept_us=found.began_us, open_from_us=found.open_from_us)

    def _cover(self, mark: Watermark | None, listing: Listing, passed: Passed, watch: Stopwatch) -> bool:
        """Whether everything that was listed is covered. Moves the watermark, and sends what was lost again."""
        since_us = 0 if mark is None else mark.at_us
        uncovered: list[WalVersion] | None = None
        with passed.step():
            # What was stored before the watermark is covered: that is what it says.
            uncovered = self.coverage.uncovered(
                self.log, [version for version in listing.versions if version.last_modified_us >= since_us]
            )
        if uncovered is None:
            passed.watermark_us = None if mark is None else mark.at_us
            return False
        passed.uncovered = len(uncovered)
        with passed.step():
            passed.watermark_us = self._move(mark, listing, uncovered)
        self._send_again(uncovered, passed, watch)
        return not uncovered

    def _move(self, mark: Watermark | None, listing: Listing, uncovered: Sequence[WalVersion]) -> int | None:
        """Where the watermark is now."""
        stands_us = None if mark is None else mark.at_us
        oldest_us = min((version.last_modified_us for version in uncovered), default=listing.began_us)
        at_us = min(listing.began_us, oldest_us) - SKEW_US
        if not listing.is_whole or (stands_us is not None and at_us <= stands_us):
            return stands_us
        closed_us = _first_us(listing, at_us) if mark is None else mark.closed_us
        moved = self.watermarks.advance(self.log, at_us=at_us, closed_us=closed_us)
        return at_us if moved else stands_us

    def _send_again(self, uncovered: Sequence[WalVersion], passed: Passed, watch: Stopwatch) -> None:
        with passed.step():
            large = [version for version in uncovered if is_too_large(version)]
            passed.quarantined += self.quarantine.run(self.records, large, watch)
        with passed.step():
            others = [version for version in uncovered if not is_too_large(version)]
            passed.requeued += self.lost.run(others, self.clock.now_us())

    def _look(self, mark: Watermark | None, listing: Listing, passed: Passed, watch: Stopwatch) -> Looked:
        since_us = 0 if mark is None else mark.closed_us
        looked, closed = self._close_all(folders(listing.versions, since_us=since_us), passed, watch)
        self.commands.remember([*closed, *looked.malformed], since_us=since_us)
        with passed.step():
            self._close(mark, listing, looked)
        return looked

    def _close_all(self, found: list[Folder], passed: Passed, watch: Stopwatch) -> tuple[Looked, list[Folder]]:
        """What a look at these commands came to, and which of them need none again."""
        looked = self.commands.run(self.records, found, watch)
        passed.abandoned += looked.abandoned
        passed.settled += looked.settled
        passed.malformed += len(looked.malformed)
        passed.faults += looked.faults
        return looked, self._give_back(looked, passed, watch)

    def _give_back(self, looked: Looked, passed: Passed, watch: Stopwatch) -> list[Folder]:
        """The folders of which nothing is left to do; the others join what is open."""
        tasks = self._holding | looked.tasks | {task_id for _, task_id in looked.closed.values()}
        done = GivenBack()
        with passed.step():
            done = self.give_back.run(tasks, watch)
        passed.given_back += done.calls
        self._holding = set(sorted(self._holding - done.seen | done.holding)[:HOLDING_KEPT])
        closed = [folder for folder, task_id in looked.closed.values() if task_id in done.seen]
        looked.open += [folder for folder, task_id in looked.closed.values() if task_id not in done.seen]
        return closed

    def _close(self, mark: Watermark | None, listing: Listing, looked: Looked) -> None:
        if mark is None or not listing.is_whole:
            return
        oldest_us = min((folder.newest_us for folder in looked.open), default=listing.began_us)
        closed_us = min(listing.began_us, oldest_us) - SKEW_US
        if closed_us > mark.closed_us:
            self.watermarks.close_commands(self.log, closed_us)


def _first_us(listing: Listing, at_us: int) -> int:
    """Before this every command is closed, since there is none."""
    return min((version.last_modified_us for version in listing.versions), default=at_us)


def _floor(mark: Watermark | None) -> int | None:
    """Where a listing begins; None where nothing is known yet, and everything is listed."""
    return None if mark is None else min(mark.at_us, mark.closed_us) - REACH_US
