"""What the detectors find and miss on labelled texts, and how fast they look, beside a loop over cells with `re`.

Recall: of the values in tests/data/detectors, those found whole. Precision: of what was taken for a value, in the
values' texts and in the near misses, what is one; it is that of a hard sample, of which half is made to deceive.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.samples import print_table
from postern.masking.detectors import DEFAULT_DETECTORS, DetectorKind, Effort, marker, redact_column

SAMPLES = Path(__file__).parent.parent / "tests" / "data" / "detectors"
CORPUS_BYTES = 5_000_000
CELL_BYTES = 250
REPEATS = 5
ALL = frozenset(DetectorKind)

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

Redact = Callable[[str], tuple[str, int]]


def main() -> None:
    console = Console(width=130, highlight=False)
    samples = {kind: _read(kind) for kind in DetectorKind}
    rows = []
    for kind, entries in samples.items():
        values = sum(len(entry["found"]) for entry in entries)
        near_misses = sum(not entry["found"] for entry in entries)
        ours = _scores(entries, kind, partial(_ours, kind))
        plain = _scores(entries, kind, partial(_plain, kind))
        on = "yes" if kind in DEFAULT_DETECTORS else "no"
        rows.append((kind, on, f"{values}", f"{near_misses}", *ours, *plain))
    columns = ("by default", "values", "near misses", "recall", "precision", "re: recall", "re: precision")
    print_table(console, "labelled texts", columns, rows)
    console.print()
    print_table(
        console, "MB/s on one core", ("values a cell", "default", "all kinds", "re, a loop"), list(_speeds(samples))
    )
    console.print(
        f"\nCells of {CELL_BYTES} bytes, {CORPUS_BYTES // 1_000_000} MB a column, by CPU time. re: one plain pattern"
        "\na kind, cell by cell. Where there is nothing but candidates, cells past the effort are withheld whole."
    )


def _read(kind: DetectorKind) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLES / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()]


def _ours(kind: DetectorKind, text: str) -> tuple[str, int]:
    (redacted,), found = redact_column([text], frozenset({kind}))
    return redacted or "", found.total()


def _plain(kind: DetectorKind, text: str) -> tuple[str, int]:
    return re.subn(PLAIN_PATTERNS[kind], marker(kind), text)


def _scores(entries: Sequence[dict[str, Any]], kind: DetectorKind, redact: Redact) -> tuple[str, str]:
    """Recall and precision. A value counts as found where its whole text is gone and nothing beside it."""
    values = found = taken = 0
    for entry in entries:
        expected = entry["text"]
        for _, value in entry["found"]:
            expected = expected.replace(value, marker(kind))
        redacted, count = redact(entry["text"])
        values += len(entry["found"])
        taken += count
        found += len(entry["found"]) if redacted == expected else 0
    return f"{found / values:.2f}", f"{found / taken:.2f}" if taken else "-"


def _speeds(samples: dict[DetectorKind, list[dict[str, Any]]]) -> Iterable[tuple[str, ...]]:
    texts = [entry["text"] for entries in samples.values() for entry in entries if entry["found"]]
    plain = [(kind, re.compile(pattern)) for kind, pattern in PLAIN_PATTERNS.items()]
    for name, share in (("prose", 0.0), ("prose with values", 0.02), ("prose with many values", 0.3), ("values", 1.0)):
        cells = _corpus(texts, share)
        yield (
            name,
            f"{share:.2f}",
            f"{_speed(cells, lambda column: redact_column(column, DEFAULT_DETECTORS, Effort())):,.0f}",
            f"{_speed(cells, lambda column: redact_column(column, ALL, Effort())):,.0f}",
            f"{_speed(cells, lambda column: [_loop(cell or '', plain) for cell in column]):,.1f}",
        )


def _loop(cell: str, plain: Sequence[tuple[DetectorKind, re.Pattern[str]]]) -> str:
    for kind, pattern in plain:
        cell = pattern.sub(marker(kind), cell)
    return cell


def _corpus(texts: Sequence[str], share: float) -> list[str | None]:
    """Cells of made-up prose with numbers and dates, `share` of them with a value; 1 is nothing but values."""
    draw = random.Random(7)
    words = ("the order", "was sent back", "on 2026-11-23", "since item 4711", "arrived late", "and 12.50", "refunded")
    cells: list[str | None] = []
    while len(cells) * CELL_BYTES < CORPUS_BYTES:
        cell = draw.choice(texts) if draw.random() < share else ""
        filler = texts if share == 1 else words
        while len(cell) < CELL_BYTES:
            cell += " " + draw.choice(filler)
        cells.append(cell[:CELL_BYTES])
    return cells


def _speed(cells: list[str | None], look_over: Callable[[list[str | None]], object]) -> float:
    times = []
    for _ in range(REPEATS):
        begun = time.process_time()
        look_over(cells)
        times.append(time.process_time() - begun)
    return len(cells) * CELL_BYTES / 1_000_000 / statistics.median(times)


if __name__ == "__main__":
    main()
