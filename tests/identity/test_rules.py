"""Claim rules: which genuine tokens are admitted, and as whom."""

from __future__ import annotations

from typing import Any

import pytest

from postern.errors import Unauthenticated
from tests.support.identity import ABSENT, AUDIENCE, ISSUER, refusal, token, verify


def issuer(*lines: str) -> str:
    """The forge's issuer with these tables and no other."""
    entry = ("- name: ci", f"issuer: {ISSUER}", f"audience: {AUDIENCE}", *lines)
    return "issuers:\n" + "\n  ".join(entry) + "\n"


OPEN = "require: {iss: " + ISSUER + "}"


def is_admitted(*lines: str, **claims: Any) -> bool:
    try:
        verify(token(**claims), yaml=issuer(*lines))
    except Unauthenticated as error:
        assert error.code == "token.rules"
        return False
    return True


@pytest.mark.parametrize("tables", [(), ("require: {}",), ("match: {}",), ("require: {}", "match: {}")], ids=str)
def test_admits_nobody_where_the_tables_are_empty(tables):
    assert not is_admitted(*tables)


@pytest.mark.parametrize(
    ("wanted", "value", "admitted"),
    [
        ("octo", "octo", True),
        ("octo", "octopus", False),
        ("octo", "OCTO", False),
        ("octo", "", False),
        ("octo", ABSENT, False),
        ("octo", None, False),
        ("octo", {"octo": "octo"}, False),
        ("[octo, hexa]", "hexa", True),
        ("[octo, hexa]", "deca", False),
        ("octo", ["hexa", "octo"], True),
        ("octo", ["hexa"], False),
        ("octo", [["octo"]], False),
        ("octo", [], False),
        ("true", True, True),
        ("true", 1, False),
        ("true", "true", False),
        ("1", 1, True),
        ("1", True, False),
        ("1", 1.0, False),
        ("1", "1", False),
        ('"1"', "1", True),
        ('"1"', 1, False),
    ],
    ids=lambda value: "absent" if value is ABSENT else repr(value),
)
def test_requires_a_claim_to_have_a_listed_value_of_its_type(wanted, value, admitted):
    assert is_admitted(f"require: {{claim: {wanted}}}", claim=value) is admitted


@pytest.mark.parametrize(
    ("pattern", "value", "admitted"),
    [
        ("refs/heads/.*", "refs/heads/main", True),
        ("main|release-.*", "release-1", True),
        ("main|release-.*", "xmain", False),
        ("main|release-.*", "mainx", False),
        ("main", "main\n", False),
        (".*", "a\nb", False),
        ("(?i)main", "MAIN", True),
        ("main", ["main"], False),
        ("1", 1, False),
        (".*", ABSENT, False),
        (".*", None, False),
        (".*", "", True),
        ("(a*)*b", "a" * 8000, False),
        ("é.", "éà", True),
    ],
    ids=lambda value: "absent" if value is ABSENT else repr(value)[:20],
)
def test_requires_a_text_claim_to_match_as_a_whole(pattern, value, admitted):
    assert is_admitted(f"match: {{claim: '{pattern}'}}", claim=value) is admitted


def test_requires_every_row_of_both_tables():
    tables = ("require: {a: x, b: y}", "match: {c: z+, d: w}")
    good = {"a": "x", "b": "y", "c": "zz", "d": "w"}
    assert is_admitted(*tables, **good)
    for claim in good:
        assert not is_admitted(*tables, **{**good, claim: "other"}), claim


@pytest.mark.parametrize(
    ("value", "attribute"),
    [("octo/shop", "octo/shop"), (17, "17"), (-1, "-1"), (True, "true"), (False, "false"), ("0", "0")],
    ids=repr,
)
def test_makes_an_attribute_of_a_scalar_claim(value, attribute):
    principal = verify(token(claim=value), yaml=issuer(OPEN, "attributes: {repo: claim}"))
    assert principal.attributes == {"repo": attribute}


@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
def test_leaves_out_an_attribute_whose_claim_has_no_value(value):
    assert verify(token(claim=value), yaml=issuer(OPEN, "attributes: {repo: claim}")).attributes == {}


