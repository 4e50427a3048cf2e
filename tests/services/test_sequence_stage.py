"""The bytes of a stage, and what is not one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from postern.errors import IntegrityError
from postern.log_ports import Head
from postern.services.stage import MAX_ENTRIES, Stage, check_continues, format_stage, parse_stage, stage_path
from postern.tlog.hashing import Hash, leaf_hash

STAGE = Stage("prod-2026", 5, leaf_hash(b"5"), ("wal/a", "wal/☃"), (b"one", b""), closes=False)
BYTES = (
    b'{"closes":false,'  # canonical JSON: names in order, no white space
    b'"from":{"root":"' + leaf_hash(b"5").hex().encode() + b'","size":5},'
    b'"keys":["wal/a","wal/\xe2\x98\x83"],'  # UTF-8, not escaped
    b'"log":"prod-2026",'
    b'"v":1}'
    b"\n"
    b"\x00\x03one"  # the bundle: a length in two bytes, big-endian, and the entry
    b"\x00\x00"  # an entry of nothing
)


def test_the_bytes_of_a_stage_are_these():
    assert format_stage(STAGE) == BYTES


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(STAGE, id="two entries"),
        pytest.param(replace(STAGE, closes=True), id="closing"),
        pytest.param(replace(STAGE, size=0), id="the first"),
        pytest.param(replace(STAGE, entries=(b"\n" * 9, b"x" * 65_535)), id="line feeds, and the longest"),
        pytest.param(replace(STAGE, keys=("\n\x01", "é" * 512)), id="strange keys"),
        pytest.param(
            replace(STAGE, keys=tuple(f"{n}" for n in range(MAX_ENTRIES)), entries=(b"",) * MAX_ENTRIES), id="the most"
        ),
    ],
)
def test_what_is_formatted_is_read_back(stage):
    assert parse_stage(format_stage(stage)) == stage


def test_positions_go_on_from_the_tree_that_it_continues():
    assert STAGE.positions() == {"wal/a": 5, "wal/☃": 6}


def test_a_stage_lies_under_the_tree_that_it_leads_to():
    head = Head("prod-2026", 7, Hash(b"\xab" * 32), is_applied=False)
    assert stage_path(head) == f"stage/7-{'ab' * 32}"


@pytest.mark.parametrize("count", [0, MAX_ENTRIES + 1])
def test_a_stage_has_entries_and_not_more_than_a_bundle(count):
    with pytest.raises(IntegrityError):
        replace(STAGE, keys=("k",) * count, entries=(b"",) * count)


def test_a_stage_has_an_entry_for_each_key():
    with pytest.raises(IntegrityError):
        replace(STAGE, entries=(b"one",))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"log": "x"}, id="log"),
        pytest.param({"size": 6}, id="size"),
        pytest.param({"root": b""}, id="root"),
    ],
)
def test_a_stage_continues_exactly_one_tree(change):
    head = Head("prod-2026", 5, leaf_hash(b"5"), is_applied=True)
    check_continues(STAGE, head)
    with pytest.raises(IntegrityError):
        check_continues(replace(STAGE, **change), head)


def spoiled(**members: Any) -> bytes:
    header, _, bundle = BYTES.partition(b"\n")
    changed = {**json.loads(header), **members}
    text = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode() + b"\n" + bundle


def test_what_spoils_nothing_is_a_stage():
    assert spoiled() == BYTES


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(BYTES[:-1], id="cut short"),
        pytest.param(BYTES + b"\x00", id="trailing byte"),
        pytest.param(BYTES.replace(b'"v":1}', b'"v":1} '), id="white space"),
        pytest.param(BYTES.replace(b"\n", b"", 1), id="no line feed"),
        pytest.param(spoiled(v=2), id="another version"),
        pytest.param(spoiled(v=True), id="version true"),
        pytest.param(spoiled(closes=0), id="closes 0"),
        pytest.param(spoiled(log=None), id="no log"),
        pytest.param(spoiled(keys=["wal/a"]), id="fewer keys"),
        pytest.param(spoiled(keys=["wal/a", "b", "c"]), id="more keys"),
        pytest.param(spoiled(keys=["wal/a", 3]), id="a key that is no text"),
        pytest.param(spoiled(keys="ab"), id="keys that are no list"),
        pytest.param(spoiled(extra=1), id="another member"),
        pytest.param(spoiled(**{"from": {"size": 5}}), id="no root"),
        pytest.param(spoiled(**{"from": {"size": -1, "root": "00" * 32}}), id="a size below zero"),
        pytest.param(spoiled(**{"from": {"size": True, "root": "00" * 32}}), id="size true"),
        pytest.param(spoiled(**{"from": {"size": 5, "root": "AB" * 32}}), id="a root in capitals"),
        pytest.param(spoiled(**{"from": {"size": 5, "root": "00" * 31}}), id="a short root"),
    ],
)
def test_anything_else_is_not_a_stage(data):
    with pytest.raises(IntegrityError):
        parse_stage(data)
