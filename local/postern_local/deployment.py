"""The templates as the local stack runs them: `read_deployment` turns resources into the model's nouns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from postern_local.failure import StackFailure
from postern_local.model import (
    Api,
    Authorizer,
    Bucket,
    Deployment,
    EventSource,
    Function,
    GatewayResponse,
    Key,
    Names,
    Queue,
    Role,
    Route,
    Schedule,
    Table,
)
from postern_local.template import Template
from postern_local.transform import FOLDER_BUCKET

_FUNCTION_ARN = re.compile(r"arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:([A-Za-z0-9_-]+)")
_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_HEADER = "gatewayresponse.header."
CONTEXT_NAME = re.compile(r"\$context\.([A-Za-z.]+)")
KNOWN_CONTEXT = ("authorizer.code", "requestId")


def read_deployment(root: Path, parameters: Mapping[str, str], names: Names) -> Deployment:
    """Reads `root/template.yaml` and what it nests. Raises `StackFailure` for whatever it does not know."""
    main = Template(root / "template.yaml", parameters, names)
    return Deployment(
        names=names,
        api=_api(main),
        functions=[_function(*found) for found in _all("AWS::Lambda::Function", main)],
        tables=[_table(*found) for found in _all("AWS::DynamoDB::Table", main)],
        buckets=_buckets(main),
        roles=_roles(main),
        schedules=[_schedule(*found) for found in _all("AWS::Events::Rule", main)],
        outputs=main.outputs,
        keys=[_key(*found) for found in _all("AWS::KMS::Key", main)],
        queues=_queues(main),
        event_sources=[_event_source(*found) for found in _all("AWS::Lambda::EventSourceMapping", main)],
        event_buses=[template.physical_name(name) for template, name, _ in _all("AWS::Events::EventBus", main)],
    )


def _all(kind: str, main: Template) -> Iterator[tuple[Template, str, dict[str, Any]]]:
    for template in main.all():
        for logical_id, properties in template.of_type(kind).items():
            yield template, logical_id, properties


def _function(template: Template, logical_id: str, properties: Mapping[str, Any]) -> Function:
    name = template.physical_name(logical_id)
    concurrency = properties.get("ReservedConcurrentExecutions")
    return Function(
        name=name,
        arn=f"arn:aws:lambda:{template.names.region}:{template.names.account}:function:{name}",
        folder=_folder(template, properties["Code"]),
        handler=properties["Handler"],
        timeout_s=int(properties["Timeout"]),
        memory_mb=int(properties["MemorySize"]),
        environment=dict(properties["Environment"]["Variables"]),
        role=properties["Role"].rsplit("/", 1)[-1],
        concurrency=None if concurrency is None else int(concurrency),
    )


def _folder(template: Template, code: Mapping[str, str]) -> Path:
    if code.get("S3Bucket") != FOLDER_BUCKET:
        raise StackFailure(f"{template.path}: code: expected a folder of the project, got {code}")
    return template.path.parent / code["S3Key"]


def _api(template: Template) -> Api:
    (body,) = (properties["Body"] for properties in template.of_type("AWS::ApiGateway::RestApi").values())
    (stage,) = (properties["StageName"] for properties in template.of_type("AWS::ApiGateway::Stage").values())
    schemes = body["components"]["securitySchemes"]
    authorizers = {name: _authorizer(name, scheme) for name, scheme in schemes.items()}
    return Api(
        stage=stage,
        routes=tuple(
            _route(path, method, operation, authorizers)
            for path, operations in body["paths"].items()
            for method, operation in operations.items()
        ),
        responses={
            kind: _gateway_response(kind, response)
            for kind, response in body["x-amazon-apigateway-gateway-responses"].items()
        },
    )


def _authorizer(name: str, scheme: Mapping[str, Any]) -> Authorizer:
    settings = scheme["x-amazon-apigateway-authorizer"]
    source = re.fullmatch(r"method\.request\.header\.([A-Za-z-]+)", settings["identitySource"])
    if settings["type"] != "request" or settings["authorizerResultTtlInSeconds"] != 0 or source is None:
        raise StackFailure(f"authorizer {name}: expected type request, one header and no caching, got {settings}")
    return Authorizer(name=name, function=_function_name(settings["authorizerUri"]), header=source[1])


def _route(path: str, method: str, operation: Mapping[str, Any], authorizers: Mapping[str, Authorizer]) -> Route:
    where = f"route {method.upper()} {path}"
    integration = operation["x-amazon-apigateway-integration"]
    if integration["type"] != "aws_proxy":
        raise StackFailure(f"{where}: expected a Lambda proxy integration, got {integration['type']}")
    # No `security` at all would be an open route that nobody asked for.
    (requirement,) = operation["security"]
    (scheme,) = requirement
    if scheme != "NONE" and scheme not in authorizers:
        raise StackFailure(f"{where}: expected a known authorizer or NONE, got {scheme}")
    return Route(
        method=method.upper(),
        path=path,
        function=_function_name(integration["uri"]),
        authorizer=None if scheme == "NONE" else authorizers[scheme],
    )


def _gateway_response(kind: str, response: Mapping[str, Any]) -> GatewayResponse:
    headers = {}
    for name, value in response.get("responseParameters", {}).items():
        if not name.startswith(_HEADER) or not (value.startswith("'") and value.endswith("'")):
            raise StackFailure(f"gateway response {kind}: expected headers with quoted values, got {name}: {value}")
        headers[name.removeprefix(_HEADER)] = value[1:-1]
    body: str = response["responseTemplates"]["application/json"]
    unknown = sorted(set(CONTEXT_NAME.findall(body)) - set(KNOWN_CONTEXT))
    if unknown or body.count("$") != len(CONTEXT_NAME.findall(body)):
        raise StackFailure(
            f"gateway response {kind}: expected only $context names that are known, got {unknown or body}"
        )
    status = response.get("statusCode")
    return GatewayResponse(status=None if status is None else int(status), headers=headers, body=body)


def _function_name(uri: str) -> str:
    found = _FUNCTION_ARN.search(uri)
    if found is None:
        raise StackFailure(f"integration: expected a function's ARN, got {uri}")
    return found[1]


def _table(template: Template, logical_id: str, properties: Mapping[str, Any]) -> Table:
    name = template.physical_name(logical_id)
    as_they_are = ("AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes")
    create = {key: properties[key] for key in (*as_they_are, "KeySchema") if key in properties}
    encryption = properties.get("SSESpecification", {})
    ttl = properties.get("TimeToLiveSpecification", {})
    return Table(
        name=name,
        create={"TableName": name, **create, "SSESpecification": {"Enabled": encryption.get("SSEEnabled", False)}},
        ttl_attribute=ttl["AttributeName"] if ttl.get("Enabled") else None,
        point_in_time_recovery=properties.get("PointInTimeRecoverySpecification", {}).get(
            "PointInTimeRecoveryEnabled", False
        ),
    )


def _buckets(main: Template) -> list[Bucket]:
    policies = {found["Bucket"]: found["PolicyDocument"] for *_, found in _all("AWS::S3::BucketPolicy", main)}
    buckets = []
    for template, logical_id, properties in _all("AWS::S3::Bucket", main):
        name = template.physical_name(logical_id)
        encryption = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")
        bucket = Bucket(
            name=name,
            object_lock=properties.get("ObjectLockEnabled", False),
            lock_configuration=_lock(properties.get("ObjectLockConfiguration")),
            versioning=properties.get("VersioningConfiguration"),
            encryption=None if encryption is None else {"Rules": [_encryption_rule(rule) for rule in encryption]},
            public_access=properties.get("PublicAccessBlockConfiguration"),
            ownership=properties.get("OwnershipControls"),
            notification=_notification(properties.get("NotificationConfiguration")),
            policy=policies.pop(name, None),
        )
        buckets.append(bucket)
    _none_left(policies, "bucket policy")
    return buckets


def _none_left(attached: Mapping[str, object], what: str) -> None:
    """A policy whose bucket or role is not among the templates would be lost without a word."""
    if attached:
        raise StackFailure(f"{what}: expected one of the templates' own, got {', '.join(attached)}")


def _lock(configuration: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """CloudFormation takes the days as text from a parameter; the API wants a number."""
    if configuration is None:
        return None
    retention = configuration["Rule"]["DefaultRetention"]
    return {**configuration, "Rule": {"DefaultRetention": {**retention, "Days": int(retention["Days"])}}}


def _encryption_rule(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}


def _notification(configuration: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The same in the names of the API, which differ from CloudFormation's."""
    if configuration is None:
        return None
    if set(configuration) != {"QueueConfigurations"}:
        raise StackFailure(f"notification: expected queues only, got {', '.join(configuration)}")
    return {
        "QueueConfigurations": [
            {
                "QueueArn": one["Queue"],
                "Events": [one["Event"]],
                "Filter": {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}},
            }
            for one in configuration["QueueConfigurations"]
        ]
    }