@pytest.mark.parametrize(
    "value",
    [[], ["a"], {}, {"a": "b"}, 1.5, "", "a\nb", "x" * 256, 10**300, "a\u202eb"],
    ids=lambda value: repr(value)[:20],
)
def test_refuses_a_token_whose_attribute_is_no_scalar(value):
    assert refusal(token(claim=value), yaml=issuer(OPEN, "attributes: {repo: claim}")) == "token.claims"


GROUPS = (
    OPEN,
    "groups:",
    "- {name: writers, when: {environment: [production, staging], repository: octo/shop}}",
    "- {name: readers, when: {repository: octo/shop}}",
    "- {name: readers, when: {repository: octo/docs}}",
)


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"repository": "octo/shop", "environment": "staging"}, ("readers", "writers")),
        ({"repository": "octo/shop", "environment": "test"}, ("readers",)),
        ({"repository": "octo/docs", "environment": "staging"}, ("readers",)),
        ({"environment": "staging"}, ()),
        ({}, ()),
    ],
    ids=str,
)
def test_puts_a_principal_in_the_groups_whose_every_claim_holds(claims, groups):
    assert verify(token(**claims), yaml=issuer(*GROUPS)).groups == groups


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        (["b", "a"], ("a", "b", "readers")),
        (["a", "a", "readers"], ("a", "readers")),
        ("a b", ("a b", "readers")),
        ([], ("readers",)),
        (ABSENT, ("readers",)),
        (None, ("readers",)),
    ],
    ids=["list", "repeated", "text", "empty", "absent", "null"],
)
def test_adds_the_groups_of_the_groups_claim(value, groups):
    yaml = issuer(*GROUPS, "groups_claim: teams")
    assert verify(token(repository="octo/shop", teams=value), yaml=yaml).groups == groups


@pytest.mark.parametrize("value", [[1], [None], [["a"]], [""], ["a\n"], {}, 1, True, "", ["a", "b" * 256]], ids=repr)
def test_refuses_a_token_whose_groups_are_no_names(value):
    assert refusal(token(teams=value), yaml=issuer(OPEN, "groups_claim: teams")) == "token.claims"


def test_names_the_person_whom_a_configured_claim_names():
    principal = verify(token(actor="mona"), yaml=issuer(OPEN, "on_behalf_of: actor"))
    assert (principal.subject, principal.on_behalf_of) == ("repo:octo/shop", "mona")


@pytest.mark.parametrize("actor", [ABSENT, None], ids=["absent", "null"])
def test_names_no_person_where_the_configured_claim_has_no_value(actor):
    assert verify(token(actor=actor), yaml=issuer(OPEN, "on_behalf_of: actor")).on_behalf_of is None


@pytest.mark.parametrize("actor", [1, [], {"sub": "mona"}, "", "a\u200bb"], ids=repr)
def test_refuses_a_token_whose_person_is_no_name(actor):
    assert refusal(token(actor=actor), yaml=issuer(OPEN, "on_behalf_of: actor")) == "token.claims"


@pytest.mark.parametrize(
    "act", [{"sub": "agent-7"}, {"sub": "agent-7", "iss": ISSUER, "act": {"sub": "before"}}], ids=str
)
def test_takes_the_actor_as_principal_and_the_subject_as_person(act):
    principal = verify(token(sub="mona", act=act), yaml=issuer(OPEN))
    assert (principal.id, principal.on_behalf_of) == ("ci|agent-7", "mona")


@pytest.mark.parametrize(
    "act",
    [
        None,
        "agent-7",
        [],
        {},
        {"sub": ""},
        {"sub": 1},
        {"sub": "a\n"},
        {"sub": "agent-7", "iss": "https://other.example"},
    ],
    ids=str,
)
def test_refuses_a_token_whose_actor_is_not_one_of_this_issuer(act):
    assert refusal(token(sub="mona", act=act), yaml=issuer(OPEN)) == "token.claims"


def test_refuses_a_token_that_names_two_persons():
    yaml = issuer(OPEN, "on_behalf_of: actor")
    assert refusal(token(sub="mona", actor="lisa", act={"sub": "agent-7"}), yaml=yaml) == "token.claims"
    assert verify(token(sub="mona", actor="mona", act={"sub": "agent-7"}), yaml=yaml).on_behalf_of == "mona"


def test_keeps_ids_of_different_issuers_apart_whatever_the_subject_holds():
    assert verify(token(sub="other|x")).id.split("|", 1)[0] == "ci"
