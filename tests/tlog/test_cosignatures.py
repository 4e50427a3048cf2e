"""Cosignatures of witnesses, byte for byte."""

from __future__ import annotations

import base64
import hashlib

import pytest

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, format_checkpoint, open_checkpoint
from postern.tlog.cosignatures import Cosignature, cosign, verify_cosignatures
from postern.tlog.hashing import leaf_hash
from postern.tlog.notes import COSIGNATURE, Note, NoteSignature, format_note, parse_note, verifier_key
from tests.support.log_copy import log_key

ORIGIN = "postern.shop/prod-2026"
TEXT = format_checkpoint(Checkpoint(ORIGIN, 1, leaf_hash(b"{}")))
LOG, WITNESS, SECOND = log_key(ORIGIN, 1), log_key("witness.example/w1", 2), log_key("witness.example/w2", 3)
VKEY = verifier_key(WITNESS.name, WITNESS.public, COSIGNATURE)
SECOND_VKEY = verifier_key(SECOND.name, SECOND.public, COSIGNATURE)
AT_S = 1_679_315_147


def line(at_s: int = AT_S, key=WITNESS, text: str = TEXT) -> NoteSignature:
    return cosign(text, key.name, key.public, at_s, key.private.sign)


def note(*lines: NoteSignature, text: str = TEXT) -> Note:
    return parse_note(format_note(text, [LOG.sign(text), *lines]))


def test_every_byte_of_a_cosignature():
    message = b"".join(
        [
            b"cosignature/v1\n",  # what kind of message this is
            b"time 1679315147\n",  # seconds since 1970
            b"postern.shop/prod-2026\n",  # from here on the checkpoint's text: origin,
            b"1\n",  # size,
            b"KKOhj2zWQGsIbp/9ofm4oT289EsPPzLLkDGhH9BTrPk=\n",  # and root
        ]
    )
    key_id = hashlib.sha256(
        b"witness.example/w1"  # the witness's name
        b"\x0a"  # a newline
        b"\x04" + WITNESS.public  # a cosignature  # 32 bytes
    ).digest()[:4]
    expected = base64.b64encode(
        key_id  # 4 bytes
        + bytes.fromhex("00000000 641850cb")  # the time: 8 bytes, big-endian
        + WITNESS.private.sign(message)  # 64 bytes
    )
    assert int.from_bytes(bytes.fromhex("641850cb"), "big") == AT_S
    last = format_note(TEXT, [LOG.sign(TEXT), line()]).splitlines()[-1]
    assert last == "— witness.example/w1 ".encode() + expected


def test_tells_who_cosigned_and_when():
    found = verify_cosignatures(note(line(), line(5, SECOND)), [VKEY, SECOND_VKEY])
    assert found == [Cosignature(VKEY, AT_S), Cosignature(SECOND_VKEY, 5)]


def test_a_witness_counts_once_with_its_latest_time():
    assert verify_cosignatures(note(line(7), line(9), line(8)), [VKEY]) == [Cosignature(VKEY, 9)]


@pytest.mark.parametrize("at_s", [0, 2**63 - 1], ids=["1970", "the-last"])
def test_any_time_that_can_be_is_told(at_s):
    assert verify_cosignatures(note(line(at_s)), [VKEY]) == [Cosignature(VKEY, at_s)]


def test_there_may_be_none():
    assert verify_cosignatures(note(), [VKEY]) == []
    assert verify_cosignatures(note(line()), []) == []
    assert verify_cosignatures(note(line()), [SECOND_VKEY]) == []


def test_the_log_is_opened_as_without_them():
    data = format_note(TEXT, [line(), LOG.sign(TEXT), line(5, SECOND)])
    assert open_checkpoint(data, [LOG.verifier], ORIGIN).size == 1


def forged(signature: bytes) -> NoteSignature:
    return NoteSignature(WITNESS.name, VKEY.key_id, signature)


GOOD = line().signature
MESSAGE = f"cosignature/v1\ntime {AT_S}\n{TEXT}".encode()


@pytest.mark.parametrize(
    "signature",
    [
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[:8],
        GOOD[:4],
        (AT_S + 1).to_bytes(8, "big") + GOOD[8:],
        GOOD[8:],
        GOOD[:8] + WITNESS.private.sign(TEXT.encode()),
        GOOD[:8] + WITNESS.private.sign(MESSAGE.replace(b"/v1", b"/v2")),
        GOOD[:8] + WITNESS.private.sign(MESSAGE.replace(b"time ", b"time 0")),
        GOOD[:8] + SECOND.private.sign(MESSAGE),
    ],
    ids=[
        "byte-short",
        "byte-after",
        "time-alone",
        "half-a-time",
        "later",
        "no-time",
        "over-the-text-alone",
        "other-kind",
        "leading-zero",
        "of-another-key",
    ],
)
def test_refuses_a_note_where_a_known_witness_did_not_sign_this(signature):
    for data in (note(forged(signature)), note(line(), forged(signature))):
        with pytest.raises(IntegrityError) as refused:
            verify_cosignatures(data, [VKEY])
        assert refused.value.code == "evidence.signature"


def test_refuses_a_cosignature_of_another_checkpoint():
    other = format_checkpoint(Checkpoint(ORIGIN, 2, leaf_hash(b"{}")))
    with pytest.raises(IntegrityError):
        verify_cosignatures(note(line(), text=other), [VKEY])


@pytest.mark.parametrize("at_s", [-1, 2**63], ids=["before-1970", "over-int64"])
def test_refuses_a_time_that_cannot_be(at_s):
    with pytest.raises(IntegrityError) as refused:
        line(at_s)
    assert refused.value.code == "evidence.malformed"


def test_refuses_a_time_with_the_highest_bit_set_though_it_is_signed():
    at_s = 2**63
    message = f"cosignature/v1\ntime {at_s}\n{TEXT}".encode()
    with pytest.raises(IntegrityError):
        verify_cosignatures(note(forged(at_s.to_bytes(8, "big") + WITNESS.private.sign(message))), [VKEY])


@pytest.mark.parametrize("text", ["not a checkpoint\n", TEXT + "extension\n"], ids=["other-text", "extension-line"])
def test_cosigns_nothing_but_a_checkpoint(text):
    with pytest.raises(IntegrityError):
        line(text=text)
    with pytest.raises(IntegrityError):
        verify_cosignatures(note(text=text), [VKEY])


def test_a_logs_key_is_no_witnesss_key():
    with pytest.raises(IntegrityError) as refused:
        verify_cosignatures(note(line()), [LOG.verifier])
    assert refused.value.code == "evidence.malformed"


def test_does_not_pass_on_a_cosignature_that_its_own_key_refuses():
    with pytest.raises(IntegrityError) as refused:
        cosign(TEXT, WITNESS.name, WITNESS.public, AT_S, SECOND.private.sign)
    assert refused.value.code == "evidence.signature"
