"""What may stand inside a property: the names that the local stack reads one by one there, and drops nothing beside.

A property that is not here is handed over whole, and the service's API refuses what it does not know. `*` is any name;
an item of a list is at the list's own path. A function that builds from a part reads what is listed, or says in
`LEFT_OUT` why not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from postern_local.failure import StackFailure

PARTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "AWS::ApiGateway::RestApi": {
        "Body": frozenset({"components", "paths", "x-amazon-apigateway-gateway-responses"}),
        "Body.components": frozenset({"securitySchemes"}),
        "Body.components.securitySchemes.*": frozenset({"x-amazon-apigateway-authorizer"}),
        "Body.components.securitySchemes.*.x-amazon-apigateway-authorizer": frozenset(
            {"authorizerResultTtlInSeconds", "authorizerUri", "identitySource", "type"}
        ),
        "Body.paths.*.*": frozenset({"security", "x-amazon-apigateway-integration"}),
        "Body.paths.*.*.x-amazon-apigateway-integration": frozenset({"type", "uri"}),
        "Body.x-amazon-apigateway-gateway-responses.*": frozenset(
            {"responseParameters", "responseTemplates", "statusCode"}
        ),
        "Body.x-amazon-apigateway-gateway-responses.*.responseTemplates": frozenset({"application/json"}),
    },
    "AWS::DynamoDB::Table": {
        "PointInTimeRecoverySpecification": frozenset({"PointInTimeRecoveryEnabled"}),
        "SSESpecification": frozenset({"SSEEnabled"}),
        "TimeToLiveSpecification": frozenset({"AttributeName", "Enabled"}),
    },
    "AWS::Events::Rule": {"Targets": frozenset({"Arn", "Id", "Input"})},
    "AWS::IAM::Role": {"Policies": frozenset({"PolicyDocument", "PolicyName"})},
    "AWS::Lambda::Function": {
        "Code": frozenset({"S3Bucket", "S3Key"}),
        "Environment": frozenset({"Variables"}),
    },
    "AWS::S3::Bucket": {
        "BucketEncryption": frozenset({"ServerSideEncryptionConfiguration"}),
        "BucketEncryption.ServerSideEncryptionConfiguration": frozenset({"ServerSideEncryptionByDefault"}),
        "NotificationConfiguration": frozenset({"QueueConfigurations"}),
        "NotificationConfiguration.QueueConfigurations": frozenset({"Event", "Filter", "Queue"}),
        "NotificationConfiguration.QueueConfigurations.Filter": frozenset({"S3Key"}),
        "NotificationConfiguration.QueueConfigurations.Filter.S3Key": frozenset({"Rules"}),
        "ObjectLockConfiguration.Rule": frozenset({"DefaultRetention"}),
    },
    # A queue's attributes are texts to the API, which does not look into this one.
    "AWS::SQS::Queue": {"RedrivePolicy": frozenset({"deadLetterTargetArn", "maxReceiveCount"})},
}

LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "Body": {
        "info": "text",
        "openapi": "the form's version",
        "x-amazon-apigateway-policy": "whom the API lets ask; here only this machine can",
    },
    "Body.components.securitySchemes.*": {
        "in": "always the header that identitySource names",
        "name": "what SAM writes for an authorizer that takes a request",
        "type": "always apiKey",
        "x-amazon-apigateway-authtype": "always custom",
    },
    "Body.paths.*.*": {"responses": "a proxy integration answers for itself"},
    "Body.paths.*.*.x-amazon-apigateway-integration": {"httpMethod": "how the gateway calls Lambda"},
}


def check_parts(kind: str, properties: Mapping[str, Any], where: str) -> None:
    """Raises `StackFailure` for a name inside a property that would be dropped without a word."""
    known = PARTS.get(kind, {})
    for path, part in _parts(properties, ""):
        for pattern, names in known.items():
            if _matches(pattern, path):
                unknown = sorted(set(part) - names - set(LEFT_OUT.get(pattern, {})))
                if unknown:
                    raise StackFailure(
                        f"{where}: {path}: expected only what the local stack knows, got {', '.join(unknown)}"
                    )


def _parts(value: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if path:
            yield path, value
        for name, inner in value.items():
            # A path of the API has dots in it: `/.well-known`.
            yield from _parts(inner, f"{path}.{name.replace('.', '%')}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, path)


def _matches(pattern: str, path: str) -> bool:
    wanted, found = pattern.split("."), path.split(".")
    return len(wanted) == len(found) and all(one in ("*", name) for one, name in zip(wanted, found, strict=True))
