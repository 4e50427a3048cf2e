from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.audit.ids import MAX_TIME_MS, uuid7, uuid7_time_ms
from postern.errors import IntegrityError

# RFC 9562 appendix A.6: 2022-02-22T19:22:22Z, rand_a CC3, rand_b 18C4DC0C0C07398F.
RFC_ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
RFC_TIME_MS = 0x017F22E279B0


def test_makes_the_uuid_of_rfc_9562_appendix_a_6() -> None:
    assert uuid7(RFC_TIME_MS * 1000, bytes.fromhex("0cc318c4dc0c0c07398f")) == RFC_ID


def test_reads_the_time_of_the_uuid_of_rfc_9562_appendix_a_6() -> None:
    assert uuid7_time_ms(RFC_ID) == RFC_TIME_MS


def test_rounds_down_to_the_millisecond() -> None:
    assert uuid7_time_ms(uuid7(RFC_TIME_MS * 1000 + 999, bytes(10))) == RFC_TIME_MS


@given(st.integers(0, MAX_TIME_MS), st.binary(min_size=10, max_size=10))
def test_every_time_and_randomness_gives_a_uuid_of_version_7(time_ms: int, random: bytes) -> None:
    made = uuid7(time_ms * 1000, random)

    parsed = uuid.UUID(made)
    assert (parsed.version, parsed.variant, str(parsed)) == (7, uuid.RFC_4122, made)
    assert uuid7_time_ms(made) == time_ms


def test_later_ids_sort_after_earlier_ones() -> None:
    assert uuid7(1_000_000, b"\xff" * 10) < uuid7(1_001_000, bytes(10))


@pytest.mark.parametrize(
    ("now_us", "random"),
    [
        pytest.param(0, bytes(9), id="too little randomness"),
        pytest.param(0, bytes(16), id="too much randomness"),
        pytest.param(-1, bytes(10), id="before the epoch"),
        pytest.param((MAX_TIME_MS + 1) * 1000, bytes(10), id="past 48 bits"),
    ],
)
def test_refuses_to_make(now_us: int, random: bytes) -> None:
    with pytest.raises(ValueError, match="uuid7: expected"):
        uuid7(now_us, random)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(RFC_ID.upper(), id="upper case"),
        pytest.param(RFC_ID.replace("-", ""), id="without dashes"),
        pytest.param("{" + RFC_ID + "}", id="braces"),
        pytest.param(RFC_ID + "\n", id="line feed after it"),
        pytest.param("017f22e2-79b0-4cc3-98c4-dc0c0c07398f", id="version 4"),
        pytest.param("017f22e2-79b0-7cc3-c8c4-dc0c0c07398f", id="other variant"),
        pytest.param("017f22e2-79b0-7cc3-98c4-dc0c0c07398٣", id="a digit that is not ASCII"),
        pytest.param("017f22e2-79b0-7cc3-98c4-dc0c0c07398g", id="not hexadecimal"),
        pytest.param("../../../etc/passwd", id="a path"),
    ],
)
def test_refuses_to_read(text: str) -> None:
    with pytest.raises(IntegrityError, match="UUIDv7"):
        uuid7_time_ms(text)
