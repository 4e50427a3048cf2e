"""Known answers of another implementation (transparency-dev/merkle), and trees of our own against the definition."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postern.errors import IntegrityError
from postern.tlog.compact_range import CompactRange
from postern.tlog.hashing import EMPTY_ROOT, Hash, leaf_hash
from postern.tlog.proofs import verify_consistency, verify_inclusion
from tests.support.rfc6962 import path_of, proof_of, root_of

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "rfc6962"


def vectors(folder: str) -> dict[str, Any]:
    """Known answers by the names of their files."""
    found = sorted((VECTORS / folder).rglob("*.json"))
    if not found and not os.environ.get("CI"):
        pytest.skip(f"known answers are missing: expected them at {VECTORS}")
    assert len(found) == 98, f"{VECTORS / folder}: expected 98 known answers"
    return {str(path.relative_to(VECTORS / folder).with_suffix("")): json.loads(path.read_text()) for path in found}


def hashes(*texts: str | None) -> list[Hash]:
    return [Hash(base64.b64decode(text or "")) for text in texts]


def outcome(verify: Callable[..., None], *arguments: object) -> str:
    try:
        verify(*arguments)
    except IntegrityError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - any other is a wrong answer, told with the name of its case
        return repr(error)
    return "verified"


def test_agrees_with_the_known_answers_about_inclusion():
    wrong = {}
    for name, case in vectors("inclusion").items():
        leaf, root = hashes(case["leafHash"], case["root"])
        proof = hashes(*(case["proof"] or []))
        told = outcome(verify_inclusion, case["leafIdx"], case["treeSize"], leaf, proof, root)
        if told != ("refused" if case["wantErr"] else "verified"):
            wrong[name] = told
    assert wrong == {}


def test_agrees_with_the_known_answers_about_consistency():
    wrong = {}
    for name, case in vectors("consistency").items():
        root1, root2 = hashes(case["root1"], case["root2"])
        proof = hashes(*(case["proof"] or []))
        told = outcome(verify_consistency, case["size1"], case["size2"], root1, root2, proof)
        if told != ("refused" if case["wantErr"] else "verified"):
            wrong[name] = told
    assert wrong == {}


LEAVES = [leaf_hash(bytes([n]) * n) for n in range(40)]


def test_an_empty_tree_and_an_empty_leaf_have_the_hashes_of_the_rfc():
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_a_range_grows_to_the_root_of_the_definition():
    grown = CompactRange()
    for size in range(len(LEAVES) + 1):
        assert grown.root() == root_of(LEAVES[:size])
        assert grown == CompactRange.over(LEAVES[:size])
        if size < len(LEAVES):
            grown = grown.append(LEAVES[size])


@pytest.mark.parametrize("size", range(1, 18))
def test_every_leaf_is_proved_and_no_other_place_or_leaf_is(size):
    leaves, root = LEAVES[:size], root_of(LEAVES[:size])
    for index in range(size):
        proof = path_of(index, leaves)
        verify_inclusion(index, size, leaves[index], proof, root)
        wrong = [(index, size, LEAVES[39], proof), (index, size, leaves[index], [*proof, root])]
        wrong += [(other, size, leaves[index], proof) for other in range(size + 2) if other != index]
        wrong += [(index, size, leaves[index], proof[:-1])] if proof else []
        for changed in wrong:
            with pytest.raises(IntegrityError):
                verify_inclusion(*changed, root)


@pytest.mark.parametrize("larger", range(1, 18))
def test_every_earlier_tree_is_proved_and_no_other_is(larger):
    leaves, whole = LEAVES[:larger], root_of(LEAVES[:larger])
    for size in range(1, larger + 1):
        proof, root = proof_of(size, leaves), root_of(leaves[:size])
        verify_consistency(size, larger, root, whole, proof)
        wrong = [(size, larger, LEAVES[39], whole, proof), (size, larger, root, LEAVES[39], proof)]
        wrong += [(size, larger, root, whole, [*proof, whole])]
        wrong += [(size, larger, root, whole, proof[:-1])] if proof else []
        for changed in wrong:
            with pytest.raises(IntegrityError):
                verify_consistency(*changed)


def test_that_a_tree_continues_the_empty_one_is_nothing_to_prove():
    with pytest.raises(IntegrityError):
        verify_consistency(0, 5, EMPTY_ROOT, root_of(LEAVES[:5]), [])


@pytest.mark.parametrize(
    ("size", "count"), [(0, 1), (1, 0), (3, 1), (-1, 0)], ids=["none", "one", "two-bits", "negative"]
)
def test_refuses_a_range_with_another_number_of_hashes(size, count):
    with pytest.raises(IntegrityError):
        CompactRange(size, tuple(LEAVES[:count]))


def test_refuses_a_hash_of_another_length():
    with pytest.raises(IntegrityError):
        CompactRange(1, (Hash(b"short"),))
    with pytest.raises(IntegrityError):
        verify_inclusion(0, 1, Hash(b"short"), [], Hash(b"short"))