def _key(template: Template, logical_id: str, properties: Mapping[str, Any]) -> Key:
    create = {key: properties[key] for key in ("Description", "KeySpec", "KeyUsage") if key in properties}
    return Key(template.physical_id(logical_id), {**create, "Policy": json.dumps(properties["KeyPolicy"])})


def _queues(main: Template) -> list[Queue]:
    policies = {
        url: policy["PolicyDocument"] for *_, policy in _all("AWS::SQS::QueuePolicy", main) for url in policy["Queues"]
    }
    queues = []
    for template, logical_id, properties in _all("AWS::SQS::Queue", main):
        # The API takes text only: numbers and booleans as they are spelt, documents as JSON.
        attributes = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in properties.items()
        }
        policy = policies.pop(str(template.reference(logical_id)), None)
        queue = Queue(
            name=template.physical_name(logical_id),
            arn=str(template.attribute(logical_id, "Arn")),
            attributes=attributes if policy is None else {**attributes, "Policy": json.dumps(policy)},
        )
        queues.append(queue)
    _none_left(policies, "queue policy")
    # One that others send their dead letters to must be there before them.
    return sorted(queues, key=lambda queue: "RedrivePolicy" in queue.attributes)


def _event_source(_template: Template, _logical_id: str, properties: Mapping[str, Any]) -> EventSource:
    return EventSource(
        queue_arn=properties["EventSourceArn"],
        function=_function_name(properties["FunctionName"]),
        batch_size=int(properties["BatchSize"]),
        window_s=int(properties.get("MaximumBatchingWindowInSeconds", 0)),
        reports_items="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
    )


