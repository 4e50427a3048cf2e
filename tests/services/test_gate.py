"""The gate: which watermarks let statements run, which do not, and that nothing but statements passes it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from postern.errors import EvidenceStale
from postern.reap_ports import Watermark
from postern.services.gate import Gate
from postern.services.stopwatch import Stopwatch
from postern.types import TaskState
from tests.services.test_run_statements import Bench
from tests.services.test_worlds import Bench as Worlds
from tests.support.domain import NOW_S, TASK_ID, a_task
from tests.support.fake_clock import FakeClock
from tests.support.fake_watermarks import FakeWatermarks

MAX_S = 3600
ENDS_S = NOW_S + 100_000
PACKAGE = Path(__file__).parents[2] / "layers/core/postern"


@dataclass
class Site:
    """A gate over a watermark that a test moves, as everything else here, in seconds from now."""

    clock: FakeClock = field(default_factory=FakeClock)
    watermarks: FakeWatermarks = field(default_factory=FakeWatermarks)

    def __post_init__(self) -> None:
        self.gate = Gate(self.watermarks, self.clock, "prod-2026", MAX_S, ENDS_S)

    def mark(self, behind_s: int, *, is_closed: bool = False) -> None:
        self.watermarks.mark = Watermark((NOW_S - behind_s) * 1_000_000, 0, is_closed=is_closed)

    def wait(self, seconds: int) -> None:
        self.clock.at_us += seconds * 1_000_000
        self.clock.at_s += seconds

    def refusal(self) -> str:
        with pytest.raises(EvidenceStale) as caught:
            self.gate.check()
        assert caught.value.code == "evidence.stale"
        return caught.value.detail


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize("behind_s", [-60, 0, 120, MAX_S], ids=["a-little-ahead", "now", "two-minutes", "at-the-limit"])
def test_lets_statements_run_while_the_log_keeps_up(site, behind_s):
    site.mark(behind_s)
    site.gate.check()


@pytest.mark.parametrize(
    ("behind_s", "why"),
    [
        pytest.param(MAX_S + 1, "3601 s behind", id="a-second-past-the-limit"),
        pytest.param(NOW_S, "s behind", id="of-1970"),
        pytest.param(-61, "in the future", id="further-ahead-than-clocks-may-differ"),
        pytest.param(-(10**9), "in the future", id="far-ahead"),
    ],
)
def test_refuses_statements_by_the_watermarks_age(site, behind_s, why):
    site.mark(behind_s)
    assert why in site.refusal()


def test_refuses_statements_of_a_log_that_has_no_watermark(site):
    site.watermarks.mark = None
    assert "not begun" in site.refusal()


def test_refuses_statements_where_the_table_cannot_be_read(site):
    site.watermarks.away = True
    assert "cannot be read" in site.refusal()


def test_refuses_statements_after_the_epochs_last_day_however_young_the_watermark(site):
    site.wait(100_000 - 1)
    site.mark(-(100_000 - 1))
    site.gate.check()
    site.wait(1)
    assert "epoch has ended" in site.refusal()
    assert site.watermarks.reads == 1


def test_refuses_statements_of_a_log_that_was_closed(site):
    site.mark(0, is_closed=True)
    assert "epoch has ended" in site.refusal()


def test_looks_at_the_table_twice_a_minute(site):
    for _ in range(59):
        site.gate.check()
        site.wait(1)
    assert site.watermarks.reads == 2


def test_a_watermark_that_lets_nobody_in_is_looked_at_again_at_once(site):
    site.mark(MAX_S + 1)
    site.refusal()
    site.mark(0)
    site.gate.check()


def test_a_kept_watermark_lets_statements_run_until_it_is_too_old_itself(site):
    site.mark(0)
    site.gate.check()
    site.watermarks.away = True
    site.wait(MAX_S)
    site.gate.check()
    site.wait(1)
    assert f"{MAX_S + 1} s behind" in site.refusal()


def test_a_kept_watermark_does_not_outlive_the_closing_of_its_log_by_more_than_a_look(site):
    site.gate.check()
    site.mark(0, is_closed=True)
    site.wait(30)
    site.refusal()


def test_a_clock_that_runs_back_looks_again(site):
    site.gate.check()
    site.clock.at_s -= 500
    site.gate.check()
    assert site.watermarks.reads == 2


def test_a_refused_statement_reserves_nothing_and_leaves_no_record():
    bench = Bench()
    bench.tasks.create(a_task())
    bench.watermarks.mark = None
    with pytest.raises(EvidenceStale) as caught:
        bench.run()
    bench.threads.shutdown()
    assert caught.value.command_id is None
    assert (bench.tasks.get(TASK_ID), bench.written(), bench.database.ran) == (a_task(), [], [])


def test_building_ending_and_expiring_need_no_watermark():
    """They are made of parts that know none."""
    worlds = Worlds()
    worlds.tasks.create(a_task(state=TaskState.PROVISIONING, views=(), expires_at_s=NOW_S + 5))
    worlds.build.run(TASK_ID)
    worlds.clock.at_us += 6_000_000
    assert worlds.expire.run(Stopwatch(FakeClock(), budget_s=60)).done == (TASK_ID,)
    assert worlds.state() is TaskState.EXPIRED


def test_nothing_but_what_runs_statements_asks_the_gate():
    asking = {
        path.stem
        for path in (PACKAGE / "services").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "postern.services.gate"
    }
    assert asking == {"admission", "dry_run", "run_once", "run_services"}
