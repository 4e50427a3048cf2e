"""Sends every live task that a denial is about on its way out, pass after pass, until one finds none newly opened.

The denial stands already: whatever opens from now on is refused, and whatever is being built cannot become active. So
only what was there before has to be found. The index that tells which tasks are open may lag behind; the reaper
therefore looks again for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field

from postern.denial_ports import Denials, OpenTasks
from postern.denials import DenialKey, OpenTask, is_about, move_for
from postern.errors import StateUnavailable
from postern.services.stopwatch import Stopwatch
from postern.task_states import Move
from postern.types import TaskId

WORKERS = 16
LEAST_LEFT_S = 4.0  # of a call: to answer with
TRIES = 3  # of passes for which the table did not answer


@dataclass(slots=True)
class Marked:
    """The tasks whose worlds go, in the order in which they were found; and whether a last pass found no more."""

    going: list[TaskId] = field(default_factory=list)
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class MarkTasks:
    """The use case. Where the table does not answer it was no whole pass: the denial stands, and the reaper looks."""

    open_tasks: OpenTasks
    denials: Denials
    threads: Callable[[], Executor]

    def run(self, denial: DenialKey, watch: Stopwatch) -> Marked:
        marked, tries = Marked(), TRIES
        with self.threads() as threads:
            while watch.left_s() > LEAST_LEFT_S and tries:
                try:
                    moved, failed = self._pass(denial, threads, marked)
                    if not moved and not failed:
                        marked.is_whole = True
                        break
                    if self.denials.standing([denial]) is None:
                        break  # lifted meanwhile: what is not marked yet stays
                except StateUnavailable:
                    failed = 1
                tries -= failed > 0
        return marked

    def _pass(self, denial: DenialKey, threads: Executor, marked: Marked) -> tuple[int, int]:
        """How many it sent on their way, and of how many it is not known."""
        about = [task for task in self.open_tasks.all() if is_about(denial, task)]
        moves = [(task, move) for task in about if (move := move_for(denial, task)) is not None]
        futures = [threads.submit(self._move, task, move) for task, move in moves]
        wait(futures)
        results = [future.result() for future in futures]
        known = set(marked.going)
        going = [task.id for task in about if task.is_going]
        going += [task.id for (task, _), moved in zip(moves, results, strict=True) if moved]
        marked.going += [task_id for task_id in dict.fromkeys(going) if task_id not in known]
        return results.count(True), results.count(None)

    def _move(self, task: OpenTask, move: Move) -> bool | None:
        try:
            return self.open_tasks.move(task.id, move)
        except StateUnavailable:
            return None
