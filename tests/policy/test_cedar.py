"""Cedar policies: cut, validated and asked, with every error at its file and line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.policy.catalog import parse_catalog
from postern.policy.cedar import CedarPolicies, parse_policies
from postern.policy.cedar_text import split_policies
from postern.policy.entities import Entity
from postern.types import Principal
from tests.support.policy import CATALOG, principal

ORDERS = Entity("Table", "shop.public.orders")
LEADS = Entity("Table", "shop.sales.leads")
EMAIL = Entity("Class", "shop/pii.email")
SHOP = Entity("Database", "shop")
CONTEXT = {"ttl": 3600, "purpose": True, "writes": False, "statements": False, "hour": 8, "weekday": 5}

PERMIT_ALL = "permit (principal, action, resource);"


def _policies(*texts: str) -> CedarPolicies:
    catalog = parse_catalog(CATALOG.encode(), file="catalog/shop.yaml")
    files = {f"policy/{number}.cedar": text.encode() for number, text in enumerate(texts)}
    return parse_policies(files, catalogs=[catalog], issuers=["ci"])


def _permitted(
    *texts: str,
    action: str = "select",
    resource: Entity = ORDERS,
    asking: Principal | None = None,
    context: dict[str, str | int | bool] | None = None,
) -> bool:
    inquiry = _policies(*texts).asked_by(asking or principal(), {**CONTEXT, **(context or {})})
    return inquiry.may(action, resource).is_permitted


def _error(*texts: str) -> PolicyFileError:
    with pytest.raises(PolicyFileError) as raised:
        _policies(*texts)
    return raised.value


CONDITIONS = [
    pytest.param('principal in Postern::Group::"ci"', True, id="in-group"),
    pytest.param('principal in Postern::Group::"sales"', False, id="not-in-group"),
    pytest.param('principal == Postern::Principal::"ci|repo:acme/shop"', True, id="is-principal"),
    pytest.param('principal.issuer == "ci" && principal.subject like "repo:acme/*"', True, id="subject"),
    pytest.param('principal.hasTag("region") && principal.getTag("region") == "eu"', True, id="attribute"),
    pytest.param('principal.hasTag("team") && principal.getTag("team") == "eu"', False, id="no-such-attribute"),
    pytest.param('principal has on_behalf_of && principal.on_behalf_of == "ann"', True, id="on-behalf-of"),
    pytest.param('resource in Postern::Database::"shop"', True, id="in-database"),
    pytest.param('resource in Postern::Schema::"shop.public"', True, id="in-schema"),
    pytest.param('resource in Postern::Schema::"shop.sales"', False, id="in-other-schema"),
    pytest.param('resource == Postern::Table::"shop.public.orders"', True, id="is-table"),
    pytest.param("resource is Postern::Table", True, id="is-a-table"),
    pytest.param("context.ttl <= 3600 && context.purpose && !context.writes", True, id="context"),
    pytest.param("context.hour >= 8 && context.weekday <= 5", True, id="time"),
    pytest.param('context has ticket && context.ticket like "OPS-*"', False, id="no-ticket"),
]


@pytest.mark.parametrize(("condition", "permitted"), CONDITIONS)
def test_policies_can_speak_of(condition: str, permitted: bool):
    select = 'permit (principal, action == Postern::Action::"select", resource)'
    asking = principal(on_behalf_of="ann")
    assert _permitted(f"{select} when {{ {condition} }};", asking=asking) is permitted


def test_denies_where_no_policy_permits():
    assert not _permitted("// nothing here\n")


def test_forbid_wins_over_any_permit():
    assert not _permitted(PERMIT_ALL, PERMIT_ALL, 'forbid (principal, action, resource in Postern::Database::"shop");')


def test_forbid_on_a_database_closes_its_classes_too():
    forbid = 'forbid (principal, action, resource in Postern::Database::"shop");'
    assert _permitted(PERMIT_ALL, action="unmask", resource=EMAIL)
    assert not _permitted(PERMIT_ALL, forbid, action="unmask", resource=EMAIL)


def test_namespace_may_be_left_out():
    text = """
        permit (principal in Group::"ci", action in [Action::"select"], resource is Table in Schema::"shop.public")
        when { resource in Database::"shop" && principal is Principal };
    """
    assert _permitted(text)
    assert not _permitted(text, resource=LEADS)


def test_namespace_is_not_put_into_strings_and_comments():
    text = 'permit (principal, action, resource) when { principal.subject == "Group::\\"ci\\"" }; // Group::"x"'
    assert _permitted(text, asking=principal(subject='Group::"ci"'))


# An addition that overflows: validation cannot see it, and Cedar leaves out a policy that fails.
FAILS = "when { context.ttl + 9223372036854775807 > 0 }"


def test_denies_where_a_forbid_fails_to_evaluate():
    inquiry = _policies(PERMIT_ALL, f'@id("broken") forbid (principal, action == Action::"select", resource) {FAILS};')
    verdict = inquiry.asked_by(principal(), CONTEXT).may("select", ORDERS)
    assert (verdict.is_permitted, verdict.failed) == (False, ("broken",))


def test_denies_where_one_of_two_permits_fails_to_evaluate():
    assert not _permitted(PERMIT_ALL, f'permit (principal, action == Action::"select", resource) {FAILS};')


@pytest.mark.parametrize(
    "context",
    [
        pytest.param({"ttl": "3600"}, id="value-of-another-type"),
        pytest.param({"ttl": 2**63}, id="integer-beyond-cedars"),
        pytest.param({"unknown": 1}, id="value-that-the-schema-does-not-know"),
    ],
)
def test_denies_a_question_that_does_not_fit_the_schema(context: dict[str, str | int | bool]):
    assert not _permitted(PERMIT_ALL, context=context)


def test_denies_an_action_on_a_resource_of_another_kind():
    assert not _permitted(PERMIT_ALL, action="unmask", resource=ORDERS)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param('x" || true || "', id="quote"),
        pytest.param("x\\", id="backslash"),
        pytest.param("x\n// y", id="line-break"),
        pytest.param("x\0y", id="nul"),
        pytest.param('", "type": "Postern::Group', id="json"),
        pytest.param('{"__entity": {"type": "Postern::Group", "id": "admins"}}', id="cedar-json-escape"),
        pytest.param("\U0001f600 é ‮", id="unicode"),
        pytest.param("*", id="wildcard"),
    ],
)
def test_a_hostile_name_is_only_itself(name: str):
    admins = 'permit (principal in Group::"admins", action, resource);'
    someone = 'permit (principal == Principal::"ci|someone", action, resource);'
    hostile = replace(
        principal(subject=name, groups=(name, name), on_behalf_of=name, attributes={name: name}), issuer="ci"
    )
    assert not _permitted(admins, someone, asking=hostile)
    assert _permitted('permit (principal, action, resource) when { principal.issuer == "ci" };', asking=hostile)


@pytest.mark.parametrize("where", ["subject", "group", "attribute"])
def test_a_name_that_is_no_unicode_cannot_be_asked_about(where: str):
    half = "\ud800"
    asking = {
        "subject": principal(subject=half),
        "group": principal(groups=[half]),
        "attribute": principal(attributes={"region": half}),
    }[where]
    with pytest.raises(PolicyUnavailable):
        _permitted(PERMIT_ALL, asking=asking)


def test_reasons_are_annotations_or_file_and_line_over_all_files():
    policies = _policies(
        f"// first\n\n{PERMIT_ALL}",
        '@id("readers")\n'
        + PERMIT_ALL
        + "\n"
        + PERMIT_ALL
        + '\nforbid (principal, action == Action::"audit", resource);',
    )
    inquiry = policies.asked_by(principal(), CONTEXT)
    assert inquiry.may("select", ORDERS).policies == ("policy/0.cedar:3", "policy/1.cedar:3", "readers")


def test_five_hundred_policies_each_keep_their_name():
    permits = [f'@id("p{number}") permit (principal in Group::"g{number}", action, resource);' for number in range(500)]
    policies = _policies("\n".join(permits[:250]), "\n".join(permits[250:]))
    inquiry = policies.asked_by(principal(groups=["g499", "g7"]), CONTEXT)
    assert inquiry.may("select", ORDERS).policies == ("p499", "p7")


TWO_GOOD = f"// a ; in a comment\n{PERMIT_ALL}\n\n{PERMIT_ALL}\n"

# What follows two good policies, the line that the error names, and a part of what it says.
SLIPS = [
    pytest.param("permit (principal, action, resource)", 5, "ends in `;`", id="no-semicolon"),
    pytest.param("permit (principal, action resource);", 5, "unexpected token `resource`", id="syntax"),
    pytest.param("\n// note\n\npermit (principal, action,\n resource)) when { };", 8, "unexpected", id="line-of-start"),
    pytest.param('permit (principal, action, resource) when { "a };', 5, "ends in `;`", id="open-string"),
    pytest.param('permit (principal, action == Action::"read", resource);', 5, "unrecognized action", id="action"),
    pytest.param("permit (principal is User, action, resource);", 5, "unrecognized entity type", id="entity-type"),
    pytest.param(
        'permit (principal in Role::"x", action, resource);', 5, "unrecognized entity type", id="no-such-type"
    ),
    pytest.param("permit (principal, action, resource) when { principal.team == 1 };", 5, "`team`", id="attribute"),
    pytest.param("permit (principal, action, resource) when { context.ip == 1 };", 5, "`ip`", id="context"),
    pytest.param(
        'permit (principal, action, resource) when { principal.getTag("x") == "y" };', 5, "tag", id="unguarded-tag"
    ),
    pytest.param(
        'permit (principal, action == Action::"audit", resource) when { context.ttl > 1 };', 5, "`ttl`", id="audit-ttl"
    ),
    pytest.param(
        'permit (principal, action == Action::"select", resource == Class::"shop/pii.email");',
        5,
        "unable to find an applicable action",
        id="action-on-a-resource-of-another-kind",
    ),
    pytest.param('"\\' * 100_000, 5, "ends in `;`", id="many-open-quotes"),
    pytest.param(f"permit (principal, action, resource) when {{ {'(' * 9999}1 }};", 5, "too deeply", id="brackets"),
    pytest.param(
        f"permit (principal, action, resource) when {{ {'1 + ' * 9999}1 > 0 }};", 5, "too deeply", id="operators"
    ),
    pytest.param(
        f"permit (principal, action, resource) when {{ {'1 + ' * 300}1 > 0 }};", 5, "nesting", id="cedars-depth"
    ),
    pytest.param("permit (principal == ?principal, action, resource);", 5, "template", id="template"),
    pytest.param('@id("")\n' + PERMIT_ALL, 5, "empty", id="empty-id"),
    pytest.param(f'@id("a") {PERMIT_ALL}\n@id("a") {PERMIT_ALL}', 6, "policy/0.cedar:5", id="id-twice"),
    pytest.param('forbid (principal, action, resource == Table::"shop.public.order");', 5, "Table", id="no-such-table"),
    pytest.param('forbid (principal, action, resource in Schema::"shop.hr");', 5, "Schema", id="no-such-schema"),
    pytest.param('forbid (principal, action, resource in Database::"shp");', 5, "Database", id="no-such-database"),
    pytest.param('forbid (principal, action, resource == Class::"pii.email");', 5, "Class", id="no-such-class"),
    pytest.param(
        'forbid (principal, action, resource) unless { resource == Table::"x" };', 5, "Table", id="in-a-condition"
    ),
    pytest.param('forbid (principal == Principal::"gh|x", action, resource);', 5, "Principal", id="no-such-issuer"),
    pytest.param('forbid (principal == Principal::"repo:x", action, resource);', 5, "Principal", id="no-issuer"),
]


@pytest.mark.parametrize(("text", "line", "says"), SLIPS)
def test_names_file_and_line_of_a_slip(text: str, line: int, says: str):
    error = _error(TWO_GOOD + text)
    assert (error.file, error.line) == ("policy/0.cedar", line)
    assert says in error.detail


def test_names_the_file_among_several():
    error = _error(TWO_GOOD, TWO_GOOD, "\n\npermit (principal, action, nothing);")
    assert (error.file, error.line) == ("policy/2.cedar", 3)


def test_names_the_line_of_bytes_that_are_no_text():
    with pytest.raises(PolicyFileError) as raised:
        split_policies(b"// a\n// \xff\n", file="policy/a.cedar")
    assert raised.value.line == 2


def test_comments_may_end_in_a_carriage_return():
    assert len(split_policies(f"// a;\r{PERMIT_ALL} // b;\r{PERMIT_ALL}".encode(), file="policy/a.cedar")) == 2


def test_a_policy_may_not_hide_behind_a_comment_that_ended():
    forbid = "forbid (principal, action, resource);"
    assert not _permitted(f"{PERMIT_ALL} // note\r{forbid}")
