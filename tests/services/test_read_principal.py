"""Who the caller is, and where it may approve, revoke and audit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.denials import Denial, DenialKey, DenialKind
from postern.errors import PolicyUnavailable, StateUnavailable
from postern.services.operators import Operators
from postern.services.read_principal import ReadPrincipal, Rights
from postern.types import DatabaseName
from tests.support.denials import DENIAL, FakeDenials
from tests.support.domain import AGENT
from tests.support.fake_clock import FakeClock
from tests.support.policy import CATALOG, DATABASES, POLICY, bundle

BOTH = DATABASES + DATABASES.replace("shop:", "stock:").replace("shop", "stock").replace("cluster-ABC", "cluster-DEF")
STOCK = CATALOG.replace("database: shop", "database: stock")
RULES = """
@id("leads-approve-reads-of-the-shop")
permit (principal in Postern::Group::"leads", action == Postern::Action::"approve",
        resource == Postern::Database::"shop") when { !context.writes };
@id("operators-revoke")
permit (principal in Postern::Group::"operators", action == Postern::Action::"revoke", resource)
when { context.weekday > 0 && context.hour >= 8 };
@id("auditors-audit-by-day")
permit (principal in Postern::Group::"auditors", action == Postern::Action::"audit",
        resource == Postern::Database::"stock") when { context.hour >= 8 };
"""
SHOP, STOCKS = DatabaseName("shop"), DatabaseName("stock")
PERSON = replace(AGENT, issuer="people", subject="ann", groups=("leads", "operators", "auditors"))
ALL = Rights(approve=(SHOP,), revoke=(SHOP, STOCKS), audit=(STOCKS,))


class Loaded:
    """The policy, as deployed."""

    bundle = bundle(databases=BOTH, catalog_stock=STOCK, policy_shop=POLICY + RULES)

    def load(self):
        return self.bundle


@pytest.fixture
def denials() -> FakeDenials:
    return FakeDenials()


@pytest.fixture
def reading(denials: FakeDenials) -> ReadPrincipal:
    nine = 1_800_000_000 // 86_400 * 86_400 + 9 * 3_600
    return ReadPrincipal(Loaded(), denials, FakeClock(at_us=nine * 1_000_000))


GROUPS = {
    "nobody": ((), Rights()),
    "an agent's": (("agents",), Rights()),
    "leads": (("leads",), Rights(approve=(SHOP,))),
    "operators": (("operators",), Rights(revoke=(SHOP, STOCKS))),
    "auditors": (("auditors",), Rights(audit=(STOCKS,))),
    "all of them": (PERSON.groups, ALL),
}


@pytest.mark.parametrize(("groups", "rights"), GROUPS.values(), ids=GROUPS.keys())
def test_tells_what_policy_lets_the_caller_do(reading: ReadPrincipal, groups: tuple[str, ...], rights: Rights):
    assert reading.rights(replace(PERSON, groups=groups)) == rights


def test_what_hangs_on_the_hour_is_told_for_now(reading: ReadPrincipal):
    reading.clock.at_us -= 2 * 3_600 * 1_000_000
    assert reading.rights(PERSON) == Rights(approve=(SHOP,))


def test_what_acts_for_somebody_approves_and_revokes_nothing(reading: ReadPrincipal):
    assert reading.rights(replace(PERSON, on_behalf_of="bob")) == Rights(audit=(STOCKS,))


KEYS = {
    "the principal": DenialKey(DenialKind.PRINCIPAL, PERSON.id),
    "its issuer": DenialKey(DenialKind.ISSUER, "people"),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_who_is_denied_may_do_nothing(reading: ReadPrincipal, denials: FakeDenials, key: DenialKey):
    denial: Denial = replace(DENIAL, key=key)
    denials.put(denial)
    assert reading.rights(PERSON) == Rights()


def test_a_held_database_changes_no_rights(reading: ReadPrincipal, denials: FakeDenials):
    denials.put(replace(DENIAL, key=DenialKey(DenialKind.HOLD, "shop")))
    assert reading.rights(PERSON) == ALL


def test_says_of_revoking_what_revoking_says(reading: ReadPrincipal, denials: FakeDenials):
    operators = Operators(reading.policy, denials, reading.clock)
    for name in reading.rights(PERSON).revoke:
        operators.check(PERSON, name)


def test_says_nothing_where_it_cannot_know(reading: ReadPrincipal, denials: FakeDenials):
    denials.away = True
    with pytest.raises(StateUnavailable):
        reading.rights(PERSON)


def test_says_nothing_where_the_policy_cannot_be_read(denials: FakeDenials):
    class Broken:
        def load(self):
            raise PolicyUnavailable("policy.unavailable", "broken")

    with pytest.raises(PolicyUnavailable):
        ReadPrincipal(Broken(), denials, FakeClock()).rights(PERSON)
