"""The product's own forbid: in every layer, above every permit, named among the reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.policy.approvals import Approvals, needed_approvals, raw_classes
from postern.policy.approving import may_approve
from postern.types import Action, GrantedColumn, Mask, MaskKind, Task
from tests.support.approving import ANN
from tests.support.domain import AGENT, GRANT, a_task
from tests.support.policy import NOW_US, bundle, load_error

EVERYTHING = '@id("all") permit (principal, action, resource);'
TABLE = GRANT.tables[0]


def ask(who, task: Task, *, extra: str = EVERYTHING):
    return may_approve(bundle(policy_extra=extra), who, task, now_us=NOW_US)


@pytest.mark.parametrize(
    ("who", "requester"),
    [
        pytest.param(AGENT, AGENT, id="their own"),
        pytest.param(replace(AGENT, groups=("leads",), attributes={"x": "y"}), AGENT, id="by another token"),
        pytest.param(replace(ANN, on_behalf_of="ben"), AGENT, id="an agent for somebody"),
        pytest.param(ANN, replace(AGENT, on_behalf_of="ann"), id="on their behalf, by subject"),
        pytest.param(ANN, replace(AGENT, on_behalf_of="ci|ann"), id="on their behalf, by id"),
    ],
)
def test_forbids_what_every_policy_permits(who, requester):
    verdict = ask(who, a_task(principal=requester))
    assert (verdict.is_permitted, verdict.policies, verdict.failed) == (False, ("postern.four-eyes",), ())


def test_leaves_others_to_the_operators_policies():
    assert ask(ANN, a_task()).policies == ("all",)
    assert not ask(ANN, a_task(), extra="").is_permitted


def test_no_layer_is_without_it():
    for layer in (bundle(policy_shop=None), bundle(policy_extra=EVERYTHING)):
        assert layer.cedar.ids[-1] == "postern.four-eyes"


def test_no_operators_policy_takes_its_name():
    error = load_error(policy_extra='@id("postern.four-eyes") permit (principal, action, resource);')
    assert (error.file, error.line) == ("policy/extra.cedar", 1)
    assert "postern." in str(error)


def test_a_policy_written_for_approving_before_still_holds():
    old = """permit (principal, action in [Postern::Action::"approve", Postern::Action::"autoApprove"], resource)
    when { context.ttl <= 28800 && context.purpose && !context.writes && context.hour < 24 && context.weekday < 8 }
    unless { context has ticket && context.ticket == "X" };"""
    assert ask(ANN, a_task(ttl_s=600), extra=old).is_permitted


def test_a_database_that_the_layer_no_longer_names_is_approved_by_nobody():
    assert not ask(ANN, a_task(grant=replace(GRANT, database="gone"))).is_permitted  # type: ignore[arg-type]


RAW = replace(TABLE, columns=(GrantedColumn("email", "pii.email", None), GrantedColumn("id", None, None)))
NULLED = replace(TABLE, columns=(GrantedColumn("email", "pii.email", Mask(MaskKind.NULL)),))
WRITES = replace(TABLE, actions=(Action.INSERT,))


@pytest.mark.parametrize(
    ("tables", "statements", "needed"),
    [
        pytest.param((TABLE,), (), 1, id="plain"),
        pytest.param((NULLED,), (), 1, id="a mask that shows nothing is a mask"),
        pytest.param((TABLE, RAW), (), 5, id="raw values"),
        pytest.param((WRITES,), (), 3, id="writes"),
        pytest.param((WRITES, RAW), (), 5, id="the most of both"),
        pytest.param((), ("DROP TABLE x",), 4, id="statements"),
    ],
)
def test_as_many_approve_as_the_gravest_part_needs(tables, statements, needed):
    numbers = Approvals(default=1, unmask=5, writes=3, statements=4)
    assert needed_approvals(numbers, replace(GRANT, tables=tables), statements) == needed
    assert needed_approvals(Approvals(default=9), replace(GRANT, tables=tables), statements) == 9


def test_names_the_classes_that_are_shown_raw():
    assert raw_classes(replace(GRANT, tables=(RAW, NULLED))) == ("pii.email",)
