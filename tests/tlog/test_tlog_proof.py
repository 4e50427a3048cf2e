"""Proof files, byte for byte."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import Hash, leaf_hash, node_hash
from postern.tlog.tlog_proof import TlogProof, format_tlog_proof, parse_tlog_proof, verify_tlog_proof
from tests.support.log_copy import log_key, signed
from tests.support.rfc6962 import path_of, root_of

ORIGIN = "postern.shop/prod-2026"
KEY, OTHER = log_key(ORIGIN, 1), log_key(ORIGIN, 2)
ENTRIES = [b"zero", b"one", b"two"]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
NOTE = signed(Checkpoint(ORIGIN, 3, root_of(LEAVES)), KEY)
PROOF = TlogProof(1, tuple(path_of(1, LEAVES)), NOTE, b"one")


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


FILE = b"".join(
    [
        b"c2sp.org/tlog-proof@v1\n",  # which format
        b"extra b25l\n",  # ours: the entry, base64 of one
        b"index 1\n",  # the leaf's place, from 0
        b64(LEAVES[0]) + b"\n",  # the leaf's sibling
        b64(LEAVES[2]) + b"\n",  # the sibling of the node over both, a leaf here
        b"\n",  # an empty line
        # the checkpoint: three lines, an empty one and a signature
        b"postern.shop/prod-2026\n",
        b"3\n",
        b64(node_hash(node_hash(LEAVES[0], LEAVES[1]), LEAVES[2])) + b"\n",
        b"\n",
        NOTE.splitlines()[-1] + b"\n",
    ]
)


def test_every_byte_of_a_proof_file():
    assert format_tlog_proof(PROOF) == FILE
    assert parse_tlog_proof(FILE) == PROOF


def test_holds_with_the_key_alone():
    head = verify_tlog_proof(parse_tlog_proof(FILE), b"one", [KEY.verifier], ORIGIN)
    assert (head.origin, head.size) == (ORIGIN, 3)


def test_the_extra_line_may_be_left_out_or_empty():
    bare = replace(PROOF, unverified_extra=None)
    assert format_tlog_proof(bare) == FILE.replace(b"extra b25l\n", b"")
    assert parse_tlog_proof(format_tlog_proof(bare)) == bare
    empty = replace(PROOF, unverified_extra=b"")
    assert parse_tlog_proof(format_tlog_proof(empty)) == empty


def test_the_only_leaf_of_a_log_needs_no_hashes():
    only = TlogProof(0, (), signed(Checkpoint(ORIGIN, 1, LEAVES[0]), KEY))
    assert format_tlog_proof(only).startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\npostern.")
    verify_tlog_proof(parse_tlog_proof(format_tlog_proof(only)), b"zero", [KEY.verifier], ORIGIN)


BAD_FILES = {
    "nothing": b"",
    "checkpoint-alone": NOTE,
    "no-first-line": FILE.partition(b"\n")[2],
    "other-version": FILE.replace(b"@v1", b"@v2"),
    "blank-after-version": FILE.replace(b"@v1\n", b"@v1 \n"),
    "byte-order-mark": b"\xef\xbb\xbf" + FILE,
    "carriage-returns": FILE.replace(b"\n", b"\r\n"),
    "empty-line-before": b"\n" + FILE,
    "no-index": FILE.replace(b"index 1\n", b""),
    "nothing-but-the-version": b"c2sp.org/tlog-proof@v1\n\n" + NOTE,
    "no-index-word": FILE.replace(b"index 1", b"1"),
    "no-index-number": FILE.replace(b"index 1\n", b"index \n"),
    "leading-zero": FILE.replace(b"index 1", b"index 01"),
    "plus": FILE.replace(b"index 1", b"index +1"),
    "minus": FILE.replace(b"index 1", b"index -1"),
    "two-blanks": FILE.replace(b"index 1", b"index  1"),
    "tab": FILE.replace(b"index 1", b"index\t1"),
    "blank-after-index": FILE.replace(b"index 1", b"index 1 "),
    "hex-index": FILE.replace(b"index 1", b"index 0x1"),
    "huge-index": FILE.replace(b"index 1", b"index " + b"9" * 4000),
    "upper-case": FILE.replace(b"index 1", b"Index 1"),
    "index-twice": FILE.replace(b"index 1\n", b"index 1\nindex 1\n"),
    "index-before-extra": FILE.replace(b"extra b25l\nindex 1\n", b"index 1\nextra b25l\n"),
    "extra-twice": FILE.replace(b"extra b25l\n", b"extra b25l\nextra b25l\n"),
    "extra-without-a-blank": FILE.replace(b"extra b25l\n", b"extra\n"),
    "extra-without-padding": FILE.replace(b"extra b25l\n", b"extra b2\n"),
    "extra-with-unused-bits": FILE.replace(b"extra b25l\n", b"extra b3==\n"),
    "unknown-line": FILE.replace(b"index 1\n", b"other 1\nindex 1\n"),
    "short-hash": FILE.replace(b64(LEAVES[0]), b64(LEAVES[0][:31])),
    "long-hash": FILE.replace(b64(LEAVES[0]), b64(LEAVES[0] + b"\0")),
    "hash-in-hex": FILE.replace(b64(LEAVES[0]), LEAVES[0].hex().encode()),
    "hash-without-padding": FILE.replace(b64(LEAVES[0]), b64(LEAVES[0]).rstrip(b"=")),
    "blank-after-hash": FILE.replace(b64(LEAVES[0]), b64(LEAVES[0]) + b" "),
    "64-hashes": FILE.replace(b"index 1\n", b"index 1\n" + (b64(LEAVES[0]) + b"\n") * 62),
    "no-empty-line": FILE.replace(b"\n\npostern", b"\npostern"),
    "no-checkpoint": FILE[: FILE.index(b"postern")],
    "checkpoint-cut": FILE[:-1],
    "bytes-after": FILE + b"\n",
    "line-after": FILE + b"more\n",
    "not-ascii": FILE.replace(b"extra b25l\n", "extra ä\n".encode()),
    "nul": FILE.replace(b"index 1\n", b"index 1\0\n"),
    "too-long": FILE.replace(b"extra b25l", b"extra " + b"A" * 2_000_000),
}


@pytest.mark.parametrize("data", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_refuses_every_other_form(data):
    with pytest.raises(IntegrityError) as refused:
        verify_tlog_proof(parse_tlog_proof(data), b"one", [KEY.verifier], ORIGIN)
    assert refused.value.code == "evidence.malformed"


def test_the_longest_way_to_a_root_has_63_hashes():
    assert len(parse_tlog_proof(FILE.replace(b"index 1\n", b"index 1\n" + (b64(LEAVES[0]) + b"\n") * 61)).hashes) == 63


def test_an_entry_of_the_greatest_length_fits():
    longest = b"x" * 65_535
    proof = TlogProof(0, (), signed(Checkpoint(ORIGIN, 1, leaf_hash(longest)), KEY), longest)
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof


NOT_HOLDING = {
    "other-entry": (PROOF, b"two", "evidence.proof"),
    "record-with-a-byte-more": (PROOF, b"one\n", "evidence.proof"),
    "other-index": (replace(PROOF, index=0), b"one", "evidence.proof"),
    "index-past-the-end": (replace(PROOF, index=3), b"one", "evidence.proof"),
    "hashes-swapped": (replace(PROOF, hashes=PROOF.hashes[::-1]), b"one", "evidence.proof"),
    "hash-missing": (replace(PROOF, hashes=PROOF.hashes[:1]), b"one", "evidence.proof"),
    "hash-more": (replace(PROOF, hashes=(*PROOF.hashes, LEAVES[0])), b"one", "evidence.proof"),
    "other-key": (replace(PROOF, checkpoint=NOTE.replace(b"\n3\n", b"\n4\n")), b"one", "evidence.signature"),
    "other-root": (
        replace(PROOF, checkpoint=signed(Checkpoint(ORIGIN, 3, Hash(b"\0" * 32)), KEY)),
        b"one",
        "evidence.proof",
    ),
    "other-signer": (
        replace(PROOF, checkpoint=signed(Checkpoint(ORIGIN, 3, root_of(LEAVES)), OTHER)),
        b"one",
        "evidence.signature",
    ),
}


@pytest.mark.parametrize(("proof", "entry", "code"), NOT_HOLDING.values(), ids=NOT_HOLDING.keys())
def test_refuses_what_does_not_hold(proof, entry, code):
    with pytest.raises(IntegrityError) as refused:
        verify_tlog_proof(parse_tlog_proof(format_tlog_proof(proof)), entry, [KEY.verifier], ORIGIN)
    assert refused.value.code == code


def test_a_node_does_not_pass_for_an_entry():
    """The bytes of two hashes are no leaf: leaves and nodes are hashed apart."""
    higher = TlogProof(0, (LEAVES[2],), NOTE)
    with pytest.raises(IntegrityError):
        verify_tlog_proof(higher, LEAVES[0] + LEAVES[1], [KEY.verifier], ORIGIN)


@pytest.mark.parametrize("changed", [{"index": -1}, {"hashes": (Hash(b"short"),)}, {"checkpoint": b"no note"}], ids=str)
def test_refuses_to_write_a_file_that_would_not_be_read_again(changed):
    with pytest.raises(IntegrityError):
        format_tlog_proof(replace(PROOF, **changed))
