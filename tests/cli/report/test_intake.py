"""Entries on their way into the scratch database: what is held in memory does not follow the log's size."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from postern_cli.evidence.entries import Entry
from postern_cli.evidence.period import parse_period
from postern_cli.pulled import PulledFolder
from postern_cli.report import store as stores
from postern_cli.report.intake import Intake
from postern_cli.report.store import Store
from tests.support.report_log import LOG, Work


def _entries(statements: int) -> list[Entry]:
    """Each by another identity, of another task, naming another table."""
    work = Work()
    for number in range(statements):
        work.statement(f"task-{number}", relations=(f"public.t{number}",), who=f"agent-{number}")
    return [Entry(LOG, index, data) for index, data in enumerate(work.objects.values())]


def _held(entries: list[Entry], folder: Path) -> int:
    """The most bytes that Python held at once while these were taken."""
    folder.mkdir()
    store = Store(folder / "rows.sqlite")
    intake = Intake(PulledFolder(folder), store, parse_period("2026-03-01", "2026-04-01"))
    tracemalloc.start()
    for entry in entries:
        intake.take(entry)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    intake.finish()
    store.seal()
    assert store.number("SELECT count(DISTINCT principal) FROM sent") == (len(entries) - 1) // 2
    store.close()
    return held


def test_three_times_as_many_identities_tasks_and_tables_take_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_AT_ONCE", 50)
    monkeypatch.setattr(stores, "_USES_HELD", 50)
    few, many = (_entries(count) for count in (200, 600))
    _held(_entries(20), tmp_path / "warm")

    assert _held(many, tmp_path / "many") < 1.3 * _held(few, tmp_path / "few")
