from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.audit.times import format_time, parse_any_time, parse_time
from postern.errors import IntegrityError

YEAR_1_US = -62_135_596_800_000_000
YEAR_10000_US = 253_402_300_800_000_000


@pytest.mark.parametrize(
    ("time_us", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00.000000Z", id="epoch"),
        pytest.param(1, "1970-01-01T00:00:00.000001Z", id="one microsecond"),
        pytest.param(-1, "1969-12-31T23:59:59.999999Z", id="before the epoch"),
        pytest.param(1_795_341_600_000_000, "2026-11-22T10:00:00.000000Z", id="no fraction still has six digits"),
        pytest.param(YEAR_1_US, "0001-01-01T00:00:00.000000Z", id="first"),
        pytest.param(YEAR_10000_US - 1, "9999-12-31T23:59:59.999999Z", id="last"),
    ],
)
def test_known_times(time_us: int, text: str) -> None:
    assert format_time(time_us) == text
    assert parse_time(text) == time_us


@given(st.integers(YEAR_1_US, YEAR_10000_US - 1))
def test_what_is_written_is_read_back(time_us: int) -> None:
    assert parse_time(format_time(time_us)) == time_us


@pytest.mark.parametrize("time_us", [YEAR_1_US - 1, YEAR_10000_US, 10**40])
def test_refuses_to_write_a_time_outside_the_calendar(time_us: int) -> None:
    with pytest.raises(IntegrityError):
        format_time(time_us)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-11-22T10:00:00Z", id="no fraction"),
        pytest.param("2026-11-22T10:00:00.000Z", id="three digits"),
        pytest.param("2026-11-22T10:00:00.0000000Z", id="seven digits"),
        pytest.param("2026-11-22T10:00:00.000000+00:00", id="offset"),
        pytest.param("2026-11-22 10:00:00.000000Z", id="space"),
        pytest.param("2026-11-22t10:00:00.000000z", id="lower case"),
        pytest.param("2026-02-30T10:00:00.000000Z", id="no such day"),
        pytest.param("2026-11-22T24:00:00.000000Z", id="hour 24"),
        pytest.param("2026-11-22T23:59:60.000000Z", id="leap second"),
        pytest.param("2026-11-22T10:60:00.000000Z", id="minute 60"),
        pytest.param("２026-11-22T10:00:00.000000Z", id="a digit that is not ASCII"),
        pytest.param("2026-11-22T10:00:00.000000Z\n", id="line feed after it"),
    ],
)
def test_refuses_to_read(text: str) -> None:
    with pytest.raises(IntegrityError):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00.0Z",
        "2026-11-22T10:00:00+00:00",
        "2026-11-22T12:00:00.000000+02:00",
        "2026-11-22T04:30:00-05:30",
    ],
)
def test_reads_any_rfc_3339_time_of_a_listing(text: str) -> None:
    assert parse_any_time(text) == 1_795_341_600_000_000


@pytest.mark.parametrize("text", ["2026-11-22T10:00:00", "2026-11-22", "2026-11-22T10:00:00+99:99", "now"])
def test_refuses_a_listing_time_without_a_sound_offset(text: str) -> None:
    with pytest.raises(IntegrityError):
        parse_any_time(text)
