"""How a stored tree grows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.errors import IntegrityError
from postern.tlog.append import append
from postern.tlog.bundles import parse_bundle, parse_tile
from postern.tlog.hashing import EMPTY_ROOT, Hash, leaf_hash
from postern.tlog.tiles import Bundle, edge_of, format_path, parse_path, paths_of
from tests.support.rfc6962 import root_of


@dataclass
class Stored:
    """A bucket in which a path, once written, never changes."""

    size: int = 0
    root: Hash = EMPTY_ROOT
    objects: dict[str, bytes] = field(default_factory=dict)

    def grow(self, entries: list[bytes]) -> None:
        appended = append(self.size, self.root, self.objects.__getitem__, entries)
        for path, data in appended.writes.items():
            assert path not in self.objects, f"{path} was there already"
            self.objects[path] = data
        self.size, self.root = appended.size, appended.root


def entries_from(start: int, count: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(start, start + count)]


def grown(*batches: int) -> Stored:
    stored = Stored()
    for batch in batches:
        stored.grow(entries_from(stored.size, batch))
    return stored


def check_whole(stored: Stored) -> None:
    """Everything the tree is stored in is there, and is what the definition says."""
    entries = entries_from(0, stored.size)
    leaves = [leaf_hash(entry) for entry in entries]
    assert stored.root == root_of(leaves)
    for part in paths_of(stored.size):
        data, begin = stored.objects[format_path(part)], part.index * 256
        if isinstance(part, Bundle):
            assert parse_bundle(data, part.width) == entries[begin : begin + part.width]
            continue
        span = 256**part.level
        hashes = [root_of(leaves[at * span : (at + 1) * span]) for at in range(begin, begin + part.width)]
        assert parse_tile(data, part.width) == hashes


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=6))
def test_a_tree_grown_in_any_batches_is_that_of_the_definition(batches):
    check_whole(grown(*batches))


@pytest.mark.parametrize("batches", [(1,), (255, 1), (256,), (256, 1), (1, 511), (255, 2, 255)], ids=str)
def test_a_tree_is_whole_at_the_edges_of_its_tiles(batches):
    check_whole(grown(*batches))


def test_writes_what_the_old_tree_had_not_and_only_that():
    stored = grown(300)
    appended = append(stored.size, stored.root, stored.objects.__getitem__, entries_from(300, 3))
    assert sorted(appended.writes) == ["tile/0/001.p/47", "tile/entries/001.p/47"]
    assert [str(path) for path in appended.writes if parse_path(path).width == 256] == []


def test_nothing_to_append_changes_and_writes_nothing():
    stored = grown(300)
    appended = append(stored.size, stored.root, stored.objects.__getitem__, [])
    assert (appended.size, appended.root, dict(appended.writes)) == (300, stored.root, {})


def test_the_empty_tree_needs_nothing_to_be_read():
    appended = append(0, EMPTY_ROOT, {}.__getitem__, [b"first"])
    assert (appended.size, appended.root) == (1, leaf_hash(b"first"))
    assert dict(appended.writes) == {
        "tile/entries/000.p/1": b"\x00\x05first",
        "tile/0/000.p/1": leaf_hash(b"first"),
    }


def test_the_same_batch_gives_the_same_writes():
    stored = grown(300)
    twice = [append(300, stored.root, stored.objects.__getitem__, entries_from(300, 600)) for _ in range(2)]
    assert twice[0] == twice[1]


EDGE = [format_path(part) for part in edge_of(70_000)]


@pytest.fixture(scope="module")
def large() -> Stored:
    return grown(65_530, 5, 1, 4_464)


def test_a_tree_gets_its_third_level_of_tiles(large):
    first = root_of([leaf_hash(one) for one in entries_from(0, 65_536)])
    assert large.objects["tile/2/000.p/1"] == first
    assert {path for path in large.objects if path.startswith("tile/1/")} == {
        "tile/1/000.p/255",
        "tile/1/000",
        "tile/1/001.p/17",
    }


def test_reads_the_partial_tiles_and_the_partial_bundle_and_nothing_else(large):
    read = []

    def reading(path: str) -> bytes:
        read.append(path)
        return large.objects[path]

    append(large.size, large.root, reading, entries_from(70_000, 1))
    assert read == EDGE


@pytest.mark.parametrize("path", EDGE)
def test_refuses_to_continue_a_tree_of_which_any_byte_changed(large, path):
    changed = bytearray(large.objects[path])
    changed[-1] ^= 1
    with pytest.raises(IntegrityError) as refused:
        append(70_000, large.root, {**large.objects, path: bytes(changed)}.__getitem__, [b"next"])
    assert refused.value.code == "evidence.tile"


@pytest.mark.parametrize("path", EDGE)
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"], ids=["shorter", "longer"])
def test_refuses_to_continue_a_tree_from_a_part_of_another_length(large, path, change):
    with pytest.raises(IntegrityError) as refused:
        append(70_000, large.root, {**large.objects, path: change(large.objects[path])}.__getitem__, [b"next"])
    assert refused.value.code == "evidence.malformed"


@pytest.mark.parametrize(("size", "root"), [(0, leaf_hash(b"x")), (69_999, None), (70_000, EMPTY_ROOT)], ids=str)
def test_refuses_to_continue_another_tree_than_is_stored(large, size, root):
    objects = {format_path(part): large.objects.get(format_path(part), b"") for part in edge_of(size)}
    with pytest.raises(IntegrityError):
        append(size, root or large.root, objects.__getitem__, [b"next"])


def test_refuses_an_entry_that_no_bundle_can_hold():
    with pytest.raises(IntegrityError):
        append(0, EMPTY_ROOT, {}.__getitem__, [b"x" * 65_536])
