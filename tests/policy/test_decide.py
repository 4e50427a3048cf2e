"""Decisions over requests for tasks: golden tables of what is granted, refused, and in which words."""

from __future__ import annotations

import pytest

from postern.errors import Refusal
from postern.policy.decide import decide
from postern.policy.requests import AccessRequest, Denied
from postern.types import Action, GrantedColumn, GrantedTable, Mask, MaskKind, Principal, RowFilter
from tests.support.policy import (
    CATALOG,
    NOW_US,
    POLICY,
    access,
    bundle,
    denied,
    granted,
    principal,
    replaced,
    request,
)

LAYER = bundle()
EMAIL, REDACT = Mask(MaskKind.EMAIL), Mask(MaskKind.REDACT)

CUSTOMERS = GrantedTable(
    schema="public",
    name="customers",
    view="customers",
    actions=(Action.SELECT,),
    columns=(
        GrantedColumn("id", None, None),
        GrantedColumn("email", "pii.email", EMAIL),
        GrantedColumn("full_name", "pii.name", REDACT),
        GrantedColumn("region", None, None),
    ),
    row_filter=RowFilter("region = :region", {"region": "eu"}),
)
ORDERS = GrantedTable(
    schema="public",
    name="orders",
    view="orders",
    actions=(Action.SELECT,),
    columns=(
        GrantedColumn("id", None, None),
        GrantedColumn("customer_id", None, None),
        GrantedColumn("total", None, None),
    ),
)
LEADS = GrantedTable(
    schema="sales",
    name="leads",
    view="sales.leads",
    actions=(Action.SELECT,),
    columns=(GrantedColumn("id", None, None), GrantedColumn("contact", "pii.email", EMAIL)),
)


@pytest.mark.parametrize(
    ("parts", "asking", "tables"),
    [
        pytest.param([access("orders")], principal(), (ORDERS,), id="bare-name"),
        pytest.param([access("public.orders")], principal(), (ORDERS,), id="qualified-name"),
        pytest.param([access("orders", "customers")], principal(), (ORDERS, CUSTOMERS), id="in-the-requests-order"),
        pytest.param([access("orders"), access("public.orders")], principal(), (ORDERS,), id="same-table-twice"),
        pytest.param([access("sales.leads")], principal(groups=["ci", "sales"]), (LEADS,), id="other-schema"),
    ],
)
def test_grants_tables_with_their_masks_and_filters(
    parts: list[AccessRequest], asking: Principal, tables: tuple[GrantedTable, ...]
):
    grant = granted(LAYER, request(*parts), asking).grant
    assert grant.tables == tables
    assert (grant.database, grant.schema_default, grant.policy_digest) == ("shop", "public", LAYER.digest)


@pytest.mark.parametrize(
    ("parts", "columns"),
    [
        pytest.param([access("customers", columns=["region", "id"])], ["id", "region"], id="in-the-catalogs-order"),
        pytest.param([access("customers", columns=["id", "id"])], ["id"], id="named-twice"),
        pytest.param(
            [access("customers", columns=["id"]), access("public.customers", columns=["email"])],
            ["id", "email"],
            id="entries-of-one-table-together",
        ),
        pytest.param(
            [access("customers", columns=["id"]), access("customers")],
            ["id", "email", "full_name", "region"],
            id="an-entry-without-columns-means-all",
        ),
        pytest.param(
            [access("customers"), access("customers", columns=["id"])],
            ["id", "email", "full_name", "region"],
            id="an-entry-without-columns-means-all-whatever-follows",
        ),
    ],
)
def test_columns_narrow_what_is_granted(parts: list[AccessRequest], columns: list[str]):
    (table,) = granted(LAYER, request(*parts)).grant.tables
    assert [column.name for column in table.columns] == columns


def test_catalogs_functions_are_granted():
    layer = bundle(catalog_shop=replaced(CATALOG, "functions: []", "functions: [fiscal_year, sales.margin]"))
    assert granted(layer, request(access("orders"))).grant.functions == ("fiscal_year", "sales.margin")


def test_unmasks_only_the_class_that_was_asked_for_and_permitted():
    (table,) = granted(LAYER, request(access("customers"), unmask=["pii.email"], ticket="OPS-1")).grant.tables
    assert {column.name: column.mask for column in table.columns} == {
        "id": None,
        "email": None,
        "full_name": REDACT,
        "region": None,
    }


def test_a_class_that_was_not_asked_for_stays_masked_where_it_could_be_unmasked():
    (table,) = granted(LAYER, request(access("customers"), ticket="OPS-1")).grant.tables
    assert table == CUSTOMERS


