"""Writes the page that tests compare with, once a person has looked at it: `python -m tests.support.report_golden`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.support.report_log import told_log
from tests.support.report_pack import make, pulled

GOLDEN = Path(__file__).parents[1] / "data/report/told.html"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = make(pulled(told_log(), Path(folder) / "copy"), Path(folder) / "pack", sample=25)
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made.out / "report.html", GOLDEN)
