"""The digest that an approval binds: whatever differs in what would be built gives another one."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from postern.policy.scope_digest import scope_bytes, scope_digest
from postern.types import (
    Action,
    Budgets,
    DatabaseName,
    Grant,
    GrantedColumn,
    GrantedTable,
    Mask,
    MaskKind,
    Principal,
    RowFilter,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
)
from tests.support.domain import AGENT, NOW_S, VIEWS, a_task

MASK = Mask(MaskKind.PARTIAL, keep_first=2, keep_last=None, width=3, expression="lower(email)", type="text")
COLUMN = GrantedColumn("email", "pii.email", MASK, "text")
FILTER = RowFilter("region = :region", {"region": "eu"})
TABLE = GrantedTable(
    "public", "customers", "customers", (Action.SELECT,), (COLUMN,), FILTER, ("stamp",), ("public.orders",)
)
GRANT = Grant(
    DatabaseName("shop"), "public", (TABLE,), ("f",), Sha256Hex("d" * 64), ("ref.person",), ("email",), "shop_owner"
)
PRINCIPAL = replace(AGENT, on_behalf_of="ann", attributes={"region": "eu"}, groups=("agents",))
TASK = a_task(principal=PRINCIPAL, grant=GRANT, ticket="OPS-1", ttl_s=600, statements=("SELECT 1",), approvals_needed=2)

# Another value of each field. A field that is missing here fails below: it must be bound, or named as not bound.
OTHER: dict[type, dict[str, Any]] = {
    Mask: {
        "kind": MaskKind.REDACT,
        "keep_first": 3,
        "keep_last": 1,
        "width": 4,
        "expression": "email",
        "type": "varchar",
    },
    GrantedColumn: {"name": "mail", "class_name": None, "mask": None, "type": "varchar"},
    RowFilter: {"expression": "true", "parameters": {"region": "us"}},
    GrantedTable: {
        "schema": "sales",
        "name": "leads",
        "view": "other",
        "actions": (Action.DELETE, Action.SELECT),
        "columns": (),
        "row_filter": None,
        "triggers": (),
        "cascades": (),
    },
    Grant: {
        "database": DatabaseName("other"),
        "schema_default": "sales",
        "tables": (),
        "functions": (),
        "policy_digest": Sha256Hex("c" * 64),
        "lookups": (),
        "detectors": None,
        "owner_role": None,
    },
    Principal: {
        "issuer": "okta",
        "issuer_url": "https://other.example",
        "subject": "repo:acme/other:main",
        "attributes": {"region": "us"},
        "groups": (),
        "on_behalf_of": None,
    },
    Task: {
        "id": TaskId("0199a0b0c0d07000800000000000000b"),
        "purpose": "another",
        "ticket": None,
        "budgets": Budgets(statements=6),
        "ttl_s": 601,
        "approvals_needed": 1,
        "statements": ("SELECT 2",),
        "scope_salt": "5a",
    },
    Budgets: {one.name: 7_777 for one in fields(Budgets)},
}
# What an approval cannot bind: it changes while a task lives, or tells nothing of what would be built.
NOT_BOUND = {
    Principal: {"token_sha256", "expires_at_s"},
    Task: {
        *("state", "created_at_s", "expires_at_s", "sequence", "views", "ends_as", "server_major", "teardowns"),
        *("worlds", "address", "scope_digest"),
    },
}


def changed(kind: type, name: str) -> Task:
    """The task with one field, somewhere in it, of another value."""
    value = {name: OTHER[kind][name]}
    if kind is Task:
        return replace(TASK, **value)
    if kind is Principal:
        return replace(TASK, principal=replace(PRINCIPAL, **value))
    if kind is Budgets:
        return replace(TASK, budgets=replace(TASK.budgets, **value))
    if kind is Grant:
        return replace(TASK, grant=replace(GRANT, **value))
    table = TABLE
    if kind is GrantedTable:
        table = replace(TABLE, **value)
    elif kind is RowFilter:
        table = replace(TABLE, row_filter=replace(FILTER, **value))
    elif kind is GrantedColumn:
        table = replace(TABLE, columns=(replace(COLUMN, **value),))
    else:
        table = replace(TABLE, columns=(replace(COLUMN, mask=replace(MASK, **value)),))
    return replace(TASK, grant=replace(GRANT, tables=(table,)))


@pytest.mark.parametrize("kind", OTHER, ids=lambda kind: kind.__name__)
def test_every_field_is_bound_or_named_as_one_that_is_not(kind):
    nested = {Task: {"principal", "grant"}}.get(kind, set())
    assert {one.name for one in fields(kind)} == {*OTHER[kind], *NOT_BOUND.get(kind, set()), *nested}


@pytest.mark.parametrize(
    ("kind", "name"),
    [pytest.param(kind, name, id=f"{kind.__name__}.{name}") for kind, others in OTHER.items() for name in others],
)
def test_another_value_of_any_field_gives_another_digest(kind, name):
    assert scope_digest(changed(kind, name)) != scope_digest(TASK)


def test_no_two_of_them_share_bytes():
    tasks = [TASK, *(changed(kind, name) for kind, others in OTHER.items() for name in others)]
    assert len({scope_bytes(task) for task in tasks}) == len(tasks)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"purpose": 'a","ticket":"b'}, {"purpose": "a", "ticket": "b"}, id="quotes"),
        pytest.param({"statements": ("a", "b")}, {"statements": ('a","b',)}, id="statements-run-together"),
        pytest.param({"ticket": None}, {"ticket": "null"}, id="null"),
        pytest.param({"ticket": "é"}, {"ticket": "e\u0301"}, id="unicode-forms"),
        pytest.param({"statements": ("a",)}, {"statements": ("a ",)}, id="one-byte"),
        pytest.param({"statements": ("a", "b")}, {"statements": ("b", "a")}, id="order"),
    ],
)
def test_texts_that_look_alike_stay_apart(one, other):
    assert scope_bytes(replace(TASK, **one)) != scope_bytes(replace(TASK, **other))


def test_what_changes_while_a_task_lives_changes_no_digest():
    lived = replace(
        TASK,
        state=TaskState.SUSPENDED,
        budgets=Budgets(),
        sequence=9,
        views=VIEWS,
        expires_at_s=NOW_S + 9,
        principal=replace(PRINCIPAL, token_sha256=Sha256Hex("a" * 64), expires_at_s=1),
    )
    assert scope_digest(lived, budgets=TASK.budgets) == scope_digest(TASK)


def test_its_form_is_fixed():
    """The digest of a scope is in records: a change of form must be a decision."""
    begins = b'postern approval scope 1\n{"approvals_needed":2,"attributes":{"region":"eu"},"budgets":{"affected":20,'
    assert scope_bytes(TASK).startswith(begins)
