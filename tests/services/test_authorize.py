"""The authentication of a call: one bearer token, verified, or a refusal."""

from __future__ import annotations

import pytest

from postern.errors import IssuerUnavailable, Unauthenticated
from postern.identity.keys import KeySource
from postern.services.authorize import Authorize
from tests.support.fakes import FakeClock
from tests.support.identity import NOW_S, FixedKeys, NoKeys, issuer_keys, rules, token


def service(keys: KeySource | None = None) -> Authorize:
    return Authorize(rules(), keys or FixedKeys(issuer_keys()), FakeClock(at_us=NOW_S * 1_000_000 + 999_999))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_gives_the_principal_of_a_bearer_token(scheme):
    assert service().run([f"{scheme} {token()}"]).id == "ci|repo:octo/shop"


@pytest.mark.parametrize(
    "headers",
    [[], [""], ["Bearer"], ["Bearer "], ["Basic dXNlcjpwYXNz"], ["Bearertoken"], ["DPoP x"], ["x.y.z"]],
    ids=str,
)
def test_refuses_a_call_without_a_bearer_token(headers):
    with pytest.raises(Unauthenticated) as raised:
        service().run(headers)
    assert raised.value.code == "token.missing"


@pytest.mark.parametrize(
    "spoil", ["Bearer  {}", "Bearer {} ", "Bearer {}\n", "Bearer {}, Bearer {}", "Bearer\t{}"], ids=repr
)
def test_refuses_a_header_with_more_in_it_than_one_token(spoil):
    with pytest.raises(Unauthenticated):
        service().run([spoil.format(token(), token())])


def test_refuses_two_authorization_headers_even_where_both_would_hold():
    with pytest.raises(Unauthenticated) as raised:
        service().run([f"Bearer {token()}", f"Bearer {token()}"])
    assert raised.value.code == "token.malformed"


def test_passes_on_that_an_issuer_cannot_be_reached():
    with pytest.raises(IssuerUnavailable):
        service(NoKeys()).run([f"Bearer {token()}"])
