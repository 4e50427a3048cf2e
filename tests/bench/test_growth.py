"""What grows is told, by how much; what does not is told too; and a picture of the same figures is the same file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bench.growth import pictures
from bench.growth.series import Series


def series(cost: Callable[[int], float]) -> Series:
    """Three samples at each size, none of them alone in the middle."""
    samples = {size: [cost(size) * share for share in (0.99, 1.0, 1.01)] for size in (10, 100, 1_000)}
    return Series("point lookup", "tasks", "ms", samples)


@pytest.mark.parametrize(
    ("cost", "ratio", "verdict"),
    [
        pytest.param(lambda _: 2.0, 1.0, "flat", id="the same at each size"),
        pytest.param(lambda size: 2.0 + size / 2_500, 1.2, "flat", id="within what disturbs a machine"),
        pytest.param(lambda size: 1.0 + size / 1_000, 1.98, "+1 ms a thousand", id="linear"),
        pytest.param(lambda size: 1.0 / size, 0.01, "flat", id="falls"),
    ],
)
def test_growth_is_told_by_what_a_thousand_more_cost(cost: Callable[[int], float], ratio: float, verdict: str) -> None:
    one = series(cost)
    assert one.ratio == pytest.approx(ratio, rel=0.01)
    assert one.verdict == verdict


def test_a_row_names_the_smallest_and_the_largest_size_with_their_spread() -> None:
    row = series(lambda size: size / 10).row()
    assert row[:4] == ["point lookup", "tasks", "10: 1 (0.99 to 1.01) ms", "1,000: 100 (99 to 101) ms"]


def test_a_picture_of_the_same_figures_is_the_same_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pictures, "FOLDER", tmp_path)
    one, other = (pictures.draw("tried", "What grows", [series(lambda size: size)]).read_bytes() for _ in range(2))
    assert one == other
    assert b"point lookup, by tasks" in one
