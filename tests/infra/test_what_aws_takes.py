"""What AWS refuses of a template that every linter passes: circles, too long documents, conditions S3 knows not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pytest

from postern_local.transform import read_yaml, transform
from tests.support.rights.documents import rights_of
from tests.support.stack import NAMES, PARAMETERS, PROJECT, project_deployment
from tests.support.stacks import stack

TEMPLATES = ("template.yaml", *sorted(f"infra/{path.name}" for path in (PROJECT / "infra").glob("*.yaml")))


@cache
def made(path: str, **changed: str) -> dict[str, Any]:
    """The template as CloudFormation gets it. Shared: change nothing in it."""
    document = read_yaml(PROJECT / path)
    defaults = {name: str(one.get("Default", "")) for name, one in document.get("Parameters", {}).items()}
    given = {**PARAMETERS, **changed} if path == "template.yaml" else {}
    return transform(document, {**defaults, **given}, region=NAMES.region, where=PROJECT / path)


def named(node: Any) -> Iterator[str]:
    """Logical ids that the node waits for, wherever they stand: an update policy's count, too."""
    if isinstance(node, list):
        for item in node:
            yield from named(item)
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        if key == "Ref":
            yield value
        elif key == "Fn::GetAtt":
            yield value.partition(".")[0] if isinstance(value, str) else value[0]
        elif key == "Fn::Sub":
            text, filled = (value, {}) if isinstance(value, str) else value
            yield from (name for name in re.findall(r"\$\{(\w+)[.\w]*\}", text) if name not in filled)
            yield from named(filled)
        elif key == "DependsOn":
            yield from [value] if isinstance(value, str) else value
        else:
            yield from named(value)


def waits(resources: Mapping[str, Any]) -> dict[str, set[str]]:
    """For each resource those that it waits for."""
    return {name: set(named(one)) & resources.keys() for name, one in resources.items()}


@pytest.mark.parametrize("path", TEMPLATES)
def test_no_resource_waits_for_itself(path: str) -> None:
    """CloudFormation refuses such a template as a whole. The linter does not follow an alias' update policy."""
    resources = made(path)["Resources"]

    try:
        TopologicalSorter(waits(resources)).prepare()
    except CycleError as circle:
        pytest.fail(" > ".join(circle.args[1]))


def test_an_alias_waits_for_its_deployment_group_and_the_group_for_its_role() -> None:
    """The way on which a role that named the functions' resources would close a circle."""
    known = waits(made("template.yaml")["Resources"])

    assert "QueryFunctionDeploymentGroup" in known["QueryFunctionAliaslive"]
    assert "ShiftRole" in known["QueryFunctionDeploymentGroup"]
    assert known["ShiftRole"] == {"DeployFunction"}


@pytest.mark.parametrize("path", TEMPLATES)
def test_a_template_is_within_cloudformations_bounds(path: str) -> None:
    template = made(path)

    assert len(template["Resources"]) <= 500
    assert len(template.get("Parameters", {})) <= 200
    assert len(json.dumps(template)) < 1_000_000


# Deployed by their page's commands from a file, which CloudFormation takes up to this length. The others are nested.
@pytest.mark.parametrize(
    "name", ["analytics", "audit", "database", "door", "identity", "keys", "network", "notifications"]
)
def test_a_stack_of_its_own_needs_no_bucket_for_its_template(name: str) -> None:
    assert len((PROJECT / f"infra/{name}.yaml").read_bytes()) <= 51_200


def length(document: str) -> int:
    """As IAM counts: white space is free."""
    return len(re.sub(r"\s", "", document))


INLINE = {"rights", "evidence", "databases", "log"}
# Names of the greatest length, and so many databases that a parameter's 4,096 characters hold no more.
DATABASE = "arn:aws-us-gov:rds-db:ap-southeast-2:123456789012:dbuser:cluster-" + "A" * 26
AT_MOST = {
    "Deployment": "d" * 32,
    "LogName": "l" * 40,
    "StatementText": "sealed",
    "SubnetIds": "subnet-0123456789abcdef0",
    "SecurityGroupIds": "sg-0123456789abcdef0",
    "DatabaseUserArns": ",".join([DATABASE] * (4096 // (len(DATABASE) + 1))),
}


# What names of stacks and of what is made in them may add to those that the local stack gives.
LONGER_NAMES = 600


def test_policies_are_within_awss_bounds_with_as_many_databases_as_a_parameter_holds() -> None:
    rights = rights_of(project_deployment(**AT_MOST))

    for role, policies in rights.identity.items():
        inline = {name: length(document) for name, document in policies.items() if name in INLINE}
        assert inline, role
        assert sum(inline.values()) <= 10_240 - LONGER_NAMES, role
        for name in policies.keys() - inline.keys():
            assert length(policies[name]) <= 6_144, name
    assert max(map(length, rights.trust.values())) <= 2_048 - LONGER_NAMES
    assert max(map(length, rights.resource.values())) <= 20_480  # of a bucket; keys and queues take more


# Keys of S3's own that the bucket's policy asks for, and the actions that have them (Service Authorization Reference).
# S3 takes no policy with a statement in which one action has not the condition's key, and says so in the deploy only.
HAVING = {
    "s3:if-match": {"s3:PutObject"},
    "s3:if-none-match": {"s3:PutObject"},
    "s3:object-lock-event-hold": {"s3:PutObject", "s3:PutObjectRetention"},
    "s3:object-lock-mode": {"s3:PutObject", "s3:PutObjectRetention"},
    "s3:object-lock-remaining-retention-days": {"s3:PutObject", "s3:PutObjectRetention"},
    "s3:x-amz-server-side-encryption": {"s3:PutObject"},
    "s3:x-amz-server-side-encryption-customer-algorithm": {"s3:PutObject"},
}


def test_every_action_of_the_buckets_policy_has_its_conditions_keys() -> None:
    policy = stack(
        "infra/audit.yaml",
        RetentionDays="400",
        LongestLockDays="800",
        EvidenceAdministratorArn=PARAMETERS["EvidenceAdministratorArn"],
        SequencerRoleArn="arn:aws:iam::123456789012:role/sequencer",
        WriterAccountId="210987654321",
    ).of_type("AWS::S3::BucketPolicy")["EvidenceBucketPolicy"]["PolicyDocument"]

    for statement in policy["Statement"]:
        actions = {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
        keys = {key for condition in statement.get("Condition", {}).values() for key in condition}
        for key in keys - {"aws:PrincipalArn", "aws:SecureTransport"}:
            assert actions <= HAVING[key], statement["Sid"]


def test_another_endpoint_makes_another_deployment_of_the_api() -> None:
    """A changed policy counts from the next deployment on; until then the stage answers whom it answered before."""
    open_to_all, private = (
        {name for name, one in template["Resources"].items() if one["Type"] == "AWS::ApiGateway::Deployment"}
        for template in (made("template.yaml"), made("template.yaml", ApiVpcEndpointIds="vpce-0123456789abcdef0"))
    )

    assert open_to_all != private
