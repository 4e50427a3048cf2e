"""A sealed member as a record holds it: read back, opened, and held against what the record commits to."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from postern.audit.asides import Asides
from postern.audit.canonical import canonical_bytes
from postern.audit.statements import Asked, Closed
from postern.errors import IntegrityError
from postern.statement_text.sealing import Place, Unsealed, seal
from postern.statement_text.unsealing import check_parameters, parse_sealed, unseal
from postern.types import CommandId, DataKey
from tests.support.domain import TASK_ID

KEY = DataKey("ab" * 16, bytes(range(32)))
DIGEST_KEY = b"k" * 32
COMMAND = CommandId("0199a0b0-c0d0-7000-8000-00000000000a")
SENT = ["7", None]


def record(sql: str, *, sealed_text: str | None = None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The members of an intent that matter here, and its blobs by their keys."""
    text = sql if sealed_text is None else sealed_text
    sealed = seal(Unsealed(text, text, None, DIGEST_KEY), KEY, Place("prod-2026", TASK_ID, COMMAND))
    asides = Asides()
    closed = Closed("sealed", None, None, None, 256, sealed)
    member = Asked(sql, sql, None, SENT, DIGEST_KEY, closed=closed).member(asides)
    members = {"id": COMMAND, "log": "prod-2026", "deployment": "shop", "task": {"id": TASK_ID}, "statement": member}
    return members, {f"blob/prod-2026/{COMMAND}/{n}": blob for n, blob in enumerate(asides.blobs)}


GOOD, _ = record("SELECT 'Ann'")
LONG, BLOBS = record("x" * 50_000)


def no_blob(key: str) -> bytes:
    raise KeyError(key)


def test_opens_what_the_record_seals():
    statement = parse_sealed(canonical_bytes(GOOD), no_blob)
    assert statement.deployment == "shop"
    assert unseal(statement, KEY) == Unsealed("SELECT 'Ann'", "SELECT 'Ann'", None, DIGEST_KEY)


def test_opens_what_stands_beside_the_record():
    assert len(BLOBS) == 1
    statement = parse_sealed(canonical_bytes(LONG), BLOBS.__getitem__)
    assert unseal(statement, KEY).text == "x" * 50_000


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"statement": {"text": "SELECT 1", "sha256": "0" * 64}}, id="full"),
        pytest.param({"statement": {"mode": "normalized", "text": "SELECT $1"}}, id="normalized"),
        pytest.param({"id": COMMAND}, id="no-statement"),
        pytest.param({"statement": None}, id="nothing"),
    ],
)
def test_nothing_is_sealed_in_another_record(members):
    assert parse_sealed(canonical_bytes(members), no_blob) is None


def of(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(members: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for name in way:
            members = members[name]
        if value is None:
            del members[last]
        else:
            members[last] = value

    return change


MALFORMED = {
    "no key": of("statement.sealed.key", None),
    "no nonce": of("statement.sealed.nonce", None),
    "a nonce that is none": of("statement.sealed.nonce", "?"),
    "a nonce outside ASCII": of("statement.sealed.nonce", "ö"),
    "a number for a nonce": of("statement.sealed.nonce", 7),
    "a ciphertext that is none": of("statement.sealed.ciphertext", "?"),
    "no commitment": of("statement.hmac_sha256", None),
    "no parameters": of("statement.parameters", None),
    "no task": of("task", None),
    "a blob of no place": of("statement.sealed.ciphertext", {"sha256": "0" * 64}),
    "text for a member": of("statement.sealed", "x"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_refuses_a_member_of_another_form(name):
    members = copy.deepcopy(GOOD)
    MALFORMED[name](members)
    with pytest.raises(IntegrityError) as caught:
        parse_sealed(canonical_bytes(members), no_blob)
    assert caught.value.code == "evidence.malformed"


@pytest.mark.parametrize("read", [lambda _: b"QUJD", no_blob], ids=["other-bytes", "absent"])
def test_refuses_a_record_without_its_blob(read):
    with pytest.raises(IntegrityError) as caught:
        parse_sealed(canonical_bytes(LONG), read)
    assert caught.value.code == "evidence.malformed"
    assert caught.value.detail.startswith("blob/prod-2026/")


CHANGED = {
    "another command": of("id", "0199a0b0-c0d0-7000-8000-00000000000b"),
    "another task": of("task.id", "0" * 32),
    "another log": of("log", "prod-2027"),
    "another key": of("statement.sealed.key", "cd" * 16),
    "another commitment": of("statement.hmac_sha256", "0" * 64),
    "a commitment outside ASCII": of("statement.hmac_sha256", "ö"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_does_not_open_in_a_record_that_was_changed(name):
    members = copy.deepcopy(GOOD)
    CHANGED[name](members)
    with pytest.raises(IntegrityError) as caught:
        unseal(parse_sealed(canonical_bytes(members), no_blob), KEY)
    assert caught.value.code == "evidence.sealed"


def test_refuses_a_sealed_text_that_is_not_the_one_committed_to():
    members, _ = record("SELECT 'Ann'", sealed_text="SELECT 'Bob'")
    with pytest.raises(IntegrityError) as caught:
        unseal(parse_sealed(canonical_bytes(members), no_blob), KEY)
    assert caught.value.detail.startswith("text: ")


@pytest.mark.parametrize("texts", [[], ["7"], ["7", ""], ["7", "null"], [None, "7"], ["8", None]], ids=json.dumps)
def test_refuses_parameters_that_were_not_committed_to(texts):
    statement = parse_sealed(canonical_bytes(GOOD), no_blob)
    opened = unseal(statement, KEY)
    check_parameters(statement, opened, SENT)
    with pytest.raises(IntegrityError) as caught:
        check_parameters(statement, opened, texts)
    assert caught.value.code == "evidence.sealed"
