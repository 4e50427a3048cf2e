"""What tiles and bundles hold, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.errors import IntegrityError
from postern.tlog.bundles import MAX_ENTRY_BYTES, format_bundle, format_tile, parse_bundle, parse_tile
from postern.tlog.hashing import leaf_hash

ENTRIES = [b"{}", b"", b"\x00" * 258]

BUNDLE = b"".join(
    [
        b"\x00\x02",  # the first entry's length: 2 bytes, big-endian
        b"\x7b\x7d",  # its bytes: {}
        b"\x00\x00",  # the second entry is empty, which only its length shows
        b"\x01\x02",  # the third entry's length: 1 * 256 + 2
        b"\x00" * 258,  # its bytes; nothing follows the last
    ]
)

TILE = b"".join(
    [
        # SHA-256 of 00 7b 7d: the leaf that holds {}
        bytes.fromhex("28a3a18f6cd6406b086e9ffda1f9b8a13dbcf44b0f3f32cb9031a11fd053acf9"),
        # SHA-256 of 00: the leaf that holds nothing
        bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ]
)


def test_every_byte_of_a_bundle():
    assert format_bundle(ENTRIES) == BUNDLE
    assert parse_bundle(BUNDLE, 3) == ENTRIES


def test_every_byte_of_a_tile():
    hashes = [leaf_hash(entry) for entry in ENTRIES[:2]]
    assert format_tile(hashes) == TILE
    assert parse_tile(TILE, 2) == hashes


BAD_BUNDLES = {
    "nothing": (b"", 1),
    "entry-missing": (BUNDLE[:6], 3),
    "one-byte-short": (BUNDLE[:-1], 3),
    "half-a-length": (BUNDLE + b"\x00", 4),
    "length-alone": (BUNDLE + b"\x00\x01", 4),
    "byte-after": (BUNDLE + b"\x00", 3),
    "empty-entry-after": (BUNDLE + b"\x00\x00", 3),
    "newline-after": (BUNDLE + b"\n", 3),
    "fewer-than-it-holds": (BUNDLE, 2),
    "more-than-it-holds": (BUNDLE, 4),
    "length-too-large": (b"\xff\xff" + BUNDLE[2:], 3),
    "length-little-endian": (b"\x02\x00" + BUNDLE[2:], 3),
    "length-one-less": (b"\x00\x01" + BUNDLE[2:], 3),
    "width-0": (b"", 0),
    "width-257": (b"\x00\x00" * 257, 257),
    "negative-width": (b"", -1),
}


@pytest.mark.parametrize(("data", "width"), BAD_BUNDLES.values(), ids=BAD_BUNDLES.keys())
def test_refuses_a_bundle_that_does_not_come_out_exactly(data, width):
    with pytest.raises(IntegrityError) as refused:
        parse_bundle(data, width)
    assert refused.value.code == "evidence.malformed"


BAD_TILES = {
    "nothing": (b"", 1),
    "byte-short": (TILE[:-1], 2),
    "byte-after": (TILE + b"\x00", 2),
    "hash-after": (TILE + TILE[:32], 2),
    "hash-missing": (TILE[:32], 2),
    "width-0": (b"", 0),
    "width-257": (b"\x00" * 32 * 257, 257),
}


@pytest.mark.parametrize(("data", "width"), BAD_TILES.values(), ids=BAD_TILES.keys())
def test_refuses_a_tile_of_another_length(data, width):
    with pytest.raises(IntegrityError) as refused:
        parse_tile(data, width)
    assert refused.value.code == "evidence.malformed"


def test_an_entry_may_be_as_long_as_two_bytes_can_say_and_no_longer():
    longest = b"x" * MAX_ENTRY_BYTES
    assert parse_bundle(format_bundle([longest]), 1) == [longest]
    with pytest.raises(IntegrityError):
        format_bundle([longest + b"x"])


def test_a_full_tile_and_a_full_bundle_have_256():
    assert len(parse_bundle(b"\x00\x00" * 256, 256)) == len(parse_tile(b"\x00" * 8192, 256)) == 256


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_a_bundle_gives_back_its_entries(entries):
    assert parse_bundle(format_bundle(entries), len(entries)) == entries


@given(st.binary(max_size=12), st.integers(1, 4))
def test_no_two_bundles_hold_the_same_entries(data, width):
    try:
        entries = parse_bundle(data, width)
    except IntegrityError:
        return
    assert format_bundle(entries) == data
