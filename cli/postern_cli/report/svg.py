"""Pictures as SVG text: colours are classes of the page's style sheet, and every text in them is escaped.

By hand and not by a plotting library: a page without scripts needs five forms of picture, the bytes must be the same on
every machine, and what draws the text of strangers should be short enough to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from postern_cli.evidence.words import shown

WIDTH = 640
_LABEL_CHARACTERS = 28
_ROW, _BAR = 24, 14
_LABELS, _VALUES = 216, 68  # the room left and right of horizontal bars
_PLOT_HEIGHT, _TOP, _BOTTOM, _LEFT = 150, 10, 26, 52


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a label, and a length for each series."""

    label: str
    values: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.values)


def bars(title: str, rows: Sequence[Bar], series: Sequence[str] = ()) -> Markup:
    """Horizontal bars, a row each; with several series each bar is divided, and a legend says by what."""
    top = 24 if len(series) > 1 else 4
    room, most = WIDTH - _LABELS - _VALUES, max((row.total for row in rows), default=0) or 1
    parts = [_legend(series)] if len(series) > 1 else []
    for at, row in enumerate(rows):
        y = top + at * _ROW
        parts.append(_text(_LABELS - 8, y + 12, _short(row.label), "end", "label"))
        x = float(_LABELS)
        for number, value in enumerate(row.values):
            width = room * value / most
            if value:
                parts.append(_rect(x, y, max(width, 1.5), _BAR, f"s{number}", f"{_said(row, series, number)}"))
            x += width
        parts.append(_text(min(x, WIDTH - _VALUES) + 6, y + 12, f"{row.total:,}", "start", "value"))
    return _svg(title, top + len(rows) * _ROW, parts)


def columns(title: str, rows: Sequence[Bar], series: Sequence[str] = ()) -> Markup:
    """Columns in the order of time, with a scale at the left; labels are thinned where they would touch."""
    top = _TOP + (20 if len(series) > 1 else 0)
    most = _round_up(max((row.total for row in rows), default=0))
    step = (WIDTH - _LEFT) / max(1, len(rows))
    parts = [_legend(series)] if len(series) > 1 else []
    for line in range(5):
        y = top + _PLOT_HEIGHT * (4 - line) / 4
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(_LEFT, WIDTH, y, y))
        if most * line % 4 == 0:
            parts.append(_text(_LEFT - 8, y + 4, f"{most * line // 4:,}", "end", "value"))
    every = -(-len(rows) // 10)
    for at, row in enumerate(rows):
        x, y = _LEFT + at * step, float(top + _PLOT_HEIGHT)
        for number, value in enumerate(row.values):
            height = _PLOT_HEIGHT * value / most
            y -= height
            if value:
                parts.append(
                    _rect(x + step * 0.1, y, step * 0.8, max(height, 1), f"s{number}", _said(row, series, number))
                )
        if at % every == 0:
            parts.append(_text(x + step / 2, top + _PLOT_HEIGHT + 18, row.label, "middle", "value"))
    return _svg(title, top + _PLOT_HEIGHT + _BOTTOM, parts)


def heat_map(title: str, rows: Sequence[tuple[str, Sequence[int]]], labels: Sequence[str]) -> Markup:
    """Cells in seven steps of one colour, from none to the most; the table beside has the numbers."""
    most = max((max(cells) for _, cells in rows), default=0) or 1
    left, size, height = 48, (WIDTH - 48) / max(1, len(labels)), 22
    parts = []
    for at, (label, cells) in enumerate(rows):
        y = 4 + at * (height + 2)
        parts.append(_text(left - 8, y + 15, label, "end", "label"))
        for column, cell in enumerate(cells):
            step = 0 if not cell else 1 + cell * 5 // most
            said = f"{label} {labels[column]}: {cell:,}"
            parts.append(_rect(left + column * size, y, size - 2, height, f"h{step}", said))
    y = 4 + len(rows) * (height + 2)
    for column in range(0, len(labels), 3):
        parts.append(_text(left + column * size + size / 2, y + 14, labels[column], "middle", "value"))
    return _svg(title, y + 20, parts)


def _svg(title: str, height: float, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg role="img" viewBox="0 0 {} {:.0f}" width="{}" height="{:.0f}" aria-label="{}">')
    return head.format(WIDTH, height, WIDTH, height, title) + Markup("").join(parts) + Markup("</svg>")


def _rect(x: float, y: float, width: float, height: float, class_: str, said: str) -> Markup:
    form = '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
    return Markup(form).format(class_, x, y, width, height, said)  # noqa: S704 - arguments are escaped


def _text(x: float, y: float, text: str, anchor: str, class_: str) -> Markup:
    form = '<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    return Markup(form).format(class_, x, y, anchor, text)  # noqa: S704 - arguments are escaped


def _legend(series: Sequence[str]) -> Markup:
    parts, x = [], float(WIDTH)
    for number, name in reversed(list(enumerate(series))):
        x -= 7 * len(name) + 28
        parts += [_rect(x, 2, 10, 10, f"s{number}", name), _text(x + 15, 11, name, "start", "value")]
    return Markup("").join(parts)


def _short(label: str) -> str:
    text = shown(label, 4 * _LABEL_CHARACTERS)
    return text if len(text) <= _LABEL_CHARACTERS else f"{text[: _LABEL_CHARACTERS - 1]}…"


def _said(row: Bar, series: Sequence[str], number: int) -> str:
    what = f" {series[number]}" if len(series) > 1 else ""
    return f"{shown(row.label, 120)}: {row.values[number]:,}{what}"


def _round_up(most: int) -> int:
    """The least of 4, 8, 12, 20, 40, … that is not less: it divides into four lines."""
    scale = 1
    while True:
        for step in (4, 8, 12, 20):
            if step * scale >= most:
                return step * scale
        scale *= 10
