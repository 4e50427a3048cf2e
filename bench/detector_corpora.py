"""The texts that the detectors are tried on: labelled values, prose with some of them in it, and hostile ones."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from postern.masking.detectors import DetectorKind

CELL_BYTES = 250
_SAMPLES = Path(__file__).parent.parent / "tests" / "data" / "detectors"
_WORDS = ("the order", "was sent back", "on 2026-11-23", "since item 4711", "arrived late", "and 12.50", "refunded")

# Shares of cells with a value; 1 is nothing but values.
PROSE = {"prose": 0.0, "prose, values in 2 % of cells": 0.02, "in 30 % of cells": 0.3, "nothing but values": 1.0}

# Made so that the search, the checks or both have as much to do as a text can give them.
HOSTILE = {
    "digits": "4",
    "digits, counted": "0123456789",
    "digits in fours": "4111 ",
    "digits one by one": "4-1-1-1-",
    "card numbers": "4111 1111 1111 1111 ",
    "`@`": "@",
    "`a@`": "a@",
    "addresses": "a@b.cc ",
    "`eyJ`": "eyJ",
    "tokens that are none": "eyJhbGciOiJI.eyJhbGciOiJI.x ",
    "groups as of an IBAN": "DE89 ",
    "IBANs": "DE89 3704 0044 0532 0130 00 ",
    "numbers as of a telephone": "+1 650 253 000",
    "telephone numbers": "(650) 253-0000 ",
    "dotted numbers": "1.1.",
    "beginnings of keys": "-----BEGIN ",
    "Cyrillic words": "жук ",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and what a detector must find in it."""

    text: str
    values: tuple[str, ...]


def labelled(kind: DetectorKind) -> list[Labelled]:
    """Texts with values of the kind, and near misses, of those that the tests hold."""
    lines = (_SAMPLES / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return [Labelled(entry["text"], tuple(value for _, value in entry["found"])) for entry in entries]


def prose(share: float, total_bytes: int) -> list[str | None]:
    """Cells of made-up prose with numbers and dates, `share` of them with a value of some kind; the same each time."""
    texts = [one.text for kind in DetectorKind for one in labelled(kind) if one.values]
    draw = random.Random(7)
    return [_cell(draw, texts, share) for _ in range(total_bytes // CELL_BYTES)]


def _cell(draw: random.Random, texts: Sequence[str], share: float) -> str:
    cell = draw.choice(texts) if draw.random() < share else ""
    filler = texts if share == 1 else _WORDS
    while len(cell) < CELL_BYTES:
        cell += " " + draw.choice(filler)
    return cell[:CELL_BYTES]


def hostile(pattern: str, total_bytes: int, *, cell_bytes: int) -> list[str | None]:
    """Cells of nothing but the pattern, repeated."""
    cell = (pattern * (cell_bytes // len(pattern) + 1))[:cell_bytes]
    return [cell] * max(1, total_bytes // cell_bytes)
