"""Statements that run once, before policy: who may ask, and that nobody is approved by policy alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.errors import Conflict, PolicyFileError, RefusedByPolicy
from postern.policy.bundle import PolicyBundle
from postern.policy.catalog import parse_catalog
from postern.policy.databases import parse_databases
from postern.policy.decide import decide
from postern.policy.decide_statements import run_as
from postern.policy.requests import Denied, Granted, TaskRequest
from postern.types import Budgets, DatabaseName
from tests.support.domain import a_task
from tests.support.policy import CATALOG, DATABASES, NOW_US, POLICY, bundle, principal

OWNED = CATALOG + "owner_role: shop_owner\n"
ASKS = 'permit (principal in Postern::Group::"ci", action == Postern::Action::"runStatements", resource);\n'
EVERYTHING = "permit (principal, action, resource);\n"


def asked(layer: PolicyBundle, *, database: str = "shop", groups: tuple[str, ...] = ("ci",)) -> Granted | Denied:
    request = TaskRequest(
        DatabaseName(database), "migrate", None, (), (), (), 600, Budgets(), statements=("CREATE TABLE t (a int)",)
    )
    return decide(layer, principal(groups=groups), request, now_us=NOW_US)


def test_a_grant_has_no_tables_and_names_the_owner():
    granted = asked(bundle(catalog_shop=OWNED, policy_shop=POLICY + ASKS))
    assert isinstance(granted, Granted)
    assert (granted.grant.tables, granted.grant.owner_role, granted.grant.writes) == ((), "shop_owner", False)


@pytest.mark.parametrize("policy", [POLICY + ASKS, EVERYTHING], ids=["autoApprove-short", "everything-permitted"])
def test_it_is_never_approved_by_policy_alone(policy: str):
    granted = asked(bundle(catalog_shop=OWNED, policy_shop=policy))
    assert isinstance(granted, Granted)
    assert granted.needs_approval


@pytest.mark.parametrize(
    ("catalog", "policy", "database", "groups"),
    [
        pytest.param(OWNED, POLICY, "shop", ("ci",), id="no-policy-permits"),
        pytest.param(OWNED, POLICY + ASKS, "shop", (), id="another-group"),
        pytest.param(OWNED, POLICY + ASKS, "hr", ("ci",), id="another-database"),
        pytest.param(CATALOG, POLICY + ASKS, "shop", ("ci",), id="no-owner-role"),
        pytest.param(
            OWNED,
            POLICY
            + ASKS
            + "forbid (principal, action, resource) when { context has statements && context.statements };",
            "shop",
            ("ci",),
            id="forbidden-by-what-context-says",
        ),
    ],
)
def test_refuses(catalog: str, policy: str, database: str, groups: tuple[str, ...]):
    denied = asked(bundle(catalog_shop=catalog, policy_shop=policy), database=database, groups=groups)
    assert isinstance(denied, Denied)
    assert denied.refusals[0].what == "runStatements"


def test_a_closed_database_looks_like_one_that_is_not_there():
    layer = bundle(catalog_shop=OWNED, policy_shop=POLICY)
    closed, absent = asked(layer), asked(layer, database="hr")
    assert isinstance(closed, Denied)
    assert isinstance(absent, Denied)
    assert [one.reason.replace("hr", "shop") for one in absent.refusals] == [one.reason for one in closed.refusals]


def test_statements_run_as_the_owner_whom_grant_and_catalog_name():
    layer = bundle(catalog_shop=OWNED, policy_shop=POLICY + ASKS)
    granted = asked(layer)
    assert isinstance(granted, Granted)
    task = a_task(grant=granted.grant, statements=("SELECT 1",))
    assert run_as(layer, task) == "shop_owner"
    with pytest.raises(Conflict, match="policy changed"):
        run_as(bundle(catalog_shop=OWNED, policy_shop=POLICY), task)


@pytest.mark.parametrize("grant", [{"owner_role": None}, {"owner_role": "postgres"}], ids=["none", "another"])
def test_an_owner_that_the_catalog_does_not_name_is_refused(grant: dict[str, object]):
    layer = bundle(catalog_shop=OWNED, policy_shop=POLICY + ASKS)
    granted = asked(layer)
    assert isinstance(granted, Granted)
    with pytest.raises(RefusedByPolicy):
        run_as(layer, a_task(grant=replace(granted.grant, **grant), statements=("SELECT 1",)))


@pytest.mark.parametrize(
    "role",
    ["postgres", "rdsadmin", "rds_superuser", "pg_read_all_data", "postern_owner", "public", f"task_{'0' * 32}", "a.b"],
)
def test_a_catalog_names_no_reserved_role_as_owner(role: str):
    with pytest.raises(PolicyFileError, match="owner_role"):
        parse_catalog(f"{CATALOG}owner_role: {role}\n".encode(), file="shop.yaml")


COPY = DATABASES.replace("shop:", "shop_copy:").replace("shop.example", "copy.example")
TRIED = DATABASES + "  dry_run_database: shop_copy\n"


def test_a_database_is_tried_in_one_that_has_no_catalog():
    addresses = parse_databases((TRIED + COPY).encode(), file="databases.yaml", catalogued=[DatabaseName("shop")])
    assert addresses[DatabaseName("shop")].dry_run_database == "shop_copy"
    assert addresses[DatabaseName("shop_copy")].host == "copy.example"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(TRIED, "another entry", id="not-there"),
        pytest.param(DATABASES + "  dry_run_database: shop\n", "another entry", id="itself"),
        pytest.param(DATABASES + COPY, "catalog/shop_copy.yaml", id="named-by-nobody"),
        pytest.param(
            DATABASES + COPY + "  dry_run_database: shop\n", "catalog/shop_copy.yaml", id="names-the-catalogued-one"
        ),
    ],
)
def test_a_slip_in_where_it_is_tried_is_refused(text: str, says: str):
    with pytest.raises(PolicyFileError, match=says):
        parse_databases(text.encode(), file="databases.yaml", catalogued=[DatabaseName("shop")])
