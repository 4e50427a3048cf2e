"""The pages quote what the scripts print, and the simulation behaves as what it simulates."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import cost, pages, scale, standing
from bench.scale_bounds import BOUNDS, Asked


def test_scale_quotes_the_simulation() -> None:
    assert pages.quoted("scale.md", "bench.scale") == scale.tables()


def test_cost_quotes_what_stands_in_the_templates() -> None:
    assert pages.quoted("cost.md", "bench.standing") == standing.tables()


def test_cost_quotes_a_load_as_it_is_counted() -> None:
    """The cheapest load alone: `make figures` holds the whole page."""
    load = cost.Load("1 a minute, 5 s", 1 / 60, 5, 128)
    signed = cost.simulate(load).units[cost.Priced.SIGN] * cost.Priced.SIGN.value.per_million
    lines = pages.quoted("cost.md", "bench.cost").splitlines()
    row = next(line for line in lines if line.startswith("| KMS asymmetric Sign (Ed25519) |  |"))
    assert f"| {signed:,.2f} (1) |" in row


def test_every_part_that_is_asked_has_a_bound() -> None:
    assert {bound.asked for bound in BOUNDS} == set(Asked)


class TestPublish:
    PAGE = "before\n<!-- begin: python -m bench.x --write -->\n\nold\n\n<!-- end -->\nafter\n"

    @pytest.fixture(autouse=True)
    def _page(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "DOCS", tmp_path)
        (tmp_path / "x.md").write_text(self.PAGE)

    def test_check_fails_where_the_page_has_another_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["x", "--check"])
        with pytest.raises(SystemExit, match=r"docs/x\.md: expected what"):
            pages.publish("x.md", "bench.x", "new")

    def test_write_puts_it_between_the_marks_and_nowhere_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.argv", ["x", "--write"])
        pages.publish("x.md", "bench.x", "new")
        assert (tmp_path / "x.md").read_text() == self.PAGE.replace("old", "new")

    def test_a_page_without_marks_is_refused(self) -> None:
        with pytest.raises(ValueError, match="got no such marks"):
            pages.quoted("x.md", "bench.y")


class TestConnections:
    def test_one_task_alone_keeps_its_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scale, "THINK_S", 0.0)
        assert scale.connections(0.1, statements=2_000).opened < 0.05

    def test_many_tasks_on_few_environments_open_anew(self) -> None:
        assert scale.connections(100, statements=4_000).opened > 0.95

    def test_environments_grow_with_the_rate(self) -> None:
        few, many = (scale.connections(rate, statements=4_000).environments for rate in (10, 1_000))
        assert few < 20 < 100 < many

    def test_another_seed_tells_the_same_story(self) -> None:
        shares = [scale.connections(50, statements=6_000, seed=seed).opened for seed in (1, 2, 3)]
        assert max(shares) - min(shares) < 0.02
