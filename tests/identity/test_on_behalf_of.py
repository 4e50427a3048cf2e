"""Delegated tokens (RFC 8693): whoever acts is the principal, and whom it acts for is never more than named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity import ABSENT, ISSUER, ISSUERS_YAML, refusal, token, verify

BY_CLAIM = ISSUERS_YAML + "    on_behalf_of: actor\n"


def who(**claims: Any) -> tuple[str, str | None]:
    principal = verify(token(**claims))
    return principal.id, principal.on_behalf_of


@pytest.mark.parametrize(
    "act",
    [
        {"sub": "agent-7"},
        {"sub": "agent-7", "iss": ISSUER},
        {"sub": "agent-7", "client_id": "other", "act": {"sub": "before", "act": {"sub": "first"}}},
        {"sub": "agent-7", "act": {"sub": "mona"}},
        {"sub": "agent-7", "act": {"sub": "agent-7"}},
        {"sub": "agent-7", "act": {"sub": "before", "iss": "https://other.example"}},
        {"sub": "agent-7", "act": "nonsense", "aud": "elsewhere", "exp": 1},
    ],
    ids=["plain", "with issuer", "chain", "chain to the person", "chain to itself", "chain elsewhere", "other claims"],
)
def test_takes_the_current_actor_and_nobody_before_it(act):
    assert who(sub="mona", act=act) == ("ci|agent-7", "mona")


@pytest.mark.parametrize(
    "act",
    [
        *(None, False, 0, "", "agent-7", [], [{"sub": "agent-7"}], {}, {"act": {"sub": "agent-7"}}),
        *({"client_id": "agent-7"}, {"SUB": "agent-7"}, {"sub": None}, {"sub": ["agent-7"]}, {"sub": "a\u200bb"}),
        *({"sub": "agent-7", "iss": "https://other.example"}, {"sub": "agent-7", "iss": None}),
        *({"sub": "agent-7", "iss": [ISSUER]}, {"sub": "agent-7", "iss": f"{ISSUER}/"}),
    ],
    ids=lambda act: repr(act)[:40],
)
def test_rejects_an_actor_that_is_none_of_this_issuers(act):
    assert refusal(token(sub="mona", act=act)) == "token.claims"


def test_rejects_an_actor_that_would_stand_here_as_the_person():
    """The person's own tasks, and what policy gives the person by name, are not for who acts for them."""
    assert refusal(token(sub="mona", act={"sub": "mona"})) == "token.claims"


@pytest.mark.parametrize("may_act", [{"sub": "agent-7"}, {"sub": "mona"}, None, "nonsense"], ids=repr)
def test_gives_nothing_for_what_somebody_may_do_later(may_act):
    """`may_act` tells an issuer to whom it may give a delegated token: by itself nobody acts."""
    assert who(sub="mona", may_act=may_act) == ("ci|mona", None)


def test_knows_no_person_by_a_claim_that_is_not_configured():
    assert who(actor="lisa", on_behalf_of="lisa", azp="lisa", ACT={"sub": "lisa"}) == ("ci|repo:octo/shop", None)


@pytest.mark.parametrize("subject", [pytest.param(ABSENT, id="absent"), None, "", 1, ["mona"]], ids=repr)
def test_rejects_a_delegated_token_that_does_not_say_for_whom(subject):
    assert refusal(token(sub=subject, act={"sub": "agent-7"})) == "token.claims"


def test_lets_no_configured_claim_name_another_person_than_the_token_is_about():
    assert refusal(token(sub="mona", actor="lisa", act={"sub": "agent-7"}), yaml=BY_CLAIM) == "token.claims"
    assert refusal(token(sub="mona", actor="agent-7", act={"sub": "agent-7"}), yaml=BY_CLAIM) == "token.claims"


def test_asks_a_bound_delegated_tokens_proof_of_whoever_sends_it():
    assert refusal(token(sub="mona", act={"sub": "agent-7"}, cnf={"jkt": "x" * 43})) == "token.proof"
