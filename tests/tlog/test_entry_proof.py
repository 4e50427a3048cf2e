"""Entries read and proved from what is stored."""

from __future__ import annotations

import pytest

from postern.errors import IntegrityError
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.entry_proof import prove_entry, read_entry
from postern.tlog.tlog_proof import verify_tlog_proof
from tests.support.log_copy import build, log_key

ORIGIN = "postern.shop/prod-2026"
KEY = log_key(ORIGIN)
ENTRIES = [b"%d" % number for number in range(600)]
LOG = build(ENTRIES, origin=ORIGIN, batches=(300, 300), key=KEY)


@pytest.mark.parametrize("size", [300, 600])
def test_every_entry_of_each_published_tree_is_proved(size):
    note = LOG[f"checkpoints/{size}"]
    head = open_checkpoint(note, [KEY.verifier], ORIGIN)
    for index in (0, 255, 256, size - 1):
        entry = read_entry(index, size, LOG.__getitem__)
        assert entry == ENTRIES[index]
        proof = prove_entry(index, entry, note, head, LOG.__getitem__)
        assert (proof.index, proof.unverified_extra) == (index, entry)
        assert verify_tlog_proof(proof, entry, [KEY.verifier], ORIGIN) == head


@pytest.mark.parametrize("index", [-1, 600, 601])
def test_there_is_no_entry_outside_the_tree(index):
    with pytest.raises(IntegrityError) as refused:
        read_entry(index, 600, LOG.__getitem__)
    assert refused.value.code == "evidence.malformed"


def test_gives_no_proof_of_another_entry():
    note = LOG["checkpoint"]
    head = open_checkpoint(note, [KEY.verifier], ORIGIN)
    with pytest.raises(IntegrityError) as refused:
        prove_entry(7, b"8", note, head, LOG.__getitem__)
    assert refused.value.code == "evidence.proof"
