"""Signed notes and verifier keys, byte for byte."""

from __future__ import annotations

import base64
import hashlib

import pytest

from postern.errors import IntegrityError
from postern.tlog.notes import (
    COSIGNATURE,
    Note,
    NoteSignature,
    VerifierKey,
    format_note,
    format_vkey,
    parse_note,
    parse_vkey,
    sign,
    verifier_key,
    verify_note,
)
from tests.support.log_copy import log_key

# The example in the documentation of Go's golang.org/x/mod/sumdb/note (BSD-3-Clause).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PETERS_NOTE = f"{PETERS_TEXT}\n{PETERS_LINE}".encode()

KEY, OTHER = log_key("postern.shop/prod", 1), log_key("witness.example/w", 2)
TEXT = "a line\n\nanother, after an empty one\n"
GOOD = format_note(TEXT, [KEY.sign(TEXT), OTHER.sign(TEXT)])


def test_agrees_with_another_implementation():
    key = parse_vkey(PETER)
    assert str(key) == PETER
    assert verify_note(parse_note(PETERS_NOTE), [key]) == [key]
    assert parse_note(PETERS_NOTE).text == PETERS_TEXT


def test_every_byte_of_a_verifier_key():
    public = KEY.public
    key_id = hashlib.sha256(
        b"postern.shop/prod"  # the name
        b"\x0a"  # a newline
        b"\x01" + public  # Ed25519  # 32 bytes
    ).digest()[:4]
    expected = "+".join(
        [
            "postern.shop/prod",  # the name, which holds no plus
            key_id.hex(),  # 8 digits
            base64.b64encode(b"\x01" + public).decode(),  # the algorithm and the key: 33 bytes in 44 characters
        ]
    )
    assert format_vkey("postern.shop/prod", public) == expected
    assert parse_vkey(expected) == VerifierKey("postern.shop/prod", key_id, 1, public) == KEY.verifier


def test_every_byte_of_a_signed_note():
    signature = KEY.private.sign(b"hello\n")  # over the text with its newline, without the empty line
    expected = b"".join(
        [
            b"hello\n",  # the text
            b"\n",  # an empty line
            b"\xe2\x80\x94 ",  # an em dash (U+2014) in UTF-8, and a blank
            b"postern.shop/prod",  # the key's name
            b" ",
            base64.b64encode(
                KEY.verifier.key_id  # 4 bytes
                + signature  # 64 bytes
            ),
            b"\n",  # every line ends, the last too; nothing follows
        ]
    )
    assert format_note("hello\n", [KEY.sign("hello\n")]) == expected
    assert parse_note(expected) == Note(
        "hello\n", (NoteSignature("postern.shop/prod", KEY.verifier.key_id, signature),)
    )


def test_the_text_ends_at_the_last_empty_line():
    assert parse_note(GOOD).text == TEXT
    assert [line.name for line in parse_note(GOOD).signatures] == [KEY.name, OTHER.name]


def line(name: str = "n", data: bytes = b"idid" + b"s" * 64) -> bytes:
    return f"— {name} {base64.b64encode(data).decode()}\n".encode()


BAD_NOTES = {
    "nothing": b"",
    "text-alone": b"text\n",
    "no-empty-line": b"text\n" + line(),
    "no-signatures": b"text\n\n",
    "no-text-line": b"\n" + line(),
    "no-newline-at-the-end": b"text\n\n" + line()[:-1],
    "empty-line-at-the-end": b"text\n\n" + line() + b"\n",
    "bytes-after": b"text\n\n" + line() + b"x",
    "crlf": (b"text\n\n" + line()).replace(b"\n", b"\r\n"),
    "carriage-return": b"te\rxt\n\n" + line(),
    "nul": b"te\0xt\n\n" + line(),
    "tab": b"te\txt\n\n" + line(),
    "escape": b"te\x1bxt\n\n" + line(),
    "not-utf-8": b"te\xfcxt\n\n" + line(),
    "overlong-utf-8": b"te\xc0\xafxt\n\n" + line(),
    "surrogate": b"te\xed\xa0\x80xt\n\n" + line(),
    "byte-order-mark-before-dash": b"text\n\n\xef\xbb\xbf" + line(),
    "no-dash": b"text\n\n" + line().removeprefix("— ".encode()),
    "hyphen": b"text\n\n" + line().replace("—".encode(), b"-"),
    "en-dash": b"text\n\n" + line().replace("—".encode(), "–".encode()),
    "two-blanks-after-dash": b"text\n\n" + line().replace("— ".encode(), "—  ".encode()),
    "no-break-space-after-dash": b"text\n\n" + line().replace("— ".encode(), "—\u00a0".encode()),
    "no-name": b"text\n\n" + line(""),
    "plus-in-name": b"text\n\n" + line("a+b"),
    "no-break-space-in-name": b"text\n\n" + line("a\u00a0b"),
    "ideographic-space-in-name": b"text\n\n" + line("a\u3000b"),
    "line-separator-in-name": b"text\n\n" + line("a\u2028b"),
    "no-signature": "text\n\n— name\n".encode(),
    "empty-signature": "text\n\n— name \n".encode(),
    "blank-after-signature": b"text\n\n" + line()[:-1] + b" \n",
    "two-blanks-before-signature": b"text\n\n" + line().replace(b"n ", b"n  "),
    "key-id-alone": b"text\n\n" + line(data=b"idid"),
    "part-of-a-key-id": b"text\n\n" + line(data=b"id"),
    "base64-without-padding": b"text\n\n" + line().replace(b"=", b""),
    "base64-of-other-alphabet": b"text\n\n" + line(data=b"\xff" * 66).replace(b"/", b"_"),
    "base64-with-unused-bits": b"text\n\n" + line(data=b"\0" * 68).replace(b"AA=", b"AB="),
    "101-signatures": b"text\n\n" + line() * 101,
    "over-a-megabyte": b"x" * 1_000_000 + b"\n\n" + line(),
}


