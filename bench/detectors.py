"""What the detectors find and miss on labelled texts, and how fast they look: `python -m bench.detectors`.

`--presidio PYTHON` is the path of a Python that has `presidio-analyzer`: what it finds in the same texts, and how fast,
in turns. `--write` puts it all into docs/performance.md.

Recall: of the values in tests/data/detectors, those found whole. Precision: of what was taken for a value, in the
values' texts and in the near misses, what is one; it is that of a hard sample, of which half is made to deceive.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bench.detector_corpora import CELL_BYTES, HOSTILE, PROSE, Labelled, hostile, labelled, prose
from bench.machine import described
from bench.pages import publish
from bench.presidio import Presidio, running
from bench.tables import markdown
from postern.masking.detectors import DEFAULT_DETECTORS, UNCHECKED, DetectorKind, Effort, marker, redact_column

REPEATS = 15
PROSE_BYTES = 200_000
HOSTILE_BYTES = 100_000
PRESIDIO_BYTES = 10_000
ALL = frozenset(DetectorKind)
WEAK = 0.4  # a score: below it are what Presidio takes for a value only if a word beside it says so

# What one writes first: a pattern a kind, no check digits, no look at what stands beside.
PLAIN_PATTERNS = {
    DetectorKind.PRIVATE_KEY: r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----",
    DetectorKind.JWT: r"eyJ[\w-]+\.[\w-]+\.[\w-]+",
    DetectorKind.GITHUB_TOKEN: r"gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w+",
    DetectorKind.AWS_KEY: r"A[KS]IA[A-Z0-9]{16}",
    DetectorKind.EMAIL: r"[\w.%+-]+@[\w.-]+\.[A-Za-z]{2,}",
    DetectorKind.IBAN: r"\b[A-Z]{2}\d{2}[A-Z0-9 ]{11,40}\b",
    DetectorKind.CARD: r"\b(?:\d[ -]?){12,18}\d\b",
    DetectorKind.SSN: r"\b\d{3}-\d{2}-\d{4}\b",
    DetectorKind.PHONE: r"\+?\d[\d ().-]{7,}\d",
    DetectorKind.IP: r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
}

Cells = list["str | None"]
Redact = Callable[[str], tuple[str, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--presidio", metavar="PYTHON", help="a Python that has presidio-analyzer")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    asked = parser.parse_args()
    if asked.presidio is None:
        text = "\n\n".join([described(), _found(None), _speeds(), _hostile_speeds()])
    else:
        with running(asked.presidio) as presidio:
            versions = described(f"presidio-analyzer {presidio.version}")
            text = "\n\n".join([versions, _found(presidio), _speeds(), _beside(presidio), _hostile_speeds()])
    publish("performance.md", "bench.detectors", text)


def _found(presidio: Presidio | None) -> str:
    """Recall and precision by kind."""
    rows = []
    for kind in DetectorKind:
        entries = labelled(kind)
        sizes = (sum(len(one.values) for one in entries), sum(not one.values for one in entries))
        scores = [_score(entries, kind, [redact(one.text) for one in entries]) for redact in _redactions(kind)]
        if presidio is not None:
            scores += [_presidio_score(presidio, kind, entries, least) for least in (0.0, WEAK)]
        rows.append((kind.value, "yes" if kind in DEFAULT_DETECTORS else "no", *map(str, sizes), *scores))
    columns = ["kind", "by default", "values", "near misses", "recall, precision", "`re`"]
    columns += ["Presidio", f"Presidio, {WEAK} and up"] if presidio is not None else []
    return markdown(columns, rows)


def _redactions(kind: DetectorKind) -> Iterator[Redact]:
    yield partial(_ours, kind)
    yield lambda text: re.subn(PLAIN_PATTERNS[kind], marker(kind), text)


def _ours(kind: DetectorKind, text: str) -> tuple[str, int]:
    (redacted,), found = redact_column([text], frozenset({kind}))
    return redacted or "", found.total()


def _presidio_score(presidio: Presidio, kind: DetectorKind, entries: Sequence[Labelled], least_score: float) -> str:
    if kind not in presidio.kinds:
        return "-"
    found = presidio.find(kind, [one.text for one in entries], least_score=least_score)
    return _score(entries, kind, [_cut(one.text, kind, spans) for one, spans in zip(entries, found, strict=True)])


def _cut(text: str, kind: DetectorKind, spans: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """The text with a marker for each place; places that overlap are one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    for start, end in reversed(merged):
        text = text[:start] + marker(kind) + text[end:]
    return text, len(merged)


