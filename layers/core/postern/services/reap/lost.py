"""Objects whose event was lost, or whose sequencer died: the queue is told of them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.log_ports import WalVersion
from postern.reap_ports import Requeue

LOST_AFTER_US = 120_000_000  # from storing to a published checkpoint a healthy log takes seconds
AGAIN_AFTER_US = 900_000_000
AT_ONCE = 500  # a pass: where many wait the sequencer is away, and telling it more does not help
_KEPT = 10_000


@dataclass(slots=True)
class Lost:
    """Remembers what it told the queue of, so that a log that stands still is not flooded."""

    requeue: Requeue
    _told: dict[str, int] = field(default_factory=dict, repr=False)

    def run(self, uncovered: Sequence[WalVersion], now_us: int) -> int:
        """How many were sent. Raises `EvidenceUnavailable`."""
        lost = [one.key for one in sorted(uncovered, key=_age) if one.last_modified_us < now_us - LOST_AFTER_US]
        again = [key for key in lost if self._told.get(key, 0) < now_us - AGAIN_AFTER_US][:AT_ONCE]
        if not again:
            return 0
        self.requeue.send(again)
        self._told.update(dict.fromkeys(again, now_us))
        if len(self._told) > _KEPT:
            self._told = dict(sorted(self._told.items(), key=lambda told: told[1])[-_KEPT // 2 :])
        return len(again)


def _age(version: WalVersion) -> int:
    return version.last_modified_us