@pytest.mark.parametrize("data", BAD_NOTES.values(), ids=BAD_NOTES.keys())
def test_refuses_every_other_form_of_a_note(data):
    with pytest.raises(IntegrityError) as refused:
        parse_note(data)
    assert refused.value.code == "evidence.malformed"


@pytest.mark.parametrize(
    "data",
    [b"text\n\n" + line(), b"text\n\n" + line() * 100, "ünï – text\n\n".encode() + line("näme"), b"\n\n" + line()],
    ids=["plain", "100-signatures", "not-ascii", "empty-line-for-a-text"],
)
def test_reads_and_writes_the_same_bytes(data):
    note = parse_note(data)
    assert format_note(note.text, note.signatures) == data


def test_a_note_may_have_a_million_bytes_and_no_more():
    end = b"\n\n" + line()
    longest = b"x" * (1_000_000 - len(end)) + end
    assert len(parse_note(longest).signatures) == 1
    with pytest.raises(IntegrityError):
        parse_note(b"x" + longest)


@pytest.mark.parametrize(
    "text", ["", "no newline", "con\x07trol\n", "a\n\n— other AAAAAAA="], ids=["none", "no-newline", "bell", "a-note"]
)
def test_refuses_to_write_a_note_that_would_not_be_read_again(text):
    with pytest.raises(IntegrityError):
        format_note(text, [KEY.sign("x\n")])
    with pytest.raises(IntegrityError):
        format_note("text\n", [])


def vkey(name: str = "n", algorithm: int = 1, public: bytes = KEY.public, sep: str = "+") -> str:
    key_id = hashlib.sha256(f"{name}\n".encode() + bytes([algorithm]) + public).digest()[:4]
    return sep.join([name, key_id.hex(), base64.b64encode(bytes([algorithm]) + public).decode()])


BAD_VKEYS = {
    "nothing": "",
    "name-alone": "name",
    "no-key": "name+01234567",
    "no-name": vkey(""),
    "blank-in-name": vkey("a b"),
    "newline-in-name": vkey("a\nb"),
    "control-in-name": vkey("a\0b"),
    "no-break-space-in-name": vkey("a\u00a0b"),
    "surrogate-in-name": "a\udcffb+01234567+" + PETER.split("+", 2)[2],
    "id-of-another-key": vkey(public=OTHER.public)[:11] + vkey()[11:],
    "id-of-another-name": vkey().replace("n+", "m+", 1),
    "upper-case-id": PETER.replace("c74f20a3", "C74F20A3"),
    "short-id": PETER.replace("c74f20a3", "c74f20a"),
    "long-id": PETER.replace("c74f20a3", "0c74f20a3"),
    "prefixed-id": PETER.replace("c74f20a3", "0x4f20a3"),
    "no-material": "name+01234567+",
    "short-key": vkey(public=KEY.public[:31]),
    "long-key": vkey(public=KEY.public + b"\0"),
    "algorithm-0": vkey(algorithm=0),
    "ecdsa": vkey(algorithm=2),
    "ml-dsa": vkey(algorithm=6, public=b"\0" * 1312),
    "no-padding": PETER + "=",
    "blank-before": " " + PETER,
    "blank-after": PETER + " ",
    "newline-after": PETER + "\n",
    "private-key": "PRIVATE+KEY+" + PETER,
    "extra-part": PETER + "+x",
}


