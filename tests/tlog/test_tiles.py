"""Paths of tiles and bundles, and which of them a tree of some size is stored in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.errors import IntegrityError
from postern.tlog.spelling import MAX_SIZE
from postern.tlog.tiles import Bundle, Tile, edge_of, format_path, parse_path, paths_of, tile_at

PATHS = {
    "tile/0/000": Tile(0, 0),
    "tile/0/001": Tile(0, 1),
    "tile/0/999": Tile(0, 999),
    "tile/0/x001/000": Tile(0, 1000),
    "tile/3/x001/x234/067": Tile(3, 1234067),  # the specification's own example of an index
    "tile/entries/x001/x234/067": Bundle(1234067),
    "tile/entries/000": Bundle(0),
    "tile/0/000.p/1": Tile(0, 0, 1),
    "tile/1/001.p/17": Tile(1, 1, 17),
    "tile/entries/273.p/112": Bundle(273, 112),
    "tile/0/x001/000.p/255": Tile(0, 1000, 255),
    "tile/7/000.p/127": Tile(7, 0, 127),
    "tile/0/x036/x028/x797/x018/x963/967.p/255": Tile(0, 36028797018963967, 255),  # the last of the largest tree
}


@pytest.mark.parametrize(("path", "part"), PATHS.items(), ids=PATHS.keys())
def test_a_path_and_what_it_names_follow_from_each_other(path, part):
    assert format_path(part) == path
    assert parse_path(path) == part


NO_PATHS = [
    "",
    "checkpoint",
    "tile",
    "tile/",
    "tile/0",
    "tile/0/",
    "/tile/0/000",
    "tile/0/000/",
    "tile//000",
    "Tile/0/000",
    "tile/entry/000",
    "tile/Entries/000",
    "tile/00/000",
    "tile/01/000",
    "tile/+1/000",
    "tile/-1/000",
    "tile/ 0/000",
    "tile/8/000",
    "tile/8/000.p/1",
    "tile/63/000.p/1",
    "tile/64/000",
    "tile/100/000",
    "tile/8/0/000",  # with the tile's height, as the Go checksum database writes it
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/1000",
    "tile/0/x000/001",
    "tile/0/x001",
    "tile/0/x001/",
    "tile/0/x001/x000",
    "tile/0/001/000",
    "tile/0/X001/000",
    "tile/0/x1/000",
    "tile/0/x0001/000",
    "tile/0/xx01/000",
    "tile/0/x001//000",
    "tile/0/-01",
    "tile/0/+01",
    "tile/0/ 01",
    "tile/0/0a1",
    "tile/0/٠٠١",
    "tile/0/000\n",
    "tile/0/000 ",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/00",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/1000",
    "tile/0/000.p/-1",
    "tile/0/000.p/+1",
    "tile/0/000.p/1 ",
    "tile/0/000.p/1\n",
    "tile/0/000.p/1/1",
    "tile/entries/000.p/0",
    "tile/entries/000.p/256",
    "tile/entries/x000/001",
    "tile/entries/x036/x028/x797/x018/x963/967",
    "tile/0/000.P/1",
    "tile/0/000p/1",
    "tile/0/000.p/1.p/1",
    "tile/0/x999/x999/x999/x999/x999/999",  # more leaves than a tree can have
    "tile/0/x001/x000/x000/x000/x000/x000/000",
    "tile/0/x036/x028/x797/x018/x963/967",
    "tile/0/x001/x000/x000/x000/x000/x000/x000/x000/000",
    "tile/7/001",
    "tile/7/000",
    "tile/../tile/0/000",
    "tile/0/./000",
]


def test_refuses_every_other_path():
    read = {path: told for path in NO_PATHS if (told := _outcome(path)) != "evidence.malformed"}
    assert read == {}


def _outcome(path: str) -> object:
    """What the path was read as; the code with which it was refused."""
    try:
        return parse_path(path)
    except IntegrityError as refused:
        return refused.code
    except Exception as error:  # noqa: BLE001 - any other is a wrong answer, told with its path
        return error


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257), (0, 0, -1), (8, 0, 1), (99999, 0, 1), (0, 2**55, 1), (7, 0, 128)],
    ids=str,
)
def test_refuses_a_tile_that_no_tree_has(level, index, width):
    with pytest.raises(IntegrityError):
        Tile(level, index, width)


@pytest.mark.parametrize(("index", "width"), [(-1, 1), (0, 0), (0, 257), (2**55, 1)], ids=str)
def test_refuses_a_bundle_that_no_tree_has(index, width):
    with pytest.raises(IntegrityError):
        Bundle(index, width)


def test_the_specifications_tree_is_stored_as_it_says():
    """70,000 leaves: 273 full tiles of level 0, one of width 112, one full of level 1, one of width 17, one of 1."""
    tiles = [part for part in paths_of(70_000) if isinstance(part, Tile)]
    assert [part for part in tiles if part.level == 0] == [*(Tile(0, index) for index in range(273)), Tile(0, 273, 112)]
    assert [part for part in tiles if part.level > 0] == [Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(edge_of(70_000)) == [Bundle(273, 112), Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


@pytest.mark.parametrize(
    ("size", "paths"),
    [
        (0, []),
        (1, ["tile/entries/000.p/1", "tile/0/000.p/1"]),
        (255, ["tile/entries/000.p/255", "tile/0/000.p/255"]),
        (256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (257, ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]),
    ],
    ids=str,
)
def test_a_small_tree_is_stored_in_these_paths(size, paths):
    assert [format_path(part) for part in paths_of(size)] == paths


def test_a_full_tile_gets_a_level_above_it_at_once():
    assert list(paths_of(65_536))[-2:] == [Tile(1, 0), Tile(2, 0, 1)]
    assert list(edge_of(65_536)) == [Tile(2, 0, 1)]


@given(st.integers(0, 3_000))
def test_the_right_edge_is_what_is_partial(size):
    assert list(edge_of(size)) == [part for part in paths_of(size) if part.width < 256]


@given(st.integers(0, MAX_SIZE))
def test_every_path_of_the_right_edge_is_read_back(size):
    for part in edge_of(size):
        assert parse_path(format_path(part)) == part
        if isinstance(part, Tile):
            assert tile_at(part.level, part.index, size) == part


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1])
def test_refuses_a_size_that_no_tree_has(size):
    with pytest.raises(IntegrityError):
        list(edge_of(size))


@pytest.mark.parametrize(("level", "index", "size"), [(0, 1, 256), (1, 0, 255), (0, 0, 0), (2, 0, 65_535)], ids=str)
def test_refuses_a_tile_that_this_tree_has_not(level, index, size):
    with pytest.raises(IntegrityError):
        tile_at(level, index, size)
