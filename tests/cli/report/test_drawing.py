"""Pictures, steps of a period and samples, each by itself."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from postern_cli.evidence.period import Period, parse_period
from postern_cli.evidence.words import counted, shown
from postern_cli.report import svg
from postern_cli.report.calendar_steps import steps
from postern_cli.report.sampling import Sample
from postern_cli.report.svg import Bar
from postern_cli.report.tables import top

PICTURES = {
    "bars": svg.bars("a title", [Bar("one", (3, 1)), Bar("two", (0, 0))], ("x", "y")),
    "no bars": svg.bars("a title", []),
    "columns": svg.columns("a title", [Bar("one", (3, 1)), Bar("two", (0, 7))], ("x", "y")),
    "heat map": svg.heat_map("a title", [("Mon", [0, 1, 9]), ("Tue", [0, 0, 0])], ["00", "01", "02"]),
}


@pytest.mark.parametrize("drawn", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_well_formed_and_has_a_name_and_no_attribute_that_could_act(drawn):
    root = ET.fromstring(str(drawn))

    assert (root.get("role"), root.get("aria-label")) == ("img", "a title")
    assert not re.search(r" (style|on\w+|href)=", str(drawn))


@pytest.mark.parametrize("name", ["bars", "columns"])
def test_the_longest_bar_stays_within_the_picture(name):
    drawn = getattr(svg, name)("t", [Bar("most", (10**15, 10**15)), Bar("least", (1, 0))], ("x", "y"))
    for x, width in re.findall(r'<rect class="s\d" x="([\d.]+)"[^>]* width="([\d.]+)"', str(drawn)):
        assert float(x) + float(width) <= svg.WIDTH


def test_a_label_is_escaped_and_cut():
    drawn = str(svg.bars("t", [Bar("<b>" + "x" * 500, (1,))]))
    assert "<b>" not in drawn
    assert len(drawn) < 1200


def test_the_darkest_cell_is_the_most_and_an_empty_one_is_empty():
    drawn = str(PICTURES["heat map"])
    assert re.findall(r'class="(h\d)"', drawn) == ["h0", "h1", "h6", "h0", "h0", "h0"]


STEPS = {
    "days": ("2026-03-03", "2026-03-06", "day", ["2026-03-03", "2026-03-04", "2026-03-05"]),
    "a part of a day": ("2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z", "day", ["2026-03-03"]),
    "the end within a day": ("2026-03-03", "2026-03-04T00:00:00.000001Z", "day", ["2026-03-03", "2026-03-04"]),
    "a leap day": ("2024-02-28", "2024-03-02", "day", ["2024-02-28", "2024-02-29", "2024-03-01"]),
}


@pytest.mark.parametrize(("begin", "end", "unit", "labels"), STEPS.values(), ids=STEPS)
def test_a_short_period_has_a_step_for_each_day(begin, end, unit, labels):
    assert steps(parse_period(begin, end), [])[:2] == (unit, labels)


UNITS = {"day": "2026-03-01", "week": "2026-06-01", "month": "2028-01-01", "year": "2046-01-01"}


@pytest.mark.parametrize(("unit", "end"), UNITS.items(), ids=UNITS)
def test_a_long_period_has_steps_that_fit_and_every_day_falls_into_one(unit, end):
    told, labels, step_of = steps(parse_period("2026-01-01", end), [])

    assert told == unit
    assert len(labels) <= 62
    assert {step_of(day) for day in ("2026-01-01", "2026-01-04", "2026-02-28")} <= set(labels)


def test_a_period_of_all_time_has_only_years_with_records():
    all_time = Period("0001-01-01T00:00:00.000000Z", "9999-12-31T00:00:00.000000Z")
    assert steps(all_time, ["2026-03-01", "2024-01-01"])[1] == ["2024", "2026"]


def test_a_sample_is_the_same_in_whatever_order_rows_are_offered():
    drawn = []
    for order in (range(500), reversed(range(500))):
        sample = Sample("s", "p", 10)
        for index in order:
            sample.offer("log", index, ())
        drawn.append([one.index for one in sample])

    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 10


def test_a_sample_takes_every_row_about_as_often():
    """2,000 draws of 5 of 50: each row is taken some 200 times; seeds are fixed, so this cannot fail by chance."""
    taken = [0] * 50
    for seed in range(2000):
        sample = Sample(str(seed), "p", 5)
        for index in range(50):
            sample.offer("log", index, ())
        for one in sample:
            taken[one.index] += 1
    assert all(130 < count < 270 for count in taken)


def test_what_does_not_fit_is_one_row_of_others():
    assert top([("a", 3, 1), ("b", 2, 1), ("c", 1, 1)], 1) == ([("a", [3, 1]), ("2 others", [3, 2])], 2)


def test_words_are_printable_and_bounded():
    assert shown("a\x00\u202eb", 10) == "a\\x00\\u202eb"
    assert shown("x" * 20, 4) == "xxxx … [20 characters]"
    assert (counted(1, "task"), counted(2000, "task")) == ("1 task", "2,000 tasks")