def _roles(main: Template) -> list[Role]:
    apart, shared = _role_policies(main), _managed_policies(main)
    roles = []
    for template, logical_id, properties in _all("AWS::IAM::Role", main):
        name = template.physical_name(logical_id)
        inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}
        arns = properties.get("ManagedPolicyArns", [])
        _none_left({arn: name for arn in arns if arn not in shared}, "managed policy")
        named = [shared[arn] for arn in arns]
        role = Role(
            name=name,
            arn=f"arn:aws:iam::{template.names.account}:role/{name}",
            trust=properties["AssumeRolePolicyDocument"],
            policies=inline | dict(named) | apart.pop(name, {}),
            max_session_s=int(properties.get("MaxSessionDuration", 3600)),
        )
        roles.append(role)
    _none_left(apart, "role policy")
    return roles


def _role_policies(main: Template) -> dict[str, dict[str, Any]]:
    """Policies that name their roles, by role: a managed policy may, too."""
    apart: dict[str, dict[str, Any]] = {}
    for *_, policy in _all("AWS::IAM::RolePolicy", main):
        apart.setdefault(policy["RoleName"], {})[policy["PolicyName"]] = policy["PolicyDocument"]
    for template, logical_id, policy in _all("AWS::IAM::ManagedPolicy", main):
        for role in policy.get("Roles", []):
            apart.setdefault(role, {})[template.physical_name(logical_id)] = policy["PolicyDocument"]
    return apart


def _managed_policies(main: Template) -> dict[str, tuple[str, Any]]:
    """Name and document by ARN, for the roles that name them."""
    return {
        str(template.reference(logical_id)): (template.physical_name(logical_id), policy["PolicyDocument"])
        for template, logical_id, policy in _all("AWS::IAM::ManagedPolicy", main)
    }


def _schedule(_template: Template, logical_id: str, properties: Mapping[str, Any]) -> Schedule:
    rate = _RATE.fullmatch(properties["ScheduleExpression"])
    if rate is None or len(properties["Targets"]) != 1:
        raise StackFailure(f"{logical_id}: expected rate(n minutes) and one target, got {properties}")
    (target,) = properties["Targets"]
    return Schedule(
        every_s=int(rate[1]) * _SECONDS[rate[2]], function=_function_name(target["Arn"]), payload=target["Input"]
    )
