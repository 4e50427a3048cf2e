"""Finds what calls hold that died between their reservation and their first record: nothing on record names them.

Such a call's Idempotency-Key answers every retry with "still runs", and a retry that is refused leaves no record
either. So every few minutes all open tasks are looked at, whether or not anything ran in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.audit.ids import uuid7_time_ms
from postern.ports import Clock
from postern.reap_ports import Holds
from postern.services.reap.give_back import UNSEEN_AFTER_US, GiveBack
from postern.services.stopwatch import Stopwatch

EVERY_US = 300_000_000  # a look is a request a hundred open tasks, and one a partition of their index


@dataclass(slots=True)
class OldHolds:
    """One an environment, which remembers when it last looked. A fresh one looks at once."""

    holds: Holds
    give_back: GiveBack
    clock: Clock
    _looked_us: int = field(default=0, repr=False)

    def run(self, watch: Stopwatch) -> int:
        """How many calls' holds were given back. Raises `UpstreamError`; then the next pass looks again."""
        now_us = self.clock.now_us()
        if now_us - self._looked_us < EVERY_US:
            return 0
        born_before_ms = (now_us - UNSEEN_AFTER_US) // 1000
        old = {
            task_id
            for task_id, held in self.holds.all_held().items()
            if any(uuid7_time_ms(command_id) < born_before_ms for command_id in held)
        }
        given = self.give_back.run(old, watch)
        if given.seen == old:
            self._looked_us = now_us
        return given.calls
