"""Whether there may be a context in which a policy says yes: what is told of `approve` where there is no task."""

from __future__ import annotations

import pytest

from postern.policy.catalog import parse_catalog
from postern.policy.cedar import parse_policies
from postern.policy.entities import Entity
from postern.types import Principal
from tests.support.policy import CATALOG, principal

SHOP = Entity("Database", "shop")
APPROVE = 'permit (principal in Postern::Group::"leads", action == Postern::Action::"approve", resource)'
FORBID = 'forbid (principal, action == Postern::Action::"approve", resource)'


def might(*texts: str, asking: Principal | None = None, action: str = "approve", resource: Entity = SHOP) -> bool:
    catalog = parse_catalog(CATALOG.encode(), file="catalog/shop.yaml")
    files = {f"policy/{number}.cedar": text.encode() for number, text in enumerate(texts)}
    policies = parse_policies(files, catalogs=[catalog], issuers=["ci"])
    who = asking or principal(groups=("leads",), subject="ann")
    return policies.asked_by(who, {"hour": 8, "weekday": 5}).might(action, resource)


SAID = {
    "whatever is asked": (f"{APPROVE};", True),
    "nothing": ("", False),
    "of what does not write": (f"{APPROVE} when {{ !context.writes }};", True),
    "of who asks": (f'{APPROVE} when {{ context.requester like "ci|repo:*" }};', True),
    "with a ticket": (f"{APPROVE} when {{ context has ticket }};", True),
    "in the morning": (f"{APPROVE} when {{ context.hour < 3 }};", True),
    "by others": (f'{APPROVE} when {{ principal.subject == "bob" }};', False),
    "by ann": (f'{APPROVE} when {{ principal.subject == "ann" }};', True),
    "unless it is ann": (f'{APPROVE}; {FORBID} when {{ principal.subject == "ann" }};', False),
    "unless it writes": (f"{APPROVE}; {FORBID} when {{ context.writes }};", True),
    "by an attribute that is not there": (f'{APPROVE} when {{ principal.hasTag("team") }};', False),
    "of another action": (APPROVE.replace('"approve"', '"revoke"') + ";", False),
}


@pytest.mark.parametrize(("text", "said"), SAID.values(), ids=SAID.keys())
def test_tells_whether_there_may_be_a_task_to_approve(text: str, said: bool):
    assert might(text) is said


NEVER = {
    "an agent's": principal(groups=("leads",), on_behalf_of="ann"),
    "another group's": principal(groups=("ci",)),
}


@pytest.mark.parametrize("asking", NEVER.values(), ids=NEVER.keys())
def test_some_approve_nothing_whatever_the_task(asking: Principal):
    assert not might(f"{APPROVE};", asking=asking)


SUBJECTS = {
    "an apostrophe": "O'Brien",
    "a quotation mark": 'a"b',
    "a backslash": "a\\b",
    "an escape of Cedar's": "\\u{41}",
    "accents": "d\u00e9j\u00e0 vu",
    "a combining accent": "e\u0301",
    "one at the start": "\u0301e",
    "Chinese": "\u5f20\u4f1f",
    "beyond 16 bits": "\U0001f600",
    "a bar and braces": "a|b {}",
    "a no-break space": "a\u00a0b",
    "a soft hyphen": "a\u00adb",
    "nothing assigned": "\u0378",
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
def test_a_name_is_put_to_the_policy_as_it_is(subject: str):
    assert might(f"{APPROVE};", asking=principal(groups=("leads",), subject=subject))


def test_what_hangs_on_nothing_is_told_as_it_is():
    assert might(APPROVE.replace('"approve"', '"revoke"') + ";", action="revoke")
    assert not might(f"{APPROVE};", action="revoke")


def test_a_policy_that_fails_permits_nothing():
    failing = f"{FORBID} when {{ {2**63 - 1} + 1 > 0 }};"
    assert not might(f"{APPROVE};", failing)


def test_a_question_that_does_not_fit_is_a_no():
    assert not might("permit (principal, action, resource);", action="nothing")
