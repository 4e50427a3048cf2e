"""When scenes come: no test waits, the clock is a list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from postern_cli.replay.rhythm import LONGEST_PAUSE_S, Rhythm, Steps, at_once, played


def scenes(*seconds: float) -> list[Any]:
    return [SimpleNamespace(time_us=int(one * 1_000_000)) for one in seconds]


@pytest.mark.parametrize(
    ("times", "speed", "slept"),
    [
        pytest.param((0, 1, 1.5), 1, [1, 0.5], id="as it was"),
        pytest.param((0, 1, 1.5), 10, [0.1, 0.05], id="ten times as fast"),
        pytest.param((0, 1), 0.5, [2], id="half as fast"),
        pytest.param((0, 7200), 1, [LONGEST_PAUSE_S], id="a long pause is cut short"),
        pytest.param((0, 7200), 3, [LONGEST_PAUSE_S / 3], id="and faster still"),
        pytest.param((5, 4, 4), 1, [], id="clocks that differ"),
        pytest.param((3,), 1, [], id="one scene"),
    ],
)
def test_pauses_are_the_tasks_own(times, speed, slept):
    waited: list[float] = []
    shown = list(played(scenes(*times), Rhythm(waited.append, speed), lambda _: None))
    assert len(shown) == len(times)
    assert waited == pytest.approx(slept)


def test_a_pause_that_is_cut_short_is_said_before_it_begins():
    told: list[object] = []
    list(played(scenes(0, 2, 7202), Rhythm(lambda seconds: told.append(seconds), 1), lambda _: told.append("cut")))
    assert told == [2, "cut", LONGEST_PAUSE_S]


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        pytest.param([" ", "\n", "\x1b[C"], 4, id="any key goes on"),
        pytest.param([" ", "q"], 2, id="q ends it"),
        pytest.param(["Q"], 1, id="so does Q"),
        pytest.param([""], 1, id="so does the input's end"),
    ],
)
def test_step_by_step_waits_for_a_key_between_scenes(keys, shown):
    pressed = iter(keys)
    assert len(list(played(scenes(0, 1, 2, 3), Steps(lambda: next(pressed)), lambda _: None))) == shown


def test_at_once_waits_for_nothing():
    assert len(list(played(scenes(0, 7200, 9000), at_once, lambda _: pytest.fail("nothing is cut short")))) == 3
