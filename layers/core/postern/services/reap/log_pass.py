"""One pass over one log: what is written there, what of it is covered, what has to be closed.

A round of passes lists the log once; but on a very busy log, or after an outage, it is a single pass. At its end the
watermark moves. That is where the two clocks of the proof meet: the listing's beginning by the reaper's, the oldest
object that is not covered by the bucket's. Less two minutes, each object that was stored before it is under a
published checkpoint:

    what the listing shows     is covered, or was stored at the oldest uncovered one or later
    what it does not show      has an id from half an hour before the last watermark and before every open command, or
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
from postern.services.reap.listing import Folder, Listing, Part, folders
from postern.services.reap.lost import Lost
from postern.services.reap.quarantine import Quarantine
from postern.services.reap.quiet import Quiet
from postern.services.reap.round import SKEW_US, Round
from postern.services.reap.sweep import Sweep
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId

# How far before the watermark a listing begins. A record comes at most 900 s after its id, which is what a function may
# last; the rest is for clocks that differ, and for a PUT that is on its way.
REACH_US = 1_800_000_000
ENOUGH_UNCOVERED = 2_000  # the sequencer is away: the oldest of them holds the watermark, whatever the rest is
LISTING_SHARE = 0.5  # of the time that is left when a pass begins: what was found has to be used too
ASKING_SHARE = 0.625  # listing and asking what is covered
LEAST_LEFT_S = 5.0
HOLDING_KEPT = 1_000


@dataclass(slots=True)
class Passed:
    """What a pass did."""

    listed: int = 0
    uncovered: int = 0
    open: int = 0  # commands whose end is not on record yet
    overwritten: int = 0
    malformed: int = 0
    abandoned: int = 0
    settled: int = 0
    given_back: int = 0
    requeued: int = 0
    quarantined: int = 0
    overtaken: int = 0  # stored before the watermark and not covered: dated back, and found by the daily listing
    quiet: Quiet | None = None  # None where something is not covered or not closed, or a round is under way
    listing_since_us: int | None = None  # when the round that is under way began
    swept_us: int | None = None  # when the last daily listing began that came to its end
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
    _round: Round | None = field(default=None, repr=False)

    def run(self, watch: Stopwatch, *, is_ending: bool = False) -> Passed:
        """Every step, as far as time suffices; what is left is for the next pass.

        `is_ending`: the log has to end now, so no open write is waited for any longer.
        """
        passed = Passed()
        with passed.step():
            mark = self.watermarks.read(self.log)
            passed.watermark_us = None if mark is None else mark.at_us
            self._round = round_ = self._round or self._begin(mark)
            passed.listing_since_us = round_.began_us
            limits = _limits(watch)
            part = round_.listing.go_on(watch, self.threads, until_left_s=limits.listing_s)
            self._round = None  # unless this part is used to its end, all of it is listed again
            round_.add(part)
            passed.listed, passed.overwritten = len(part.versions), part.overwritten
            is_known = self._cover(round_, passed, watch, limits)
            self._look(round_, part, passed, watch, is_ending=is_ending)
            if round_.listing.is_whole:
                passed.listing_since_us = None
                self._end(round_, mark, passed, is_known=is_known)
            else:
                self._round = round_
        return passed

    def _begin(self, mark: Watermark | None) -> Round:
        floor_us = None if mark is None else min(mark.at_us, mark.closed_us) - REACH_US
        return Round(self.clock.now_us(), mark, Listing(self.log, self.wal, floor_us))

    def run_sweep(self, passed: Passed, watch: Stopwatch) -> None:
        """The next part of the daily listing, where one is due; what it does is added to `passed`."""
        with passed.step():
            mark = self.watermarks.read(self.log)
            if mark is None:
                return
            passed.swept_us = mark.swept_us or None
            found = self.sweep.run(mark, self.clock.now_us(), watch)
            passed.overtaken += sum(version.last_modified_us < mark.at_us for version in found.uncovered)
            self._send_again(found.uncovered, passed, watch)
            if found.unfinished:
                self._close_all(found.unfinished, passed, watch)
            if found.is_done:
                self.watermarks.note_sweep(self.log, swept_us=found.began_us, open_from_us=found.open_from_us)
                passed.swept_us = found.began_us

    def _cover(self, round_: Round, passed: Passed, watch: Stopwatch, limits: _Limits) -> bool:
        """Finds what is covered, as far as time suffices, and sends what was lost again. False where it failed."""
        with passed.step():
            found = self.coverage.sort_out(
                self.log,
                round_.waiting,
                is_late=lambda: watch.left_s() <= limits.asking_s,
                enough=ENOUGH_UNCOVERED,
            )
            round_.waiting = [*found.uncovered, *found.unasked]
            passed.uncovered = len(found.uncovered)
            self._send_again(found.uncovered, passed, watch)
            return True
        return False

    def _end(self, round_: Round, mark: Watermark | None, passed: Passed, *, is_known: bool) -> None:
        """Moves the watermark, where it was found out what is covered, and says what is closed."""
        if is_known:
            with passed.step():
                self._move(round_, mark, passed)
        with passed.step():
            closed_us = min(round_.began_us, round_.open_us) - SKEW_US
            if mark is not None and closed_us > mark.closed_us:
                self.watermarks.close_commands(self.log, closed_us)
        if not (round_.waiting or passed.faults) and round_.is_closed:
            passed.quiet = Quiet(round_.newest_us, round_.began_us)

    def _move(self, round_: Round, mark: Watermark | None, passed: Passed) -> None:
        at_us = round_.covered_us
        if mark is not None and at_us <= mark.at_us:
            return
        # Before its first object every command is closed, since there is none.
        closed_us = min(at_us, round_.first_us) if mark is None else mark.closed_us
        if self.watermarks.advance(self.log, at_us=at_us, closed_us=closed_us):
            passed.watermark_us = at_us

    def _send_again(self, uncovered: Sequence[WalVersion], passed: Passed, watch: Stopwatch) -> None:
        quarantined = self.quarantine.run(self.records, uncovered, watch)
        passed.quarantined += quarantined.done
        passed.faults += quarantined.faults
        with passed.step():
            others = [version for version in uncovered if not is_too_large(version)]
            passed.requeued += self.lost.run(others, self.clock.now_us())

    def _look(self, round_: Round, part: Part, passed: Passed, watch: Stopwatch, *, is_ending: bool) -> None:
        since_us = 0 if round_.mark is None else round_.mark.closed_us
        found = folders(part.versions, since_us=since_us)
        looked, closed = self._close_all(found, passed, watch, is_ending=is_ending)
        self.commands.remember([*closed, *looked.malformed], since_us=since_us)
        passed.open = len(looked.open)
        round_.keep_open(looked.open)

    def _close_all(
        self, found: list[Folder], passed: Passed, watch: Stopwatch, *, is_ending: bool = False
    ) -> tuple[Looked, list[Folder]]:
        """What a look at these commands came to, and which of them need none again."""
        looked = self.commands.run(self.records, found, watch, is_ending=is_ending)
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


@dataclass(frozen=True, slots=True)
class _Limits:
    """Each step leaves so much of the pass's time for those after it."""

    listing_s: float
    asking_s: float


def _limits(watch: Stopwatch) -> _Limits:
    left_s = watch.left_s()
    return _Limits(*(max(LEAST_LEFT_S, left_s * (1 - share)) for share in (LISTING_SHARE, ASKING_SHARE)))
