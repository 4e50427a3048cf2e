"""Write actions and lookups before the policies: what is granted, and what is refused though each part is permitted."""

from __future__ import annotations

import pytest

from postern.errors import Refusal
from postern.policy.requests import AccessRequest
from postern.types import Action
from tests.support.policy import CATALOG, POLICY, access, bundle, denied, granted, principal, replaced, request

WRITERS = """
permit (principal in Group::"ci", action in [Action::"insert", Action::"update", Action::"delete"],
        resource in Database::"shop");
permit (principal in Group::"ci", action == Action::"lookup", resource in Database::"shop");
"""
LAYER = bundle(
    policy_writers=WRITERS,
    catalog_shop=replaced(
        CATALOG, "  pii.name: {mask: redact}\n", "  pii.name: {mask: redact}\n  ref.person: {mask: token}\n"
    ).replace("customer_id: open", "customer_id: ref.person"),
)


@pytest.mark.parametrize(
    ("parts", "actions"),
    [
        pytest.param([access("orders", actions=["insert"])], ["insert"], id="insert-alone"),
        pytest.param([access("orders", actions=["update", "select"])], ["select", "update"], id="update-and-select"),
        pytest.param(
            [access("orders", actions=["delete"]), access("public.orders")], ["delete", "select"], id="over-two-entries"
        ),
        pytest.param(
            [access("orders", actions=["select", "insert", "update", "delete"])],
            ["delete", "insert", "select", "update"],
            id="all-on-a-table-without-filter",
        ),
        pytest.param([access("customers", actions=["select", "update"])], ["select", "update"], id="filtered-update"),
        pytest.param([access("customers", actions=["insert"])], ["insert"], id="filtered-insert"),
    ],
)
def test_grants_the_actions_that_were_asked_for_and_no_others(parts: list[AccessRequest], actions: list[str]):
    (table,) = granted(LAYER, request(*parts)).grant.tables
    assert table.actions == tuple(Action(action) for action in actions)


FILTERED = "its rows are filtered, so one task cannot hold both: open one for each"


def _reads(action: str) -> str:
    return f"`{action}` reads the columns that find its rows: ask for `select` on the table as well"


@pytest.mark.parametrize(
    ("parts", "refusals"),
    [
        pytest.param(
            [access("orders", actions=["update", "delete"])],
            [
                Refusal("delete on orders", "policy.writes", _reads("delete")),
                Refusal("update on orders", "policy.writes", _reads("update")),
            ],
            id="rows-cannot-be-found-without-select",
        ),
        pytest.param(
            [access("customers", actions=["select", "insert", "update"])],
            [Refusal("insert and update on customers", "policy.writes", FILTERED)],
            id="insert-and-update-on-a-filtered-table",
        ),
        pytest.param(
            [access("customers", actions=["insert"]), access("public.customers", actions=["update", "select"])],
            [Refusal("insert and update on customers", "policy.writes", FILTERED)],
            id="insert-and-update-over-two-entries",
        ),
    ],
)
def test_refuses_permitted_actions_that_no_task_can_hold(parts: list[AccessRequest], refusals: list[Refusal]):
    assert list(denied(LAYER, request(*parts)).refusals) == refusals


def test_a_closed_select_is_the_only_thing_said_of_an_update_beside_it():
    closed = bundle(policy_shop=WRITERS)
    refusals = denied(closed, request(access("orders", actions=["select", "update"]))).refusals
    assert [refusal.what for refusal in refusals] == ["select on orders"]


@pytest.mark.parametrize("action", ["insert", "update", "delete"])
@pytest.mark.parametrize("name", ["orders", "customers", "nope", "sales.leads"])
def test_a_closed_write_looks_like_a_table_that_is_not_there(name: str, action: str):
    nobody = principal(groups=[])
    without = bundle(
        catalog_shop=CATALOG[: CATALOG.index("tables:")] + "tables: {public.other: {columns: {id: open}}}\n",
        policy_shop="permit (principal, action, resource);",
    )
    asked = request(access(name, actions=["select", action], columns=["id"]))
    assert denied(LAYER, asked, nobody) == denied(without, asked, nobody)


