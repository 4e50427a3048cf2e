"""What anyone may hand over as a log: notes, heads, tiles, bundles, proofs."""

from __future__ import annotations

from hypothesis import strategies as st

from postern.errors import IntegrityError
from postern.tlog.bundles import format_bundle, parse_bundle, parse_tile
from postern.tlog.checkpoints import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint
from postern.tlog.cosignatures import cosign, verify_cosignatures
from postern.tlog.entry_proof import prove_entry
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.notes import COSIGNATURE, format_note, format_vkey, parse_note, parse_vkey
from postern.tlog.proofs import verify_consistency, verify_inclusion
from postern.tlog.tiles import format_path, parse_path
from postern.tlog.tlog_proof import format_tlog_proof, parse_tlog_proof, verify_tlog_proof
from tests.fuzz.mutation import mutated, mutated_text
from tests.fuzz.target import Target, Wrong
from tests.support.log_copy import build, log_key

ORIGIN = "postern.shop/prod-2026"
KEY, OTHER, WITNESS = log_key(ORIGIN), log_key(ORIGIN, 2), log_key("witness.example", 9)
ENTRIES = [f"entry {number}".encode() for number in range(9)]
LOG = build(ENTRIES, origin=ORIGIN, batches=(4, 5), key=KEY)
NOTE = LOG["checkpoint"]
HEAD = open_checkpoint(NOTE, [KEY.verifier], ORIGIN)
_TEXT = format_checkpoint(HEAD)
COSIGNER = parse_vkey(format_vkey(WITNESS.name, WITNESS.public, COSIGNATURE))
COSIGNED = format_note(
    _TEXT,
    [
        KEY.sign(_TEXT),
        OTHER.sign(_TEXT),
        cosign(_TEXT, WITNESS.name, WITNESS.public, 1_795_000_000, WITNESS.private.sign),
    ],
)
PROOF = format_tlog_proof(prove_entry(3, ENTRIES[3], NOTE, HEAD, LOG.__getitem__))
TOKENS = (b"\xe2\x80\x94 ", ORIGIN.encode(), b"\n\n", b"postern.shop/", b"+", b"=", b"index ", b"extra ")


def _tile(data: bytes) -> None:
    parse_tile(data[1:], data[0] if data else 0)


def _bundle(data: bytes) -> None:
    """A bundle that parses is the one that its entries make."""
    entries = parse_bundle(data[1:], data[0] if data else 0)
    if format_bundle(entries) != data[1:]:
        raise Wrong("bundle: expected the bytes that its entries make, got others")


def _note(data: bytes) -> None:
    note = parse_note(data)
    if format_note(note.text, note.signatures) != data:
        raise Wrong("note: expected one spelling, got another")
    verify_cosignatures(note, [COSIGNER])


def _head(data: bytes) -> None:
    """What opens is what was signed, or as much of it as the signature covers."""
    if open_checkpoint(data, [KEY.verifier], ORIGIN) != HEAD:
        raise Wrong("checkpoint: expected the signed head, got another")


def _head_text(text: str) -> None:
    if format_checkpoint(parse_checkpoint(text)) != text:
        raise Wrong("checkpoint: expected one spelling, got another")


def _proof(data: bytes) -> None:
    proof = parse_tlog_proof(data)
    if format_tlog_proof(proof) != data:
        raise Wrong("proof: expected one spelling, got another")
    verify_tlog_proof(proof, ENTRIES[3], [KEY.verifier], ORIGIN)
    if proof.index != 3:
        raise Wrong("proof: expected it to hold for the entry's own place, got another")


def _vkey(text: str) -> None:
    if str(parse_vkey(text)) != text:
        raise Wrong("verifier key: expected one spelling, got another")


def _path(text: str) -> None:
    if format_path(parse_path(text)) != text:
        raise Wrong("path: expected one spelling, got another")


_SIZES = st.one_of(st.integers(-2, 20), st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**40]))
_HASHES = st.sampled_from([Hash(b"\0" * 32), leaf_hash(b""), HEAD.root, Hash(b""), Hash(b"\1" * 31)])


def _inclusion(given: tuple[int, int, Hash, list[Hash], Hash]) -> None:
    verify_inclusion(*given)


def _consistency(given: tuple[int, int, Hash, Hash, list[Hash]]) -> None:
    verify_consistency(*given)


_ALL = (IntegrityError,)
TARGETS = (
    Target("tlog note", mutated([NOTE, COSIGNED], tokens=TOKENS), _note, _ALL),
    Target("tlog checkpoint", mutated([NOTE, COSIGNED], tokens=TOKENS), _head, _ALL),
    Target("tlog head", mutated_text([_TEXT, format_checkpoint(Checkpoint(ORIGIN, 1, HEAD.root))]), _head_text, _ALL),
    Target("tlog vkey", mutated_text([str(KEY.verifier), str(COSIGNER)], tokens=("+", "=")), _vkey, _ALL),
    Target("tlog tile", mutated([b"\x04" + LOG["tile/0/000.p/4"], b"\x09" + LOG["tile/0/000.p/9"]]), _tile, _ALL),
    Target("tlog bundle", mutated([b"\x09" + format_bundle(ENTRIES), b"\x01\0\0"]), _bundle, _ALL),
    Target("tlog path", mutated_text(sorted(LOG), tokens=(".p/", "x001/", "tile/entries/")), _path, _ALL),
    Target("tlog proof", mutated([PROOF], tokens=TOKENS), _proof, _ALL),
    Target(
        "tlog inclusion",
        st.tuples(_SIZES, _SIZES, _HASHES, st.lists(_HASHES, max_size=9), _HASHES),
        _inclusion,
        _ALL,
    ),
    Target(
        "tlog consistency",
        st.tuples(_SIZES, _SIZES, _HASHES, _HASHES, st.lists(_HASHES, max_size=9)),
        _consistency,
        _ALL,
    ),
)