def _closed(what: str, database: str = "shop") -> str:
    return f"{what} in database `{database}` is not open to you: check the names, or ask your operator for access"


SELECT_LEADS = Refusal("select on sales.leads", "policy.refused", _closed("`select` on `sales.leads`"))
SELECT_NOPE = Refusal("select on nope", "policy.refused", _closed("`select` on `nope`"))


@pytest.mark.parametrize(
    ("asked", "refusals"),
    [
        pytest.param(request(access("sales.leads")), [SELECT_LEADS], id="table-that-policy-closes"),
        pytest.param(request(access("nope")), [SELECT_NOPE], id="table-that-is-not-there"),
        pytest.param(request(access("nope", "nope"), access("nope")), [SELECT_NOPE], id="each-part-once"),
        pytest.param(
            request(access("sales.leads", "orders", "nope")), [SELECT_LEADS, SELECT_NOPE], id="every-refused-part"
        ),
        pytest.param(
            request(access("orders", "nope", actions=["insert"])),
            [
                Refusal("insert on orders", "policy.refused", _closed("`insert` on `orders`")),
                Refusal("insert on nope", "policy.refused", _closed("`insert` on `nope`")),
            ],
            id="writes-closed-and-unknown-in-the-same-words",
        ),
        pytest.param(
            request(access("orders", actions=["select", "delete"])),
            [Refusal("delete on orders", "policy.refused", _closed("`delete` on `orders`"))],
            id="a-write-that-is-closed-beside-a-read",
        ),
        pytest.param(
            request(access("orders", columns=["id", "margin"])),
            [
                Refusal(
                    "column margin of orders",
                    "policy.refused",
                    "no column of that name is open to you: leave it out, or leave out `columns` to get all",
                )
            ],
            id="unknown-column",
        ),
        pytest.param(request(access("nope", columns=["x"])), [SELECT_NOPE], id="no-word-on-columns-of-a-closed-table"),
        pytest.param(
            request(access("orders"), unmask=["pii.email", "pii.gone"]),
            [
                Refusal("unmask pii.email", "policy.refused", _closed("`unmask` of class `pii.email`")),
                Refusal("unmask pii.gone", "policy.refused", _closed("`unmask` of class `pii.gone`")),
            ],
            id="unmask-closed-and-unknown-in-the-same-words",
        ),
        pytest.param(
            request(access("orders"), lookup=["pii.email"]),
            [Refusal("lookup pii.email", "policy.refused", _closed("`lookup` of class `pii.email`"))],
            id="lookup-closed",
        ),
        pytest.param(
            request(access("orders"), unmask=["pii.email"], database="hr"),
            [
                Refusal("select on orders", "policy.refused", _closed("`select` on `orders`", "hr")),
                Refusal("unmask pii.email", "policy.refused", _closed("`unmask` of class `pii.email`", "hr")),
            ],
            id="database-that-is-not-there",
        ),
        pytest.param(
            request(),
            [Refusal("access", "policy.refused", "no action on a table is asked for: name at least one")],
            id="nothing-asked",
        ),
        pytest.param(
            request(access("orders", actions=[])),
            [Refusal("access", "policy.refused", "no action on a table is asked for: name at least one")],
            id="no-action-asked",
        ),
    ],
)
def test_names_every_part_that_is_refused(asked, refusals: list[Refusal]):
    assert list(denied(LAYER, asked).refusals) == refusals


@pytest.mark.parametrize("name", ["orders", "customers", "sales.leads", "public.orders"])
def test_a_table_is_refused_in_the_same_words_whether_it_exists_or_not(name: str):
    nobody = principal(groups=[])
    there = denied(LAYER, request(access(name, columns=["id"])), nobody)
    without = bundle(
        catalog_shop=CATALOG[: CATALOG.index("tables:")] + "tables: {public.other: {columns: {id: open}}}\n",
        policy_shop="permit (principal, action, resource);",
    )
    assert there == denied(without, request(access(name, columns=["id"])), nobody)


def test_a_database_is_refused_in_the_same_words_whether_it_exists_or_not():
    nobody = principal(groups=[])
    asked = request(access("orders", columns=["id"]), unmask=["pii.email"])
    assert denied(LAYER, asked, nobody) == denied(
        bundle(databases=None, catalog_shop=None, policy_shop=""), asked, nobody
    )


