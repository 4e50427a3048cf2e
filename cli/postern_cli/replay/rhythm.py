"""When a scene comes: in the task's own rhythm, faster, a key at a time, or at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from postern_cli.replay.scenes import Scene

LONGEST_PAUSE_S = 3.0  # of a replay at speed 1
_SECOND_US = 1_000_000


class Pace(Protocol):
    """Called between two scenes, with the seconds that passed between them. False ends the replay."""

    def __call__(self, passed_s: float, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Waits as long as the task did, divided by `speed`, and never longer than the longest pause."""

    sleep: Callable[[float], None]
    speed: float

    def __call__(self, passed_s: float, /) -> bool:
        if passed_s > 0:
            self.sleep(min(passed_s, LONGEST_PAUSE_S) / self.speed)
        return True


@dataclass(frozen=True, slots=True)
class Steps:
    """Waits for a key; `q` ends the replay, as does the input's end."""

    key: Callable[[], str]

    def __call__(self, _passed_s: float, /) -> bool:
        return self.key() not in ("q", "Q", "")


def at_once(_passed_s: float, /) -> bool:
    """Waits for nothing."""
    return True


def played(scenes: Sequence[Scene], pace: Pace, cut: Callable[[float], None]) -> Iterator[Scene]:
    """Each scene when its time has come. `cut` gets the seconds of a pause that is cut short, before it begins."""
    before: Scene | None = None
    for scene in scenes:
        # Two functions' clocks may differ, so a scene is never before the one that it stands after.
        passed_s = 0.0 if before is None else max(0.0, (scene.time_us - before.time_us) / _SECOND_US)
        if passed_s > LONGEST_PAUSE_S and pace is not at_once:
            cut(passed_s)
        if before is not None and not pace(passed_s):
            return
        yield scene
        before = scene
