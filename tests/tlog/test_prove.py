"""Proofs made from tiles, against the definition and against what checks them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.errors import IntegrityError
from postern.tlog.append import append
from postern.tlog.hashing import EMPTY_ROOT, leaf_hash
from postern.tlog.proofs import verify_consistency, verify_inclusion
from postern.tlog.prove import prove_consistency, prove_inclusion
from tests.support.rfc6962 import path_of, proof_of, root_of

LARGEST = 1_200
ENTRIES = [b"%d" % number for number in range(LARGEST)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def stored(size: int) -> dict[str, bytes]:
    return dict(append(0, EMPTY_ROOT, {}.__getitem__, ENTRIES[:size]).writes)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, LARGEST), st.data())
def test_proves_inclusion_as_the_definition_does(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(index, size, stored(size).__getitem__)
    assert proof == path_of(index, LEAVES[:size])
    verify_inclusion(index, size, LEAVES[index], proof, root_of(LEAVES[:size]))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, LARGEST), st.data())
def test_proves_consistency_as_the_definition_does(larger, data):
    size = data.draw(st.integers(1, larger))
    proof = prove_consistency(size, larger, stored(larger).__getitem__)
    assert proof == proof_of(size, LEAVES[:larger])
    verify_consistency(size, larger, root_of(LEAVES[:size]), root_of(LEAVES[:larger]), proof)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513])
def test_proves_the_first_and_the_last_leaf(size):
    objects, root = stored(size), root_of(LEAVES[:size])
    for index in {0, size // 2, size - 1}:
        verify_inclusion(index, size, LEAVES[index], prove_inclusion(index, size, objects.__getitem__), root)


def test_a_large_tree_is_proved_through_three_levels_of_tiles():
    entries = [b"%d" % number for number in range(66_000)]
    appended = append(0, EMPTY_ROOT, {}.__getitem__, entries)
    for index in (0, 255, 256, 65_535, 65_536, 65_999):
        read: list[str] = []

        def reading(path: str, seen: list[str] = read) -> bytes:
            seen.append(path)
            return appended.writes[path]

        proof = prove_inclusion(index, 66_000, reading)
        verify_inclusion(index, 66_000, leaf_hash(entries[index]), proof, appended.root)
        assert len(read) == len(set(read)) <= 4, "each tile is read once"


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (6, 5)], ids=str)
def test_refuses_to_prove_a_leaf_that_is_not_there(index, size):
    with pytest.raises(IntegrityError) as refused:
        prove_inclusion(index, size, stored(5).__getitem__)
    assert refused.value.code == "evidence.proof"


@pytest.mark.parametrize(("size", "larger"), [(0, 5), (-1, 5), (6, 5), (1, 0)], ids=str)
def test_refuses_to_prove_a_tree_that_is_no_earlier_one(size, larger):
    with pytest.raises(IntegrityError) as refused:
        prove_consistency(size, larger, stored(5).__getitem__)
    assert refused.value.code == "evidence.proof"


def test_a_proof_from_a_changed_tile_does_not_hold():
    objects = stored(300)
    objects["tile/0/000"] = b"\xff" + objects["tile/0/000"][1:]
    with pytest.raises(IntegrityError):
        verify_inclusion(1, 300, LEAVES[1], prove_inclusion(1, 300, objects.__getitem__), root_of(LEAVES[:300]))


def test_refuses_a_tile_of_another_length():
    objects = stored(300)
    objects["tile/0/000"] += b"\0"
    with pytest.raises(IntegrityError):
        prove_inclusion(1, 300, objects.__getitem__)
