from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.audit import versions
from postern.audit.versions import Version, format_version, parse_version
from postern.errors import IntegrityError
from postern.types import Sha256Hex

VERSION = Version(
    key="wal/v1/x",
    version_id="3HL4kqtJlcpXroDTDmJ",
    is_latest=True,
    delete_marker=False,
    size=17,
    sha256=Sha256Hex("a" * 64),
    last_modified_us=1_795_341_600_000_000,
    retain_until_us=1_795_428_000_000_000,
    mode="COMPLIANCE",
)
MARKER = Version("wal/v1/x", "null", is_latest=True, delete_marker=True, size=None, sha256=None,
                 last_modified_us=1_795_341_600_000_000, retain_until_us=None, mode=None)  # fmt: skip
GOLDEN = (
    '{"delete_marker":false,"is_latest":true,"key":"wal/v1/x","last_modified":"2026-11-22T10:00:00.000000Z",'
    f'"mode":"COMPLIANCE","retain_until":"2026-11-23T10:00:00.000000Z","sha256":"{"a" * 64}","size":17,'
    '"version_id":"3HL4kqtJlcpXroDTDmJ"}'
).encode()


def test_golden_line() -> None:
    assert format_version(VERSION) == GOLDEN


@pytest.mark.parametrize("version", [VERSION, MARKER], ids=["object", "delete marker"])
def test_what_is_written_is_read_back(version: Version) -> None:
    assert parse_version(format_version(version)) == version


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1024))
def test_any_key_survives_its_line(key: str) -> None:
    line = format_version(Version(key, "1", True, True, None, None, 1_795_341_600_000_000, None, None))

    assert b"\n" not in line
    assert parse_version(line).key == key


def row(**members: object) -> bytes:
    return json.dumps({**json.loads(GOLDEN), **members}).encode()


def test_reads_a_line_in_any_order_with_other_times_and_new_members() -> None:
    line = row(last_modified="2026-11-22T12:00:00+02:00", storage_class="STANDARD")

    assert parse_version(b" " + line) == VERSION


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no members"),
        pytest.param(b"[]", id="an array"),
        pytest.param(GOLDEN[:-1], id="cut off"),
        pytest.param(GOLDEN[:-1] + b',"key":"wal/v1/y"}', id="a member twice"),
        pytest.param(row(size=1.5), id="a float"),
        pytest.param(row(size=-1), id="a negative size"),
        pytest.param(row(size=True), id="true for a size"),
        pytest.param(row(size=None), id="an object without size"),
        pytest.param(row(sha256="A" * 64), id="an upper-case digest"),
        pytest.param(row(sha256=None), id="an object without digest"),
        pytest.param(row(is_latest=1), id="1 for true"),
        pytest.param(row(delete_marker="false"), id="text for false"),
        pytest.param(row(delete_marker=True), id="a delete marker with bytes"),
        pytest.param(row(last_modified="yesterday"), id="no time"),
        pytest.param(row(last_modified=None), id="a null time"),
        pytest.param(row(retain_until=7), id="a lock until a number"),
        pytest.param(row(mode=7), id="a mode that is a number"),
        pytest.param(row(key=None), id="no key"),
        pytest.param(row(key="\ud800"), id="a key that is not Unicode"),
        pytest.param(row(version_id=None), id="no version id"),
        pytest.param(row(key="x" * 20_000), id="a line too long"),
    ],
)
def test_refuses(line: bytes) -> None:
    with pytest.raises(IntegrityError) as refused:
        parse_version(line)

    assert refused.value.code == "evidence.malformed"


# What the quick way takes, the exact way takes as well, and reads the same.

SPOILERS = [b"", b" ", b"\t", b"\n", b"0", b"2", b"6", b"9", b"-", b".5", b'"', b"\\", b",", b"{", b"\x00", b"\x7f"]
SPOILERS += [b"\xe9", b'"key":"x",', b',"key":"x"', "\u0131".encode(), b"e3", b"null", b"true"]


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_the_quick_way_to_read_a_line_reads_what_the_exact_way_reads(spoiler: bytes) -> None:
    """Put in at every place, and in place of every byte."""
    for at in range(len(GOLDEN) + 1):
        for rest in (at, at + 1):
            line = GOLDEN[:at] + spoiler + GOLDEN[rest:]
            assert read_by(parse_version, line) == read_by(versions._parse_any, line), line


def read_by(parse: Callable[[bytes], Version], line: bytes) -> Version | None:
    try:
        return parse(line)
    except IntegrityError:
        return None


def test_a_line_as_pull_writes_it_is_read_the_quick_way() -> None:
    assert versions._parse_usual(GOLDEN) == VERSION
