"""Who sees which record of the log: every kind of record, for everybody who may ask."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.audit.records import Record, RecordType
from postern.denials import Denial, DenialKey, DenialKind
from postern.types import CommandId, Principal
from tests.support import policy
from tests.support.audit import BASE_US
from tests.support.domain import AGENT, NOW_S, OTHER
from tests.support.records import (
    ALMA,
    AUDITORS,
    ISSUERS,
    LAB_TASK,
    LARS,
    PEOPLE,
    RITA,
    SHOP_TASK,
    SVEN,
    Layer,
    Ledger,
    Shelf,
    asking,
    every_kind,
    of_the_log,
)

# About one database. The last two of them name their task alone.
OWN = {
    *("grant", "refusal", "provision", "provision outcome", "teardown", "teardown outcome"),
    *("intent", "outcome", "settled", "run"),
}
OF_A_DATABASE = OWN | {"approval", "sweep", "revocation of database", "revocation of hold", "release"}
SAID_BY_OLGA = {"approval", *(f"revocation of {kind}" for kind in ("task", "database", "hold", "principal", "issuer"))}
NAMELESS = {"revocation of task", "revocation of principal", "revocation of issuer", "erasure"}
OF_THE_LOG = {
    "epoch_start",
    "epoch_end",
    "key",
    "quarantine",
    "deploy",
    "garbage",
    "another log's",
    "another deployment's",
}


def of(kinds: set[str], *databases: str) -> set[str]:
    return {f"{kind} {database}" for kind in kinds for database in databases}


EVERYTHING = of(OF_A_DATABASE | NAMELESS, "shop", "lab") | OF_THE_LOG
WHO: dict[str, tuple[Principal, set[str]]] = {
    "the agent": (AGENT, of(OWN, "shop")),
    "the agent of the other task": (LAB_TASK.principal, of(OWN, "lab")),
    "another agent": (OTHER, set()),
    "the agent for a person": (replace(AGENT, on_behalf_of="ana"), set()),
    "the agent's name of another URL": (replace(AGENT, issuer_url="https://ci2.example"), set()),
    "the agent's subject of another issuer": (replace(AGENT, issuer="ci2"), set()),
    "a bar moved from subject to issuer": (replace(AGENT, issuer="ci|repo", subject="acme/shop:main"), set()),
    "an operator, who approved and revoked": (PEOPLE, of(SAID_BY_OLGA, "shop", "lab")),
    "who may revoke and not audit": (RITA, set()),
    "an auditor of the shop": (SVEN, of(OF_A_DATABASE, "shop")),
    "an auditor of the lab": (LARS, of(OF_A_DATABASE, "lab")),
    "an auditor of all": (ALMA, EVERYTHING),
    "an agent that acts for an auditor": (replace(AGENT, subject="helper", on_behalf_of="alma"), set()),
    "an auditor's token that acts for one": (replace(ALMA, on_behalf_of="alma"), set()),
    "an auditor's name at another issuer": (replace(ALMA, issuer="ci"), set()),
}


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    ledger = Ledger()
    every_kind(ledger, SHOP_TASK, BASE_US, "shop")
    every_kind(ledger, LAB_TASK, BASE_US + 200_000_000, "lab")
    of_the_log(ledger, BASE_US + 400_000_000)
    ledger.entries["garbage"], ledger.keys["garbage"] = b'{"database":"shop"', "wal/garbage"
    foreign = ledger.entries["intent shop"].replace(b'"log":"prod-2026"', b'"log":"prod-2025"')
    ledger.entries["another log's"], ledger.keys["another log's"] = foreign, "wal/foreign"
    foreign = ledger.entries["intent shop"].replace(b'"deployment":"shop"', b'"deployment":"shop2"')
    ledger.entries["another deployment's"], ledger.keys["another deployment's"] = foreign, "wal/foreign2"
    return ledger


def shelf_of(ledger: Ledger) -> Shelf:
    shelf = Shelf()
    shelf.publish_all(ledger)
    return shelf


def seen(shelf: Shelf, ledger: Ledger, who: Principal) -> set[str]:
    names = list(ledger.entries)
    return {names[index] for index in shelf.indexes(who, asking())}


@pytest.mark.parametrize(("who", "expected"), WHO.values(), ids=WHO.keys())
def test_each_sees_its_own_and_what_it_may_audit(who: Principal, expected: set[str], ledger: Ledger):
    assert seen(shelf_of(ledger), ledger, who) == expected


def test_the_table_has_every_record(ledger: Ledger):
    assert set(ledger.entries) == EVERYTHING


@pytest.mark.parametrize(
    "key",
    [DenialKey(DenialKind.PRINCIPAL, ALMA.id), DenialKey(DenialKind.ISSUER, ALMA.issuer)],
    ids=["itself", "its issuer"],
)
def test_a_denied_auditor_audits_nothing(key: DenialKey, ledger: Ledger):
    shelf = shelf_of(ledger)
    shelf.denials.put(Denial(key, CommandId("d"), NOW_S, "people|olga", "stolen"))
    assert seen(shelf, ledger, ALMA) == set()


def test_a_record_of_two_databases_is_for_who_audits_both():
    """No record names two today; one that did would show each database's auditors the other."""
    ledger = Ledger()
    body = {"database": "shop", "target": {"database": "lab"}, "decision": {"result": "allow"}}
    ledger.put("both", Record(RecordType.EVENT, "grant", ledger.id(BASE_US), BASE_US, body))
    shelf = shelf_of(ledger)
    assert [seen(shelf, ledger, who) for who in (SVEN, LARS, ALMA)] == [set(), set(), {"both"}]


