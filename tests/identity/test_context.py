"""The principal's way through the authorizer context."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.errors import Unauthenticated
from postern.identity.context import MAX_ESCAPED_LENGTH, format_principal, parse_principal
from postern.identity.names import is_plain
from postern.types import Principal, Sha256Hex
from tests.support.identity import NOW_S

PRINCIPAL = Principal(
    issuer="ci",
    issuer_url="https://issuer.example",
    subject="repo:octo/shop",
    token_sha256=Sha256Hex("0" * 64),
    expires_at_s=NOW_S + 1,
    attributes={"repo": "octo/shop"},
    groups=("readers", "writers"),
    on_behalf_of="mona",
)

characters = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))
names = st.text(characters, min_size=1, max_size=40).filter(lambda text: is_plain(text, max_length=40))
principals = st.builds(
    Principal,
    issuer=st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
    issuer_url=names,
    subject=names,
    token_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    expires_at_s=st.integers(NOW_S + 1, 253_402_300_799),
    attributes=st.dictionaries(names, names, max_size=4),
    groups=st.sets(names, max_size=4).map(lambda groups: tuple(sorted(groups))),
    on_behalf_of=st.none() | names,
)


def refusal(text: str) -> str:
    with pytest.raises(Unauthenticated) as raised:
        parse_principal(text, now_s=NOW_S)
    return raised.value.code


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(format_principal(PRINCIPAL)), **changes})


def test_a_text_that_was_read_before_is_refused_once_it_has_expired() -> None:
    text = format_principal(PRINCIPAL)
    assert parse_principal(text, now_s=NOW_S) == PRINCIPAL

    with pytest.raises(Unauthenticated) as raised:
        parse_principal(text, now_s=PRINCIPAL.expires_at_s)
    assert raised.value.code == "token.expired"


@settings(max_examples=60, deadline=None)
@given(principals)
def test_gives_back_the_principal_that_was_sent(principal):
    assert parse_principal(format_principal(principal), now_s=NOW_S) == principal


@settings(max_examples=60, deadline=None)
@given(principals)
def test_sends_ascii_within_the_bound(principal):
    text = format_principal(principal)
    assert text.isascii()
    assert len(json.dumps(text)) <= MAX_ESCAPED_LENGTH


def test_sends_every_field_in_one_fixed_form():
    assert format_principal(PRINCIPAL) == (
        '{"attributes":{"repo":"octo/shop"},"expires_at_s":1800000001,"groups":["readers","writers"],"issuer":"ci",'
        '"issuer_url":"https://issuer.example","on_behalf_of":"mona","subject":"repo:octo/shop",'
        f'"token_sha256":"{"0" * 64}"}}'
    )


@pytest.mark.parametrize("past_s", [0, 1, 10**9], ids=str)
def test_refuses_an_expired_principal(past_s):
    with pytest.raises(Unauthenticated, match="expired"):
        parse_principal(format_principal(PRINCIPAL), now_s=PRINCIPAL.expires_at_s + past_s)


def test_refuses_to_send_more_claims_than_the_context_carries():
    groups = tuple(sorted(f"group-{number:04}" for number in range(600)))
    with pytest.raises(Unauthenticated) as raised:
        format_principal(replace(PRINCIPAL, groups=groups))
    assert raised.value.code == "token.claims"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", "x", '"ci"', "{", "\ud800"),
        format_principal(PRINCIPAL)[:-1],
        format_principal(PRINCIPAL) + "x",
        format_principal(PRINCIPAL)[:-1] + ',"issuer":"other"}',
    ],
    ids=lambda text: repr(text)[-24:],
)
def test_refuses_what_is_no_principal(text):
    assert refusal(text) == "token.malformed"


@pytest.mark.parametrize("name", sorted(json.loads(format_principal(PRINCIPAL))))
def test_refuses_a_principal_without_one_of_its_fields(name):
    fields = json.loads(format_principal(PRINCIPAL))
    del fields[name]
    assert refusal(json.dumps(fields)) == "token.malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"admin": True},
        {"issuer": "CI"},
        {"issuer": "a|b"},
        {"issuer": None},
        {"issuer_url": ""},
        {"subject": ""},
        {"subject": 1},
        {"subject": "a\nb"},
        {"token_sha256": "0" * 63},
        {"token_sha256": "G" * 64},
        {"expires_at_s": str(NOW_S + 1)},
        {"expires_at_s": NOW_S + 1.5},
        {"expires_at_s": True},
        {"expires_at_s": None},
        {"attributes": []},
        {"attributes": {"a": 1}},
        {"attributes": {"a": None}},
        {"attributes": {"": "a"}},
        {"groups": "readers"},
        {"groups": ["b", "a"]},
        {"groups": ["a", "a"]},
        {"groups": [1]},
        {"groups": {}},
        {"on_behalf_of": ""},
        {"on_behalf_of": ["mona"]},
    ],
    ids=str,
)
def test_refuses_a_principal_with_a_field_of_another_form(changes):
    assert refusal(changed(**changes)) == "token.malformed"
