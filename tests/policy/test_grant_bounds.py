"""Whatever is asked, a grant holds what was asked and the policies permit, and a denial is never without cause."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from postern.policy.decide import decide
from postern.policy.requests import AccessRequest, Granted, TaskRequest
from postern.types import Action
from tests.support.policy import NOW_US, bundle, principal, request

# The catalog of tests.support.policy, written out once more as the tests' own truth.
COLUMNS = {
    "public.customers": ["id", "email", "full_name", "region"],
    "public.orders": ["id", "customer_id", "total"],
    "sales.leads": ["id", "contact"],
}
CLASS_OF = {
    ("public.customers", "email"): "pii.email",
    ("public.customers", "full_name"): "pii.name",
    ("sales.leads", "contact"): "pii.email",
}
SPELLINGS = {"orders": "public.orders", "customers": "public.customers", **{name: name for name in COLUMNS}}


@dataclass(frozen=True)
class World:
    """Which tables may be selected from and which classes unmasked: permits, and forbids that take away from them."""

    permitted: frozenset[str]
    forbidden: frozenset[str]

    @property
    def open(self) -> frozenset[str]:
        return self.permitted - self.forbidden

    def policies(self) -> str:
        return "\n".join(
            [_policy("permit", name) for name in sorted(self.permitted)]
            + [_policy("forbid", name) for name in sorted(self.forbidden)]
        )


def _policy(effect: str, name: str) -> str:
    if name in COLUMNS:
        return f'{effect} (principal, action == Action::"select", resource == Table::"shop.{name}");'
    return f'{effect} (principal, action == Action::"unmask", resource == Class::"shop/{name}");'


NAMES = st.frozensets(st.sampled_from([*COLUMNS, "pii.email", "pii.name"]))
WORLDS = st.builds(World, NAMES, NAMES)
TABLES = st.sampled_from([*SPELLINGS, "nope", "sales.orders", "", "a.b.c", 'x"; --'])
PARTS = st.builds(
    AccessRequest,
    tables=st.lists(TABLES, max_size=3).map(tuple),
    actions=st.lists(st.sampled_from([Action.SELECT] * 6 + [Action.DELETE]), max_size=2).map(tuple),
    columns=st.none() | st.lists(st.sampled_from(["id", "email", "contact", "total", "ctid"]), max_size=3).map(tuple),
)
UNMASK = st.lists(st.sampled_from(["pii.email", "pii.name", "pii.gone"]), max_size=2)
REQUESTS = st.builds(lambda parts, unmask: request(*parts, unmask=unmask), st.lists(PARTS, max_size=3), UNMASK)


@given(WORLDS, REQUESTS)
@settings(max_examples=300, deadline=None)
def test_grant_holds_only_what_was_asked_and_permitted(world: World, asked: TaskRequest):
    decision = decide(bundle(policy_shop=world.policies()), principal(), asked, now_us=NOW_US)
    if isinstance(decision, Granted):
        _check_grant(decision, world, asked)
    else:
        assert decision.refusals
        assert not _is_wholly_open(world, asked)


def _check_grant(decision: Granted, world: World, asked: TaskRequest) -> None:
    assert _is_wholly_open(world, asked)
    assert set(asked.unmask) <= world.open
    for table in decision.grant.tables:
        assert table.qualified in world.open
        assert set(table.actions) == {Action.SELECT}
        assert {column.name for column in table.columns} == _asked_columns(asked, table.qualified)
        for column in table.columns:
            class_name = CLASS_OF.get((table.qualified, column.name))
            assert column.class_name == class_name
            assert (column.mask is None) == (class_name is None or class_name in asked.unmask)
    assert {table.qualified for table in decision.grant.tables} == {SPELLINGS[name] for _, name in _asked(asked)}


def _asked(asked: TaskRequest) -> list[tuple[AccessRequest, str]]:
    return [(part, name) for part in asked.access if part.actions for name in part.tables]


def _asked_columns(asked: TaskRequest, table: str) -> set[str]:
    lists = [part.columns for part, name in _asked(asked) if SPELLINGS[name] == table]
    return set().union(*(COLUMNS[table] if columns is None else columns for columns in lists))


def _is_wholly_open(world: World, asked: TaskRequest) -> bool:
    parts = _asked(asked)
    return bool(parts) and set(asked.unmask) <= world.open and all(_is_open(world, part, name) for part, name in parts)


def _is_open(world: World, part: AccessRequest, name: str) -> bool:
    table = SPELLINGS.get(name)
    if table is None or table not in world.open or Action.DELETE in part.actions:
        return False
    return set(part.columns or ()) <= set(COLUMNS[table])
