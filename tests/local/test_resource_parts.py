"""What stands inside a property: known by name, or handed to an API that refuses what it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from postern_local.aws.server import AwsServer
from postern_local.failure import StackFailure
from postern_local.resource_parts import LEFT_OUT, PARTS, check_parts
from postern_local.resource_types import RESOURCE_TYPES
from postern_local.resources import create_resources
from postern_local.template import Template
from tests.support.stack import NAMES, PARAMETERS, PROJECT, project_deployment

DOCUMENTS = {
    "AssumeRolePolicyDocument",
    "KeyPolicy",
    "PolicyDocument",
}  # whose own parser refuses what it does not know
VALUES = {"Parameters", "Variables"}  # of names that the templates choose
# What an API of the local stack's AWS is given whole: boto3 knows the names by the service's model.
HANDED_OVER = {
    ("AWS::DynamoDB::Table", "AttributeDefinitions"),
    ("AWS::DynamoDB::Table", "GlobalSecondaryIndexes"),
    ("AWS::DynamoDB::Table", "GlobalSecondaryIndexes.KeySchema"),
    ("AWS::DynamoDB::Table", "GlobalSecondaryIndexes.Projection"),
    ("AWS::DynamoDB::Table", "KeySchema"),
    ("AWS::S3::Bucket", "BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault"),
    ("AWS::S3::Bucket", "NotificationConfiguration.QueueConfigurations.Filter.S3Key.Rules"),
    ("AWS::S3::Bucket", "ObjectLockConfiguration"),
    ("AWS::S3::Bucket", "ObjectLockConfiguration.Rule.DefaultRetention"),
    ("AWS::S3::Bucket", "OwnershipControls"),
    ("AWS::S3::Bucket", "OwnershipControls.Rules"),
    ("AWS::S3::Bucket", "PublicAccessBlockConfiguration"),
    ("AWS::S3::Bucket", "VersioningConfiguration"),
}


def parts(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if path:
            yield path, value
        for name, inner in value.items():
            if name not in DOCUMENTS | VALUES | {"Body"}:
                yield from parts(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner, path)


@pytest.fixture(scope="module")
def built() -> list[tuple[str, dict[str, Any]]]:
    """Type and built properties of every resource of the project's templates."""
    main = Template(PROJECT / "template.yaml", PARAMETERS, NAMES)
    return [
        (kind, {name: value for name, value in properties.items() if name in RESOURCE_TYPES[kind].built})
        for template in main.all()
        for kind, properties in template.resources.values()
    ]


def test_every_part_of_the_project_is_known_by_name_or_handed_over(built):
    slipped = set()
    for kind, properties in built:
        for path, part in parts(properties):
            part["Nope"] = 1
            try:
                check_parts(kind, properties, "here")
                slipped.add((kind, path))
            except StackFailure:
                pass
            del part["Nope"]
    assert slipped <= HANDED_OVER


@pytest.mark.parametrize(
    "path",
    [
        pytest.param([], id="a part of the API"),
        pytest.param(["paths", "/v1/tasks", "post"], id="a part of a method"),
        pytest.param(["paths", "/.well-known/oauth-protected-resource", "get"], id="a path with dots"),
        pytest.param(["paths", "/v1/tasks", "post", "x-amazon-apigateway-integration"], id="a part of an integration"),
        pytest.param(
            ["components", "securitySchemes", "Token", "x-amazon-apigateway-authorizer"], id="a part of an authorizer"
        ),
        pytest.param(["x-amazon-apigateway-gateway-responses", "THROTTLED"], id="a part of a response"),
    ],
)
def test_the_api_has_no_part_that_the_gateway_does_not_know(path, built):
    (properties,) = [properties for kind, properties in built if kind == "AWS::ApiGateway::RestApi"]
    part = properties["Body"]
    for name in path:
        part = part[name]
    part["x-amazon-apigateway-nope"] = {}
    with pytest.raises(StackFailure, match="x-amazon-apigateway-nope"):
        check_parts("AWS::ApiGateway::RestApi", properties, "here")
    del part["x-amazon-apigateway-nope"]
    check_parts("AWS::ApiGateway::RestApi", properties, "here")


@pytest.mark.parametrize("member", ["encryption", "lock_configuration", "ownership", "public_access", "versioning"])
def test_what_is_handed_over_is_refused_by_the_api(member, aws: AwsServer):
    (bucket,) = project_deployment().buckets
    wrong = {**getattr(bucket, member), "Nope": 1}
    empty = replace(project_deployment(), buckets=[], roles=[], tables=[], keys=[], queues=[], event_buses=[])
    with pytest.raises(StackFailure, match="Nope"):
        create_resources(replace(empty, buckets=[replace(bucket, name=f"b-{member[:4]}", **{member: wrong})]), aws.url)


def test_each_name_that_is_left_out_has_a_reason_and_a_place():
    paths = {path for known in PARTS.values() for path in known}
    assert set(LEFT_OUT) <= paths
    assert all(reason for names in LEFT_OUT.values() for reason in names.values())
