"""What an operator gives: every parameter is told, wrong values and wrong combinations stop before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stack import PARAMETERS, PROJECT
from tests.support.stacks import broken_rules, refusal, written

TEMPLATES = ["template.yaml", *sorted(f"infra/{path.name}" for path in (PROJECT / "infra").glob("*.yaml"))]
# Those that people deploy, and give parameters.
DEPLOYED = [
    "template.yaml",
    *(
        f"infra/{name}.yaml"
        for name in ("analytics", "audit", "database", "door", "identity", "keys", "network", "notifications")
    ),
]
SUBNET, GROUP = "subnet-0123456789abcdef", "sg-0123456789abcdef0"
BUCKET = "audit-evidencebucket-1x2y"


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_parameter_and_output_is_described(path: str) -> None:
    document = written(path)
    for section in ("Parameters", "Outputs"):
        for name, one in document.get(section, {}).items():
            assert one.get("Description"), name


@pytest.mark.parametrize("path", DEPLOYED)
def test_a_parameter_says_what_it_must_be(path: str) -> None:
    for name, one in written(path).get("Parameters", {}).items():
        where = f"{path}: {name}"
        if one["Type"] in ("String", "CommaDelimitedList"):
            assert "AllowedPattern" in one or "AllowedValues" in one, where
        if "AllowedPattern" in one:
            assert one["ConstraintDescription"].startswith("must be "), where
        if "Default" in one and not one["Type"].startswith("AWS::"):
            assert refusal(one, str(one["Default"])) is None, where


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"LongestLockDays": "0"}, "LongestLockDays is required", id="a bucket without the longest lock"),
        pytest.param({"EvidenceAdministratorArn": ""}, "AdministratorArn is required", id="or without who guards it"),
        pytest.param({"EvidenceAccountId": "210987654321"}, "EvidenceBucketName is required", id="account, no bucket"),
        pytest.param({"SubnetIds": SUBNET}, "SecurityGroupIds is required", id="subnets without a group"),
        pytest.param({"SecurityGroupIds": GROUP}, "SubnetIds is required", id="a group without subnets"),
    ],
)
def test_a_combination_that_cannot_work_stops_before_anything_is_made(changed: dict[str, str], said: str) -> None:
    (broken,) = broken_rules("template.yaml", **PARAMETERS | changed)
    assert said in broken


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"SubnetIds": f"{SUBNET},{SUBNET}1", "SecurityGroupIds": GROUP}, id="a network"),
        pytest.param(
            {"EvidenceBucketName": BUCKET, "LongestLockDays": "0", "EvidenceAdministratorArn": ""}, id="a bucket here"
        ),
        pytest.param({"EvidenceBucketName": BUCKET, "EvidenceAccountId": "210987654321"}, id="a bucket elsewhere"),
    ],
)
def test_a_combination_that_works_is_taken(changed: dict[str, str]) -> None:
    assert broken_rules("template.yaml", **PARAMETERS | changed) == []


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        pytest.param("template.yaml", "SubnetIds", "10.0.0.0/24", id="a range for a subnet"),
        pytest.param("template.yaml", "SecurityGroupIds", "default", id="a name for a group"),
        pytest.param("template.yaml", "ApiVpcEndpointIds", "vpce-0123456789abcdef0,", id="an empty endpoint"),
        pytest.param("template.yaml", "ApiVpcEndpointIds", "vpc-0123456789abcdef0", id="a network for an endpoint"),
        pytest.param("template.yaml", "Firewall", "yes", id="yes for on"),
        pytest.param("template.yaml", "ApiAddress", "http://postern.example", id="tokens in the clear"),
        pytest.param("template.yaml", "ApiAddress", "https://a@postern.example", id="a host behind a user"),
        pytest.param("template.yaml", "ApiAddress", "https://postern.example/?to=", id="an address with a query"),
        pytest.param("template.yaml", "ApiAddress", "https://x'\", DPoP", id="a quote that ends a header's text"),
        pytest.param("template.yaml", "KeyAdministratorArn", "arn:aws:iam::123456789012:root", id="the account's root"),
        pytest.param("infra/network.yaml", "VpcCidr", "0.0.0.0/16", id="no private range"),
        pytest.param("infra/network.yaml", "VpcCidr", "10.0.0.0/8", id="a range that is too large"),
        pytest.param("infra/network.yaml", "DatabaseCidr", "0.0.0.0/0", id="everything as the databases' range"),
        pytest.param("infra/network.yaml", "S3PrefixListId", "0.0.0.0/0", id="everything as S3"),
        pytest.param("infra/network.yaml", "BrokerStackName", "*", id="every stack"),
        pytest.param("infra/network.yaml", "EvidenceBucketName", "*", id="every bucket"),
        pytest.param("infra/network.yaml", "MoreNames", "*", id="every name"),
        pytest.param("infra/network.yaml", "MoreNames", "*.com", id="every name of a top-level domain"),
        pytest.param("infra/identity.yaml", "SamlMetadataUrl", "http://idp.acme.example/x", id="metadata in the clear"),
        pytest.param("infra/identity.yaml", "CallbackUrls", "http://acme.example/x", id="a code in the clear"),
        pytest.param("infra/firewall.yaml", "StageArn", "*", id="every stage"),
        pytest.param("infra/keys.yaml", "SequencerRoleArn", "arn:aws:iam::123456789012:root", id="root as sequencer"),
    ],
)
def test_a_value_that_would_open_something_is_refused(path: str, name: str, value: str) -> None:
    assert refusal(written(path)["Parameters"][name], value) is not None


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("infra/audit.yaml", "EvidenceBucket"),
        ("infra/audit.yaml", "EvidenceBucketPolicy"),
        ("infra/identity.yaml", "MachinePool"),
        ("infra/keys.yaml", "SealKey"),
        ("infra/keys.yaml", "SigningKey"),
        ("template.yaml", "AuditStack"),
        ("template.yaml", "KeyStack"),
        ("template.yaml", "LogTable"),
        ("template.yaml", "SealTable"),
        ("template.yaml", "StateTable"),
    ],
)
def test_what_would_be_missed_outlives_its_stack(path: str, resource: str) -> None:
    one: dict[str, Any] = written(path)["Resources"][resource]
    assert one["DeletionPolicy"] == one["UpdateReplacePolicy"] == "Retain"
