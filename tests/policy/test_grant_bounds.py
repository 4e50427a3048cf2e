"""Whatever is asked, a grant holds what was asked and the policies permit, and a denial is never without cause."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from postern.policy.decide import decide
from postern.policy.requests import AccessRequest, Granted, TaskRequest
from postern.types import Action
from tests.support.policy import CATALOG, NOW_US, bundle, principal, replaced, request

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
FILTERED = {"public.customers"}
CLASSES_OF_CATALOG = ("pii.email", "pii.name")
SPELLINGS = {"orders": "public.orders", "customers": "public.customers", **{name: name for name in COLUMNS}}


@dataclass(frozen=True)
class World:
    """What may be done to which table and class: permits, and forbids that take away from them."""

    permitted: frozenset[tuple[str, str]]
    forbidden: frozenset[tuple[str, str]]

    @property
    def open(self) -> frozenset[tuple[str, str]]:
        return self.permitted - self.forbidden

    def policies(self) -> str:
        return "\n".join(
            [_policy("permit", *one) for one in sorted(self.permitted)]
            + [_policy("forbid", *one) for one in sorted(self.forbidden)]
        )


def _policy(effect: str, action: str, name: str) -> str:
    resource = f'Table::"shop.{name}"' if name in COLUMNS else f'Class::"shop/{name}"'
    return f'{effect} (principal, action == Action::"{action}", resource == {resource});'


DONE = [(str(action), table) for action in Action for table in COLUMNS] * 2 + [
    (action, name) for action in ("unmask", "lookup") for name in CLASSES_OF_CATALOG
]
WORLDS = st.builds(
    World,
    # All but a few: else hardly anything asked for would be granted.
    st.frozensets(st.sampled_from(DONE), max_size=2).map(lambda missing: frozenset(DONE) - missing),
    st.frozensets(st.sampled_from(DONE), max_size=1),
)
TABLES = st.sampled_from([*list(SPELLINGS) * 8, "nope", "sales.orders", "", "a.b.c", 'x"; --'])
PARTS = st.builds(
    AccessRequest,
    tables=st.lists(TABLES, max_size=2).map(tuple),
    actions=st.lists(st.sampled_from([Action.SELECT] * 4 + [*Action]), max_size=3).map(tuple),
    columns=st.none() | st.lists(st.sampled_from(["id"] * 12 + ["email", "contact", "ctid"]), max_size=2).map(tuple),
)
CLASSES = st.sampled_from([(), (), ("pii.name",), ("pii.name",), ("pii.email",), ("pii.gone",)])
REQUESTS = st.builds(
    lambda parts, unmask, lookup: request(*parts, unmask=unmask, lookup=lookup),
    st.lists(PARTS, min_size=1, max_size=2),
    CLASSES,
    CLASSES,
)
TOKENS = replaced(CATALOG, "{mask: redact}", "{mask: token}")


@given(WORLDS, REQUESTS)
@settings(max_examples=100, deadline=None)
def test_grant_holds_only_what_was_asked_and_permitted(world: World, asked: TaskRequest):
    layer = bundle(policy_shop=world.policies(), catalog_shop=TOKENS)
    decision = decide(layer, principal(), asked, now_us=NOW_US)
    if isinstance(decision, Granted):
        _check_grant(decision, world, asked)
    else:
        assert decision.refusals
        assert not _can_be_granted(world, asked)


def _check_grant(decision: Granted, world: World, asked: TaskRequest) -> None:
    assert _can_be_granted(world, asked)
    assert decision.grant.lookups == tuple(sorted(set(asked.lookup)))
    for table in decision.grant.tables:
        assert set(table.actions) == _actions(asked, table.qualified)
        assert {column.name for column in table.columns} == _asked_columns(asked, table.qualified)
        for column in table.columns:
            class_name = CLASS_OF.get((table.qualified, column.name))
            assert column.class_name == class_name
            assert (column.mask is None) == (class_name is None or class_name in asked.unmask)
    assert {table.qualified for table in decision.grant.tables} == {SPELLINGS[name] for _, name in _asked(asked)}


def _asked(asked: TaskRequest) -> list[tuple[AccessRequest, str]]:
    return [(part, name) for part in asked.access if part.actions for name in part.tables]


def _actions(asked: TaskRequest, table: str) -> set[Action]:
    return {action for part, name in _asked(asked) if SPELLINGS.get(name) == table for action in part.actions}


def _asked_columns(asked: TaskRequest, table: str) -> set[str]:
    lists = [part.columns for part, name in _asked(asked) if SPELLINGS[name] == table]
    return set().union(*(COLUMNS[table] if columns is None else columns for columns in lists))


def _can_be_granted(world: World, asked: TaskRequest) -> bool:
    """Everything asked for is open, and fits together."""
    parts = _asked(asked)
    return (
        bool(parts)
        and all(_is_open(world, part, name) for part, name in parts)
        and all(_fit_together(_actions(asked, table), table) for table in COLUMNS)
        and {("unmask", name) for name in asked.unmask} <= world.open
        and {("lookup", name) for name in asked.lookup} <= world.open
        and set(asked.lookup) <= {"pii.name"} - set(asked.unmask)
    )


def _is_open(world: World, part: AccessRequest, name: str) -> bool:
    table = SPELLINGS.get(name)
    if table is None or not {(str(action), table) for action in part.actions} <= world.open:
        return False
    return set(part.columns or ()) <= set(COLUMNS[table])


def _fit_together(actions: set[Action], table: str) -> bool:
    if actions & {Action.UPDATE, Action.DELETE} and Action.SELECT not in actions:
        return False
    return table not in FILTERED or not {Action.INSERT, Action.UPDATE} <= actions