@pytest.mark.parametrize("action", ["insert", "update", "delete"])
def test_a_row_filter_without_its_attribute_closes_the_table_to_writes(action: str):
    asked = request(access("customers", actions=["select", action]))
    refusals = denied(LAYER, asked, principal(attributes={})).refusals
    assert [refusal.what for refusal in refusals] == ["rows of customers"]


@pytest.mark.parametrize(
    ("actions", "needs_approval"),
    [
        pytest.param(["select"], False, id="reads"),
        pytest.param(["select", "update"], True, id="writes"),
        pytest.param(["insert"], True, id="inserts-only"),
    ],
)
def test_policy_can_leave_writes_to_a_person(actions: list[str], needs_approval: bool):
    only_reads = replaced(POLICY, "context.ttl <= 3600", "!context.writes")
    layer = bundle(policy_shop=only_reads + WRITERS)
    assert granted(layer, request(access("orders", actions=actions))).needs_approval is needs_approval


def test_grants_lookups_sorted_and_each_once():
    catalog = replaced(CATALOG, "{mask: email}", "{mask: token}").replace("{mask: redact}", "{mask: token}")
    layer = bundle(policy_writers=WRITERS, catalog_shop=catalog)
    asked = request(access("orders"), lookup=["pii.name", "pii.email", "pii.name"])
    assert granted(layer, asked).grant.lookups == ("pii.email", "pii.name")


@pytest.mark.parametrize(
    ("lookup", "unmask", "says"),
    [
        pytest.param(["pii.email"], [], "its mask is `email` and only tokens can be looked up", id="mask-is-no-token"),
        pytest.param(["ref.person"], ["ref.person"], "asked for raw as well", id="unmasked-too"),
    ],
)
def test_refuses_a_permitted_lookup_that_cannot_be(lookup: list[str], unmask: list[str], says: str):
    everything = bundle(
        policy_shop="permit (principal, action, resource);",
        catalog_shop=replaced(
            CATALOG, "  pii.name: {mask: redact}\n", "  pii.name: {mask: redact}\n  ref.person: {mask: token}\n"
        ),
    )
    (refusal,) = denied(everything, request(access("orders"), lookup=lookup, unmask=unmask)).refusals
    assert (refusal.what, refusal.code, says in refusal.reason) == (f"lookup {lookup[0]}", "policy.refused", True)


@pytest.mark.parametrize("name", ["pii.email", "pii.gone", "ref.person"])
def test_a_closed_lookup_looks_like_a_class_that_is_not_there(name: str):
    (refusal,) = denied(bundle(), request(access("orders"), lookup=[name])).refusals
    assert refusal.reason == (
        f"`lookup` of class `{name}` in database `shop` is not open to you:"
        " check the names, or ask your operator for access"
    )


def test_what_a_write_may_set_off_is_carried_into_the_grant():
    text = CATALOG.replace(
        "    columns: {id: open, customer_id: open, total: open}",
        "    columns: {id: open, customer_id: open, total: {class: open, type: numeric}}\n"
        "    triggers: [stamp, audit]\n    cascades: [lines, sales.leads]",
    )
    layer = bundle(policy_writers=WRITERS, catalog_shop=text)
    (table,) = granted(layer, request(access("orders"))).grant.tables
    assert table.triggers == ("stamp", "audit")
    assert table.cascades == ("public.lines", "sales.leads")
    assert {column.name: column.type for column in table.columns} == {
        "id": None,
        "customer_id": None,
        "total": "numeric",
    }


@pytest.mark.parametrize(
    ("line", "detectors"),
    [
        pytest.param("", None, id="none-said"),
        pytest.param(
            "detectors: {phone: true, iban: false}\n",
            ("private_key", "jwt", "github_token", "aws_key", "email", "card", "phone"),
            id="one-on-one-off",
        ),
    ],
)
def test_detectors_are_carried_into_the_grant(line: str, detectors: tuple[str, ...] | None):
    layer = bundle(catalog_shop=CATALOG + line)
    assert granted(layer, request(access("orders"))).grant.detectors == detectors