@pytest.mark.parametrize(
    ("attributes", "refused"),
    [
        pytest.param({}, True, id="no-attributes"),
        pytest.param({"Region": "eu"}, True, id="another-case"),
        pytest.param({"region": ""}, True, id="an-empty-one"),
        pytest.param({"region": " "}, False, id="a-blank-one-is-one"),
    ],
)
def test_a_row_filter_without_its_attribute_closes_the_table(attributes: dict[str, str], refused: bool):
    decision = decide(LAYER, principal(attributes=attributes), request(access("customers")), now_us=NOW_US)
    assert isinstance(decision, Denied) is refused
    if isinstance(decision, Denied):
        assert [refusal.what for refusal in decision.refusals] == ["rows of customers"]


def test_a_row_filter_gets_only_the_attributes_that_it_names():
    asking = principal(attributes={"region": "eu'; --", "secret": "x"})
    (table,) = granted(LAYER, request(access("customers")), asking).grant.tables
    assert table.row_filter == RowFilter("region = :region", {"region": "eu'; --"})


@pytest.mark.parametrize(
    ("ttl_s", "needs_approval", "reasons"),
    [
        pytest.param(3600, False, ("ci-reads", "policy/shop.cedar:15"), id="short"),
        pytest.param(3601, True, ("ci-reads",), id="long"),
    ],
)
def test_policy_approves_by_itself_or_leaves_it_to_a_person(ttl_s: int, needs_approval: bool, reasons: tuple[str, ...]):
    decision = granted(LAYER, request(access("orders"), ttl_s=ttl_s))
    assert (decision.needs_approval, decision.reasons) == (needs_approval, reasons)


def test_a_failing_policy_on_approval_leaves_it_to_a_person():
    broken = (
        'forbid (principal, action == Action::"autoApprove", resource) when { context.ttl * 9223372036854775807 > 0 };'
    )
    assert granted(bundle(policy_more=broken), request(access("orders"))).needs_approval


def test_a_failing_policy_refuses_what_it_could_have_forbidden():
    overflow = "when { context.ttl * 9223372036854775807 > 0 };"
    broken = f'forbid (principal, action == Action::"select", resource) {overflow}'
    refusals = denied(bundle(policy_more=broken), request(access("orders"))).refusals
    assert [(refusal.what, refusal.code) for refusal in refusals] == [
        ("select on orders", "policy.refused"),
        ("policy", "policy.unavailable"),
    ]


# What the context holds, as a condition that is true only then.
@pytest.mark.parametrize(
    ("condition", "asked", "permitted"),
    [
        pytest.param("context.ttl == 60", request(access("orders"), ttl_s=60), True, id="ttl"),
        pytest.param("context.purpose", request(access("orders"), purpose=" "), False, id="blank-purpose"),
        pytest.param("context has ticket", request(access("orders"), ticket=" "), False, id="blank-ticket"),
        pytest.param('context.ticket == "T 1"', request(access("orders"), ticket="T 1"), True, id="ticket"),
        pytest.param("!context.writes", request(access("orders")), True, id="reads"),
        pytest.param("context.hour == 8 && context.weekday == 5", request(access("orders")), True, id="time"),
    ],
)
def test_context_tells_policy(condition: str, asked, permitted: bool):
    guard = condition if "ticket ==" not in condition else f"context has ticket && {condition}"
    select = 'permit (principal, action == Action::"select", resource)'
    layer = bundle(policy_shop=f"{select} when {{ {guard} }};")
    assert isinstance(decide(layer, principal(), asked, now_us=NOW_US), Denied) is not permitted


@pytest.mark.parametrize(
    ("day", "weekday"),
    [pytest.param(0, 4, id="epoch"), pytest.param(4, 1, id="monday"), pytest.param(3, 7, id="sunday")],
)
def test_weekday_counts_from_monday(day: int, weekday: int):
    only = f'permit (principal, action == Action::"select", resource) when {{ context.weekday == {weekday} }};'
    layer = bundle(policy_shop=only)
    last_us = (day + 1) * 86_400_000_000 - 1
    assert not isinstance(decide(layer, principal(), request(access("orders")), now_us=last_us), Denied)
    assert isinstance(decide(layer, principal(), request(access("orders")), now_us=last_us + 1), Denied)


def test_person_behind_an_agent_can_be_forbidden():
    forbid = (
        'forbid (principal, action, resource) when { principal has on_behalf_of && principal.on_behalf_of == "eve" };'
    )
    layer = bundle(policy_shop=POLICY + forbid)
    assert granted(layer, request(access("orders")), principal(on_behalf_of="ann"))
    assert denied(layer, request(access("orders")), principal(on_behalf_of="eve"))