def test_a_denied_agent_still_sees_its_own(ledger: Ledger):
    shelf = shelf_of(ledger)
    shelf.denials.put(Denial(DenialKey(DenialKind.PRINCIPAL, AGENT.id), CommandId("d"), NOW_S, "people|olga", "stolen"))
    assert seen(shelf, ledger, AGENT) == of(OWN, "shop")


def test_who_audits_all_that_the_layer_still_knows_sees_what_it_forgot(ledger: Ledger):
    """The lab is gone from the layer: sven now audits every database there is."""
    shelf = shelf_of(ledger)
    rule = 'permit (principal == Postern::Principal::"people|sven", action == Postern::Action::"audit", resource);'
    shelf.layer = Layer(policy.bundle(issuers=ISSUERS, policy_auditors=rule))
    assert seen(shelf, ledger, SVEN) == EVERYTHING


def test_a_layer_without_databases_lets_nobody_see_everything(ledger: Ledger):
    shelf = shelf_of(ledger)
    rule = "permit (principal, action, resource);"
    shelf.layer = Layer(policy.bundle(catalog_shop=None, databases=None, policy_shop=None, policy_all=rule))
    assert seen(shelf, ledger, ALMA) == set()


def test_the_copy_that_statements_are_tried_in_goes_with_its_databases(ledger: Ledger):
    """`lab` is here the copy of the shop, without a catalog of its own: sven, who audits the shop, sees both."""
    shelf = shelf_of(ledger)
    lab = policy.DATABASES.replace("shop:", "lab:", 1)
    shop, copy = policy.DATABASES, "  dry_run_database: lab\n"
    rule = 'permit (principal == Postern::Principal::"people|sven", action == Postern::Action::"audit", resource);'
    shelf.layer = Layer(policy.bundle(issuers=ISSUERS, databases=shop + copy + lab, policy_auditors=rule))
    assert shelf.page(SVEN, asking()).sight.databases == {"shop", "lab"}


def test_a_copy_of_two_databases_is_for_who_audits_both():
    names = ("shop", "lab", "copy")
    shop, lab, copy = (policy.DATABASES.replace("shop:", f"{name}:", 1) for name in names)
    to_copy = "  dry_run_database: copy\n"
    layer = Layer(
        policy.bundle(
            catalog_lab=policy.replaced(policy.CATALOG, "database: shop", "database: lab"),
            databases=shop + to_copy + lab + to_copy + copy,
            issuers=ISSUERS,
            policy_auditors=AUDITORS,
        )
    )
    audited = {who.subject: Shelf(layer=layer).page(who, asking()).sight.databases for who in (SVEN, ALMA)}
    assert audited == {"sven": {"shop"}, "alma": {"shop", "lab", "copy"}}
