"""EventBridge's schedules on one machine: a function invoked at a fixed rate while the stack runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial

from postern_local.lambdas import Lambdas
from postern_local.model import Schedule
from postern_local.worker_process import Outcome

_log = logging.getLogger(__name__)


class Schedules:
    """A thread for each schedule; the first invocation comes after one whole interval, as with EventBridge."""

    def __init__(self, schedules: Iterable[Schedule], lambdas: Lambdas) -> None:
        self._stopped = threading.Event()
        self._lambdas = lambdas
        self._threads = [threading.Thread(target=self._run, args=(schedule,), daemon=True) for schedule in schedules]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when no invocation follows. Idempotent."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, schedule: Schedule) -> None:
        while not self._stopped.wait(schedule.every_s):
            future = self._lambdas.invoke(schedule.function, schedule.payload.encode())
            future.add_done_callback(partial(_report, schedule.function))


def _report(function: str, done: Future[Outcome]) -> None:
    outcome = done.result()
    if outcome.failed:
        _log.warning("schedule of %s: %s", function, outcome.payload.decode(errors="replace"))