@pytest.mark.parametrize("text", BAD_VKEYS.values(), ids=BAD_VKEYS.keys())
def test_refuses_every_other_form_of_a_verifier_key(text):
    with pytest.raises(IntegrityError) as refused:
        parse_vkey(text)
    assert refused.value.code == "evidence.malformed"


def test_a_key_whose_base64_holds_a_plus_is_read():
    found = next(key for seed in range(100) if "+" in (key := str(log_key("n", seed).verifier)).split("+", 2)[2])
    assert str(parse_vkey(found)) == found


def refused_code(data: bytes, *keys: VerifierKey) -> str:
    with pytest.raises(IntegrityError) as refused:
        verify_note(parse_note(data), keys)
    return refused.value.code


def test_tells_which_of_the_keys_signed():
    note = parse_note(GOOD)
    assert verify_note(note, [KEY.verifier, OTHER.verifier]) == [KEY.verifier, OTHER.verifier]
    assert verify_note(note, [OTHER.verifier]) == [OTHER.verifier]


def test_a_key_that_did_not_sign_does_not_count():
    absent = log_key("absent", 3).verifier
    assert verify_note(parse_note(GOOD), [absent, KEY.verifier]) == [KEY.verifier]
    assert refused_code(GOOD, absent) == "evidence.signature"
    assert refused_code(GOOD) == "evidence.signature"


def test_leaves_a_signature_of_an_unknown_key_alone():
    """Even one that is no signature at all, and one that has the name or the id of a known key, but not both."""
    unknown = [
        NoteSignature("stranger", b"idid", b"\0"),
        NoteSignature(KEY.name, b"idid", b"x" * 64),
        NoteSignature("stranger", KEY.verifier.key_id, b"x" * 64),
    ]
    data = format_note(TEXT, [*unknown, KEY.sign(TEXT)])
    assert verify_note(parse_note(data), [KEY.verifier]) == [KEY.verifier]
    assert refused_code(format_note(TEXT, unknown), KEY.verifier) == "evidence.signature"


def test_a_signature_that_is_there_twice_counts_once():
    data = format_note(TEXT, [KEY.sign(TEXT), KEY.sign(TEXT)])
    assert verify_note(parse_note(data), [KEY.verifier]) == [KEY.verifier]


def forged(signature: bytes) -> NoteSignature:
    return NoteSignature(KEY.name, KEY.verifier.key_id, signature)


@pytest.mark.parametrize(
    "signature",
    [
        b"\0" * 64,
        b"x",
        KEY.private.sign(TEXT.encode())[:63],
        KEY.private.sign(TEXT.encode()) + b"\0",
        KEY.private.sign(TEXT.encode()[:-1]),
        KEY.private.sign(TEXT.encode() + b"\n"),
        OTHER.private.sign(TEXT.encode()),
    ],
    ids=["zeros", "short", "byte-short", "byte-after", "without-newline", "with-empty-line", "of-another-key"],
)
def test_refuses_the_note_where_a_known_keys_signature_does_not_hold(signature):
    assert refused_code(format_note(TEXT, [forged(signature)]), KEY.verifier) == "evidence.signature"
    beside_good_ones = format_note(TEXT, [OTHER.sign(TEXT), KEY.sign(TEXT), forged(signature)])
    assert refused_code(beside_good_ones, OTHER.verifier, KEY.verifier) == "evidence.signature"


@pytest.mark.parametrize("at", range(0, len(TEXT) - 1, 6))
def test_refuses_a_text_of_which_any_byte_changed(at):
    changed = GOOD[:at] + b"#" + GOOD[at + 1 :]
    assert refused_code(changed, KEY.verifier) == "evidence.signature"


def test_refuses_keys_that_cannot_be_told_apart():
    """Two keys of one name and id: an id is four bytes, so an attacker can make a key for any."""
    twin = VerifierKey(KEY.name, KEY.verifier.key_id, 1, OTHER.public)
    assert refused_code(GOOD, KEY.verifier, twin) == "evidence.malformed"
    assert verify_note(parse_note(GOOD), [KEY.verifier, KEY.verifier]) == [KEY.verifier]


def test_a_witness_key_is_no_key_for_a_note():
    assert refused_code(GOOD, verifier_key(KEY.name, KEY.public, COSIGNATURE)) == "evidence.malformed"


def test_does_not_pass_on_a_signature_that_its_own_key_refuses():
    with pytest.raises(IntegrityError) as refused:
        sign(TEXT, KEY.name, KEY.public, OTHER.private.sign)
    assert refused.value.code == "evidence.signature"
    with pytest.raises(IntegrityError):
        sign(TEXT, KEY.name, KEY.public, lambda _: b"short")
