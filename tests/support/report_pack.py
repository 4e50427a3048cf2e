"""Packs made as a person makes them, in this process."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern_cli.audit import app
from tests.support import command_line
from tests.support.report_log import BEGIN_US, SECOND_US, VKEY, Work

PERIOD = ("2026-03-03", "2026-03-08")


@dataclass(frozen=True)
class Made:
    """A pack and how the command ended that made it."""

    out: Path
    code: int
    line: str

    @property
    def page(self) -> str:
        return (self.out / "report.html").read_text("utf-8")

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.out / "summary.json").read_text("utf-8"))

    def rows(self, population: str) -> list[dict[str, str]]:
        with (self.out / f"populations/{population}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def figure(self, what: str) -> str:
        (found,) = [one["is"] for answer in self.summary["answers"] for one in answer["figures"] if one["what"] == what]
        return found

    def counts(self) -> dict[str, int]:
        return {one["name"]: one["rows"] for one in self.summary["populations"] if one["rows"]}


def pulled(work: Work, folder: Path) -> Path:
    """The log as `postern audit pull` leaves it."""
    work.copy(batch=7).write_to(folder)
    (folder / "pulled.json").write_text(json.dumps({"began_us": BEGIN_US + 9 * 86_400 * SECOND_US}))
    return folder


def make(
    copy: Path, out: Path, *more: object, period: tuple[str, str] = PERIOD, vkey: str = VKEY, sample: int = 2
) -> Made:
    """A pack, with few proofs in it unless more are asked for: they take most of the time."""
    ended = command_line.run(
        app, "report", "--dir", copy, "--vkey", vkey, "--from", period[0], "--to", period[1], "--out", out,
        "--workers", 1, "--sample", sample, *more,
    )  # fmt: skip
    return Made(out, ended.code, ended.line)
