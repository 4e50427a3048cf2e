"""What is sealed opens under its key and in its place, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.audit.canonical import canonical_bytes
from postern.audit.digests import format_key
from postern.audit.statements import Sealed
from postern.errors import IntegrityError
from postern.statement_text.padding import STEP_BYTES, pad
from postern.statement_text.sealing import Place, Unsealed, open_sealed, seal
from postern.types import CommandId, DataKey, TaskId
from tests.support.domain import TASK_ID

KEY = DataKey("ab" * 16, bytes(range(32)))
PLACE = Place("prod-2026", TASK_ID, CommandId("0199a0b0-c0d0-7000-8000-00000000000a"))
ASKED = Unsealed("SELECT 'Ann'", "SELECT 'Ann'", None, b"k" * 32)
SEALED = seal(ASKED, KEY, PLACE)

CONTENTS = {
    "as asked": ASKED,
    "mapped": replace(ASKED, ran="SELECT 'Ann' FROM \"customers\""),
    "refused": replace(ASKED, reason="function: expected one of the list, got 'Ann'"),
    "empty": replace(ASKED, text="", ran=""),
    "long": replace(ASKED, text="x" * 1_000_000, ran="x" * 1_000_000),
    "any character": replace(ASKED, text="\0\x80ö\U0001f600", ran="\0\x80ö\U0001f600"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_opens_what_it_sealed(name):
    assert open_sealed(seal(CONTENTS[name], KEY, PLACE), KEY, PLACE) == CONTENTS[name]


OTHERS = {
    "key": (replace(KEY, key=bytes(32)), PLACE, SEALED),
    "command": (KEY, replace(PLACE, command=CommandId("0199a0b0-c0d0-7000-8000-00000000000b")), SEALED),
    "log": (KEY, replace(PLACE, log="prod-2027"), SEALED),
    "task": (KEY, replace(PLACE, task=TaskId("0199a0b0c0d07000800000000000000b")), SEALED),
    "key's name": (KEY, PLACE, replace(SEALED, key_id="cd" * 16)),
    "nonce": (KEY, PLACE, replace(SEALED, nonce=bytes(12))),
    "first byte": (KEY, PLACE, replace(SEALED, ciphertext=b"\0" + SEALED.ciphertext[1:])),
    "last byte": (KEY, PLACE, replace(SEALED, ciphertext=SEALED.ciphertext[:-1] + b"\0")),
    "length": (KEY, PLACE, replace(SEALED, ciphertext=SEALED.ciphertext[:-1])),
    "no bytes": (KEY, PLACE, replace(SEALED, ciphertext=b"")),
    "length of the nonce": (KEY, PLACE, replace(SEALED, nonce=b"")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_does_not_open_with_another(name):
    key, place, sealed = OTHERS[name]
    with pytest.raises(IntegrityError) as caught:
        open_sealed(sealed, key, place)
    assert caught.value.code == "evidence.sealed"


_DIGEST_KEY = format_key(b"k" * 32)
FORMS = {
    "a later version": {"v": 2, "text": "x", "digest_key": _DIGEST_KEY},
    "no text": {"v": 1, "digest_key": _DIGEST_KEY},
    "a text that is none": {"v": 1, "text": 7, "digest_key": _DIGEST_KEY},
    "a reason that is none": {"v": 1, "text": "x", "digest_key": _DIGEST_KEY, "reason": 7},
    "a short key": {"v": 1, "text": "x", "digest_key": "a2tr"},
    "no key": {"v": 1, "text": "x"},
    "a key that is none": {"v": 1, "text": "x", "digest_key": "?"},
}


@pytest.mark.parametrize("name", FORMS)
def test_refuses_what_opens_and_has_another_form(name):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain = pad(canonical_bytes(FORMS[name]))
    sealed = Sealed(KEY.id, bytes(12), AESGCM(KEY.key).encrypt(bytes(12), plain, PLACE.additional_data(KEY.id)))
    with pytest.raises(IntegrityError) as caught:
        open_sealed(sealed, KEY, PLACE)
    assert caught.value.code == "evidence.malformed"


def test_the_ciphertexts_length_tells_the_texts_length_in_steps_only():
    lengths = {len(seal(replace(ASKED, text="x" * n, ran="x" * n), KEY, PLACE).ciphertext) for n in range(120)}
    assert lengths == {STEP_BYTES + 16}


def test_a_nonce_comes_again_only_with_the_same_message():
    again = seal(ASKED, KEY, PLACE)
    assert again == SEALED
    others = [
        seal(replace(ASKED, text="SELECT 'Bob'"), KEY, PLACE),
        seal(ASKED, KEY, replace(PLACE, command=CommandId("0199a0b0-c0d0-7000-8000-00000000000b"))),
        seal(ASKED, replace(KEY, id="cd" * 16), PLACE),
        seal(replace(ASKED, digest_key=b"l" * 32), KEY, PLACE),
    ]
    assert len({SEALED.nonce, *(one.nonce for one in others)}) == 5


def test_the_form_is_what_the_documentation_says():
    # docs/statement-text.md: canonical JSON, 0x80 and zeros to 256 bytes; additional data as canonical JSON.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    bound = (
        b'{"command":"0199a0b0-c0d0-7000-8000-00000000000a","key":"abababababababababababababababab",'
        b'"log":"prod-2026","member":"statement","task":"0199a0b0c0d07000800000000000000a"}'
    )
    plain = AESGCM(KEY.key).decrypt(SEALED.nonce, SEALED.ciphertext, bound)
    said = b'{"digest_key":"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=","text":"SELECT \'Ann\'","v":1}'
    assert plain == said + b"\x80" + bytes(256 - len(said) - 1)


def test_a_data_key_is_not_printed():
    assert "key=" not in repr(KEY)
