"""The REST API before a firewall, and the REST API that only some networks reach."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, PolicyKind, PolicySet, Request, evaluate, parse_policy
from postern_local.model import Names
from postern_local.template import Template
from tests.support.stack import NAMES, PARAMETERS, PROJECT
from tests.support.stacks import Stack, stack

ENDPOINTS = "vpce-0123456789abcdef0,vpce-0fedcba9876543210"
STAGE = "arn:aws:apigateway:us-east-1::/restapis/abc123/stages/live"


@cache
def broker(**parameters: str) -> Template:
    return Template(Path(PROJECT / "template.yaml"), PARAMETERS | parameters, Names())


def api(**parameters: str) -> dict[str, Any]:
    (properties,) = broker(**parameters).of_type("AWS::ApiGateway::RestApi").values()
    return properties


def may_ask(properties: dict[str, Any], **context: str) -> bool:
    document = properties["Body"]["x-amazon-apigateway-policy"]
    # API Gateway fills in its own ARN for this short form.
    full = [{**one, "Resource": "arn:aws:execute-api:us-east-1:1:abc/*"} for one in document["Statement"]]
    policy = parse_policy({**document, "Statement": full}, kind=PolicyKind.RESOURCE, name="api")
    given = {f"aws:{name}": (value,) for name, value in context.items()}
    resource = "arn:aws:execute-api:us-east-1:1:abc/live/POST/v1/tasks"
    anybody = Request(Caller("anonymous", NAMES.account), "execute-api:Invoke", resource, given)
    return isinstance(evaluate(PolicySet(resource=(policy,)), anybody), Allowed)


def test_it_is_regional_and_asked_by_anybody_where_no_endpoint_is_named() -> None:
    properties = api()

    assert properties["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert properties["Parameters"] == {"endpointConfigurationTypes": "REGIONAL"}
    assert may_ask(properties)


def test_it_is_private_where_endpoints_are_named() -> None:
    properties = api(ApiVpcEndpointIds=ENDPOINTS)

    assert properties["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": ENDPOINTS.split(",")}
    assert properties["Parameters"] == {"endpointConfigurationTypes": "PRIVATE"}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        pytest.param({"SourceVpce": "vpce-0123456789abcdef0"}, True, id="the first"),
        pytest.param({"SourceVpce": "vpce-0fedcba9876543210"}, True, id="the second"),
        pytest.param({"SourceVpce": "vpce-0123456789abcdef1"}, False, id="another"),
        pytest.param({"SourceVpc": "vpc-0123456789abcdef0"}, False, id="a network, by no endpoint"),
        pytest.param({}, False, id="the internet"),
    ],
)
def test_a_private_api_answers_the_named_endpoints_only(context: dict[str, str], expected: bool) -> None:
    assert may_ask(api(ApiVpcEndpointIds=ENDPOINTS), **context) is expected


def test_the_authorizer_decides_in_both_cases() -> None:
    for parameters in ({}, {"ApiVpcEndpointIds": ENDPOINTS}):
        paths = api(**parameters)["Body"]["paths"]
        assert paths["/v1/tasks"]["post"]["security"] == [{"Token": []}]


def test_there_is_no_firewall_unless_asked_for() -> None:
    assert "FirewallStack" not in broker().resources


def test_the_firewall_stands_before_the_stage() -> None:
    made = broker(Firewall="on", FirewallRequestsPerFiveMinutes="500")

    kinds = {kind for template in made.all() for kind, _ in template.resources.values()}
    assert {"AWS::WAFv2::WebACL", "AWS::WAFv2::WebACLAssociation"} <= kinds
    nested = made.nested("FirewallStack")
    (association,) = nested.of_type("AWS::WAFv2::WebACLAssociation").values()
    assert association["ResourceArn"] == "arn:aws:apigateway:us-east-1::/restapis/local/stages/live"
    assert [one for one in rules(nested.resources["Firewall"][1]) if "RateBasedStatement" in one["Statement"]] == [
        rule_named(nested.resources["Firewall"][1], "too-many-from-one-address")
    ]


def firewall() -> Stack:
    return stack("infra/firewall.yaml", Deployment="prod", StageArn=STAGE)


def rules(acl: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = acl["Rules"]
    return found


def rule_named(acl: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (rule for rule in rules(acl) if rule["Name"] == name)
    return found


def acl() -> dict[str, Any]:
    (found,) = firewall().of_type("AWS::WAFv2::WebACL").values()
    return found


def test_one_address_has_a_bound() -> None:
    rule = rule_named(acl(), "too-many-from-one-address")
    assert rule["Action"] == {"Block": {}}
    assert rule["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    assert rule["Statement"]["RateBasedStatement"]["Limit"] == "3000"


def test_no_rule_looks_for_sql_or_markup_in_bodies() -> None:
    groups = {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in rules(acl())
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }
    assert groups == {"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet"}


def test_what_is_found_in_a_body_blocks_nobody() -> None:
    group = rule_named(acl(), "known-bad")["Statement"]["ManagedRuleGroupStatement"]
    counted = {one["Name"] for one in group["RuleActionOverrides"] if one["ActionToUse"] == {"Count": {}}}
    # Those of the group's rules that inspect bodies.
    assert counted == {"JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"}
    assert len(group["RuleActionOverrides"]) == len(counted)


def test_no_sample_or_log_of_it_keeps_a_token_or_a_body() -> None:
    one = acl()
    assert {part["VisibilityConfig"]["SampledRequestsEnabled"] for part in (one, *rules(one))} == {False}
    protected = {
        key
        for entry in one["DataProtectionConfig"]["DataProtections"]
        for key in entry["Field"].get("FieldKeys", [entry["Field"]["FieldType"]])
    }
    assert protected == {"authorization", "dpop", "BODY"}
    assert not firewall().of_type("AWS::WAFv2::LoggingConfiguration")
