from __future__ import annotations

import pytest

from postern.errors import IntegrityError
from postern.statement_text.padding import STEP_BYTES, pad, rounded_up, unpad


@pytest.mark.parametrize(
    ("length", "told"), [(0, 0), (1, 256), (255, 256), (256, 256), (257, 512), (1_000_000, 1_000_192)]
)
def test_a_length_is_told_in_steps(length, told):
    assert rounded_up(length) == told


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        b"\x80",
        b"\0\0",
        b"\x80\0\x80\0",
        b"a" * 254,
        b"a" * 255,
        b"a" * 256,
        b"\0" * 300,
        "ö".encode() * 200,
    ],
)
def test_what_was_padded_comes_back(data):
    padded = pad(data)
    assert len(padded) % STEP_BYTES == 0
    assert len(data) < len(padded) <= len(data) + STEP_BYTES
    assert unpad(padded) == data


@pytest.mark.parametrize(
    "padded",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(256), id="no-mark"),
        pytest.param(b"a" * 255 + b"b", id="no-padding"),
        pytest.param(pad(b"abc")[:-1], id="shorter"),
        pytest.param(pad(b"abc") + bytes(256), id="a-step-more"),
        pytest.param(pad(b"abc")[:-1] + b"\1", id="something-behind-the-mark"),
    ],
)
def test_refuses_padding_of_another_form(padded):
    with pytest.raises(IntegrityError) as caught:
        unpad(padded)
    assert caught.value.code == "evidence.malformed"