def _score(entries: Sequence[Labelled], kind: DetectorKind, redacted: Sequence[tuple[str, int]]) -> str:
    """Recall and precision. A value counts as found where its whole text is gone and nothing beside it."""
    found = 0
    for entry, (text, _) in zip(entries, redacted, strict=True):
        expected = entry.text
        for value in entry.values:
            expected = expected.replace(value, marker(kind))
        found += len(entry.values) if text == expected else 0
    taken = sum(count for _, count in redacted)
    recall = found / sum(len(entry.values) for entry in entries)
    return f"{recall:.2f}, {found / taken:.2f}" if taken else f"{recall:.2f}, -"


def _speeds() -> str:
    plain = [(kind, re.compile(pattern)) for kind, pattern in PLAIN_PATTERNS.items()]
    looks: tuple[Callable[[Cells], object], ...] = (
        lambda cells: redact_column(cells, DEFAULT_DETECTORS, Effort()),
        lambda cells: redact_column(cells, ALL, Effort()),
        lambda cells: [_loop(cell or "", plain) for cell in cells],
    )
    rows = []
    for name, share in PROSE.items():
        cells = prose(share, PROSE_BYTES)
        times = _interleaved([partial(_seconds, look, cells) for look in looks])
        rows.append((name, *(_rates(PROSE_BYTES, seconds) for seconds in times)))
    text = markdown(("MB/s on one core", "default kinds", "all kinds", "`re`, a loop over cells"), rows)
    return (
        f"{text}\n\nCells of {CELL_BYTES} bytes, by processor time, medians of {REPEATS}, the middle half in brackets."
    )


def _loop(cell: str, plain: Sequence[tuple[DetectorKind, re.Pattern[str]]]) -> str:
    for kind, pattern in plain:
        cell = pattern.sub(marker(kind), cell)
    return cell


def _beside(presidio: Presidio) -> str:
    """Both over the same cells, for the kinds that both know, in turns."""
    rows = []
    patterns = tuple(kind for kind in presidio.kinds if kind is not DetectorKind.PHONE)
    for kinds, what in ((patterns, ""), (presidio.kinds, ", telephone numbers too")):
        for name, share in list(PROSE.items())[1:]:
            cells = prose(share, PRESIDIO_BYTES)
            look = partial(redact_column, enabled=frozenset(kinds))
            texts = [cell or "" for cell in cells]
            ours, theirs = _interleaved(
                [partial(_seconds, look, cells), partial(presidio.look_over_s, kinds, texts)], REPEATS
            )
            ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
            speeds = (_rates(PRESIDIO_BYTES, ours), _rates(PRESIDIO_BYTES, theirs, digits=2))
            rows.append((name + what, *speeds, _middle(ratios, digits=0)))
    return markdown(("MB/s on one core, the kinds that both know", "ours", "Presidio", "times as fast"), rows)


def _hostile_speeds() -> str:
    rows = []
    for name, pattern in HOSTILE.items():
        results = []
        for cell_bytes in (CELL_BYTES, HOSTILE_BYTES):
            cells = hostile(pattern, HOSTILE_BYTES, cell_bytes=cell_bytes)
            begun = time.process_time()
            _, found = redact_column(cells, ALL, Effort())
            spent = time.process_time() - begun
            speed = HOSTILE_BYTES / 1e6 / spent
            results += [f"{speed:.2f}" if speed < 10 else f"{speed:,.0f}", f"{found[UNCHECKED] / len(cells):.0%}"]
        rows.append((name, *results))
    columns = (f"nothing but, {HOSTILE_BYTES // 1_000} kB", f"MB/s, cells of {CELL_BYTES} bytes", "withheld")
    return markdown((*columns, "MB/s, one cell", "withheld"), rows)


def _seconds(look: Callable[[Cells], object], cells: Cells) -> float:
    begun = time.process_time()
    look(cells)
    return time.process_time() - begun


def _interleaved(calls: Sequence[Callable[[], float]], repeats: int = REPEATS) -> list[list[float]]:
    """What each call gives, `repeats` times, in turns; once before that counts."""
    for call in calls:
        call()
    return [list(each) for each in zip(*([call() for call in calls] for _ in range(repeats)), strict=True)]


def _rates(size: int, seconds: Sequence[float], digits: int = 1) -> str:
    return _middle([size / 1e6 / one for one in seconds], digits)


def _middle(values: Sequence[float], digits: int) -> str:
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


if __name__ == "__main__":
    main()
