"""Growth as pictures: a small plot for each place, both axes by powers of ten, legible on light and on dark."""

from __future__ import annotations

import io
import itertools
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.growth.series import Series
from bench.pages import DOCS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FOLDER = DOCS / "pictures"
_INK = "#7a7f87"  # read on white and on black
_COLOURED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
_LINES = ("#3b82c4", "#d9822b", "#2f9e73", "#b8569e", "#8a6fd1", "#c2484d", "#5f8f2f", "#2aa3b5")


def draw(name: str, title: str, shown: Sequence[Series]) -> Path:
    """Writes `growth-<name>.svg`: the medians as lines, the middle half as a band. The same figures, the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    colours: dict[Any, Any] = dict.fromkeys(_COLOURED, _INK)
    with mpl.rc_context(colours | {"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(9.6, 3.2), layout="constrained")
        for series, colour in zip(shown, itertools.cycle(_LINES), strict=False):
            _line(axes, series, colour)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel(shown[0].of if len({one.of for one in shown}) == 1 else "how many")
        axes.set_ylabel(shown[0].unit)
        axes.grid(visible=True, which="major", color=_INK, alpha=0.2, linewidth=0.5)
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)  # beside the lines, never over them
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        data = io.StringIO()
        figure.savefig(data, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"growth-{name}.svg"
    path.write_text("\n".join(line.rstrip() for line in data.getvalue().splitlines()) + "\n")
    return path


def _line(axes: Axes, series: Series, colour: str) -> None:
    quarters = [statistics.quantiles(series.samples[size], n=4) for size in series.sizes]
    axes.plot(series.sizes, [one[1] for one in quarters], color=colour, marker="o", markersize=3, label=series.label)
    axes.fill_between(
        series.sizes, [one[0] for one in quarters], [one[2] for one in quarters], color=colour, alpha=0.15, linewidth=0
    )
