"""The authentication of a call: one token, verified, or a refusal."""

from __future__ import annotations

import pytest

from postern.errors import IssuerUnavailable, Unauthenticated
from postern.identity.keys import KeySource
from postern.services.authorize import Authorize, Call
from tests.support.fake_clock import FakeClock
from tests.support.identity import NOW_S, FixedKeys, NoKeys, issuer_keys, rules, token
from tests.support.proofs import METHOD, URL, MemoryUsedProofs, bound_token, proof


def service(keys: KeySource | None = None) -> Authorize:
    clock = FakeClock(at_us=NOW_S * 1_000_000 + 999_999)
    return Authorize(rules(), keys or FixedKeys(issuer_keys()), MemoryUsedProofs(), clock)


def call(*authorization: str, proofs: tuple[str, ...] = ()) -> Call:
    return Call(authorization, proofs, METHOD, URL)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_gives_the_principal_of_a_bearer_token(scheme):
    assert service().run(call(f"{scheme} {token()}")).id == "ci|repo:octo/shop"


@pytest.mark.parametrize(
    "headers",
    [[], [""], ["Bearer"], ["Bearer "], ["Basic dXNlcjpwYXNz"], ["Bearertoken"], ["DPoP"], ["x.y.z"]],
    ids=str,
)
def test_refuses_a_call_without_a_bearer_token(headers):
    with pytest.raises(Unauthenticated) as raised:
        service().run(call(*headers))
    assert raised.value.code == "token.missing"


@pytest.mark.parametrize(
    "spoil", ["Bearer  {}", "Bearer {} ", "Bearer {}\n", "Bearer {}, Bearer {}", "Bearer\t{}"], ids=repr
)
def test_refuses_a_header_with_more_in_it_than_one_token(spoil):
    with pytest.raises(Unauthenticated):
        service().run(call(spoil.format(token(), token())))


def test_refuses_two_authorization_headers_even_where_both_would_hold():
    with pytest.raises(Unauthenticated) as raised:
        service().run(call(f"Bearer {token()}", f"Bearer {token()}"))
    assert raised.value.code == "token.malformed"


def test_passes_on_that_an_issuer_cannot_be_reached():
    with pytest.raises(IssuerUnavailable):
        service(NoKeys()).run(call(f"Bearer {token()}"))


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_gives_the_principal_of_a_bound_token_whose_proof_is_new(scheme):
    bound, to = bound_token(), service()
    assert to.run(call(f"{scheme} {bound}", proofs=(proof(bound),))).id == "ci|repo:octo/shop"
    with pytest.raises(Unauthenticated) as raised:
        to.run(call(f"{scheme} {bound}", proofs=(proof(bound),)))
    assert raised.value.code == "token.replayed"


def test_ignores_a_proof_beside_a_bearer_token_that_is_bound_to_nothing():
    assert service().run(call(f"Bearer {token()}", proofs=("x.y.z",))).id == "ci|repo:octo/shop"
