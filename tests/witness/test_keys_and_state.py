"""The witness's key file and what it remembers, read back with nothing taken on trust."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from postern.errors import IntegrityError
from postern.tlog.notes import COSIGNATURE, parse_vkey
from postern.types import Secret
from postern.witness.signing_key import format_key, make_key, parse_key
from postern.witness.state import format_state, parse_state
from tests.support.witness import ORIGIN, WITNESS, grown, kept_of

KEY_TEXT = format_key(WITNESS).reveal()


def test_a_key_is_read_back_and_never_shown() -> None:
    assert parse_key(Secret(KEY_TEXT + "\n")).vkey == WITNESS.vkey
    assert KEY_TEXT.startswith("PRIVATE+KEY+acme-audit.example/witness+")
    shown = f"{WITNESS!r} {WITNESS} {format_key(WITNESS)}"
    assert WITNESS.seed.reveal() not in shown
    assert KEY_TEXT not in shown


def test_the_public_key_is_one_for_cosignatures() -> None:
    assert parse_vkey(str(WITNESS.vkey)).algorithm == COSIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY_TEXT.removeprefix("PRIVATE+KEY+"),
        KEY_TEXT[:-4],
        KEY_TEXT + "AAAA",
        KEY_TEXT.replace("+acme", "+acne"),
        KEY_TEXT.replace("witness+", "witness+0"),
        KEY_TEXT + "\n\n",
        KEY_TEXT.replace("+B", "+A", 1) if "+B" in KEY_TEXT else KEY_TEXT.lower(),
    ],
)
def test_a_key_that_is_not_whole_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(IntegrityError) as raised:
        parse_key(Secret(text))
    assert WITNESS.seed.reveal()[:8] not in raised.value.detail
    assert KEY_TEXT[-20:] not in raised.value.detail


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_a_name_that_no_signature_line_can_have_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError):
        make_key(name, bytes(32))


def test_what_is_remembered_is_read_back() -> None:
    kept = kept_of(grown(9))
    assert parse_state(format_state({ORIGIN: kept}), WITNESS.vkey) == {ORIGIN: kept}
    assert parse_state(format_state({}), WITNESS.vkey) == {}


def changed(change: Callable[[dict[str, object]], object]) -> bytes:
    state = json.loads(format_state({ORIGIN: kept_of(grown(9))}))
    change(state)
    return json.dumps(state).encode()


def set_note(note: str) -> bytes:
    return changed(lambda state: state.update(logs={ORIGIN: note}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        format_state({ORIGIN: kept_of(grown(9))})[:-9],
        b"\xff\xfe",
        b"[]",
        b"{}",
        changed(lambda state: state.update(v=2)),
        changed(lambda state: state.update(more=1)),
        changed(lambda state: state.update(logs=[])),
        changed(lambda state: state.update(logs={ORIGIN: 1})),
        changed(lambda state: state.update(logs={"postern.shop/prod-2027": kept_of(grown(9)).data.decode()})),
        set_note(grown(9)["checkpoint"].decode()),
        set_note(kept_of(grown(9)).data.decode().replace("\n9\n", "\n8\n")),
        set_note(""),
        set_note("\ud80a"),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_a_state_that_this_witness_did_not_write_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_state(data, WITNESS.vkey)


def test_another_witnesss_state_is_refused() -> None:
    other = make_key(WITNESS.name, b"\x08" * 32)
    with pytest.raises(IntegrityError):
        parse_state(format_state({ORIGIN: kept_of(grown(9))}), other.vkey)
