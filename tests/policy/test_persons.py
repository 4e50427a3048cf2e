"""Whether two principals may be one person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.policy.approving import is_own
from postern.policy.persons import is_among, names_of
from tests.support.domain import AGENT, a_task

ANN = replace(AGENT, issuer="okta", subject="00u1", groups=(), attributes={"email": "ann@acme.example"})
BEN = replace(ANN, subject="00u2", attributes={"email": "ben@acme.example", "region": "eu"})


@pytest.mark.parametrize(
    ("requester", "approver", "own"),
    [
        pytest.param(ANN, ANN, True, id="the same"),
        pytest.param(ANN, replace(ANN, token_sha256="f" * 64, expires_at_s=1), True, id="by another token"),
        pytest.param(ANN, BEN, False, id="another person"),
        pytest.param(replace(AGENT, on_behalf_of="ann@acme.example"), ANN, True, id="on behalf of the address"),
        pytest.param(replace(AGENT, on_behalf_of="ANN@Acme.Example"), ANN, True, id="in another case"),
        pytest.param(replace(AGENT, on_behalf_of="ann"), ANN, True, id="on behalf of the name before the @"),
        pytest.param(replace(AGENT, on_behalf_of="00u1"), ANN, True, id="on behalf of the subject"),
        pytest.param(replace(AGENT, on_behalf_of="okta|00u1"), ANN, True, id="on behalf of the id"),
        pytest.param(replace(AGENT, on_behalf_of="ann"), BEN, False, id="on behalf of somebody else"),
        pytest.param(
            replace(AGENT, on_behalf_of="ann-hub"),
            replace(ANN, attributes={"github_login": "Ann-Hub"}),
            True,
            id="by an attribute of any name",
        ),
        pytest.param(
            replace(AGENT, attributes={"actor": "ann"}), ANN, True, id="the requester's own attribute that names one"
        ),
        pytest.param(replace(AGENT, attributes={"region": "eu"}), BEN, False, id="an attribute that many share"),
        pytest.param(replace(AGENT, subject="ann@acme.example"), ANN, True, id="the requester's subject"),
        pytest.param(replace(AGENT, on_behalf_of="ann@other.example"), ANN, False, id="the same name elsewhere"),
        pytest.param(replace(AGENT, on_behalf_of="\uff41nn"), ANN, True, id="full width letters"),
        pytest.param(replace(AGENT, on_behalf_of="stra\u00dfe"), replace(ANN, subject="STRASSE"), True, id="folded"),
        # Two scripts: that nobody is called by the other's look is for the issuers to see to.
        pytest.param(replace(AGENT, on_behalf_of="\u0430nn"), ANN, False, id="a letter of another script"),
    ],
)
def test_nobody_approves_what_may_be_their_own(requester, approver, own):
    assert is_own(approver, a_task(principal=requester)) is own


@pytest.mark.parametrize(
    ("second", "same"),
    [
        pytest.param(replace(ANN, issuer="entra", subject="oid-9"), True, id="the same address by another issuer"),
        pytest.param(replace(ANN, issuer="hub", subject="Ann", attributes={}), True, id="a bare name"),
        pytest.param(replace(BEN, issuer="entra"), False, id="another person"),
        pytest.param(replace(BEN, attributes={"team": "ann@acme.example"}), False, id="an attribute that names nobody"),
    ],
)
def test_one_person_by_two_issuers_counts_once(second, same):
    assert is_among(names_of(second), [names_of(ANN)]) is same


def test_without_a_name_in_common_two_may_approve():
    assert not is_among(names_of(ANN), [names_of(BEN), names_of(replace(ANN, subject="x", attributes={}))])
