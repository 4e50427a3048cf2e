"""The resource types that the local stack knows, each with every property that may be set on it.

`built` properties have an effect here. `left_out` ones have none on one machine, each for a reason that
stands beside it; they are listed so that a new property is a decision and never silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_DELETION = frozenset({"DeletionPolicy", "UpdateReplacePolicy"})  # nothing outlives a run of the local stack


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`reference` is what `Ref` gives; `attributes` what `Fn::GetAtt` gives; both with `{name}` and the like.

    `{uuid}` is an id made of the name: the same each run, and known before the resource is made.
    """

    built: frozenset[str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    name_property: str | None = None
    reference: str = "{name}"
    attributes: Mapping[str, str] = field(default_factory=dict)


_LAMBDA = "arn:aws:lambda:{region}:{account}"
_ONE_VERSION = "a run has one version of each function, and nothing shifts from one to another"

RESOURCE_TYPES: dict[str, ResourceType] = {
    "AWS::ApiGateway::RestApi": ResourceType(
        built=frozenset({"Body"}),
        left_out={
            "Name": "one API a run",
            "Parameters": "repeats EndpointConfiguration",
            "EndpointConfiguration": "the endpoint is a loopback port",
        },
        reference="local",
    ),
    "AWS::ApiGateway::Account": ResourceType(
        built=frozenset(), left_out={"CloudWatchRoleArn": "the gateway here writes no log"}
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        built=frozenset(), left_out={"Description": "text", "RestApiId": "one API a run"}
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        built=frozenset({"StageName"}),
        left_out={
            "DeploymentId": "one deployment a run",
            "RestApiId": "one API a run",
            "MethodSettings": "throttling, metrics and tracing of the gateway itself",
            "AccessLogSetting": "the gateway here writes no log: a request is in its function's",
            "TracingEnabled": "there is no X-Ray here, so no request is sampled",
        },
        reference="{StageName}",
    ),
    "AWS::CloudFormation::Stack": ResourceType(built=frozenset({"TemplateURL", "Parameters"})),
    "AWS::CloudWatch::Alarm": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(
            (
                *("AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator", "DatapointsToAlarm"),
                "ExtendedStatistic",
                *("Dimensions", "EvaluationPeriods", "MetricName", "Metrics", "Namespace", "Period", "Statistic"),
                *("Threshold", "TreatMissingData"),
            ),
            "nobody is on call for a local stack; the counts that it would watch are in the functions' logs",
        ),
        name_property="AlarmName",
        attributes={"Arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(
            ("DashboardBody", "DashboardName"), "the counts that it shows are in the functions' logs"
        ),
    ),
    "AWS::CodeDeploy::Application": ResourceType(
        built=frozenset(), left_out={"ComputePlatform": "always Lambda", "Tags": "nothing reads them"}
    ),
    "AWS::CodeDeploy::DeploymentGroup": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(
            (
                *("AlarmConfiguration", "ApplicationName", "AutoRollbackConfiguration", "DeploymentConfigName"),
                *("DeploymentStyle", "ServiceRoleArn", "Tags"),
            ),
            _ONE_VERSION,
        ),
    ),
    "AWS::DynamoDB::Table": ResourceType(
        built=frozenset(
            {
                *("AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes"),
                *("KeySchema", "PointInTimeRecoverySpecification", "SSESpecification", "TimeToLiveSpecification"),
            }
        ),
        attributes={"Arn": "arn:aws:dynamodb:{region}:{account}:table/{name}"},
    ),
    "AWS::Events::EventBus": ResourceType(
        built=frozenset({"Name"}),
        name_property="Name",
        attributes={"Arn": "arn:aws:events:{region}:{account}:event-bus/{name}"},
    ),
    "AWS::Events::Rule": ResourceType(
        built=frozenset({"ScheduleExpression", "Targets"}),
        left_out={"Description": "text"},
        attributes={"Arn": "arn:aws:events:{region}:{account}:rule/{name}"},
    ),
    "AWS::IAM::ManagedPolicy": ResourceType(
        built=frozenset({"PolicyDocument", "Roles"}),
        left_out={"Description": "text"},
        reference="arn:aws:iam::{account}:policy/{name}",
    ),
    "AWS::IAM::Role": ResourceType(
        built=frozenset({"AssumeRolePolicyDocument", "ManagedPolicyArns", "MaxSessionDuration", "Policies"}),
        left_out={"Description": "text"},
        attributes={"Arn": "arn:aws:iam::{account}:role/{name}"},
    ),
    "AWS::IAM::RolePolicy": ResourceType(built=frozenset({"PolicyDocument", "PolicyName", "RoleName"})),
    "AWS::KMS::Key": ResourceType(
        built=frozenset({"Description", "KeyPolicy", "KeySpec", "KeyUsage"}),
        left_out={
            "EnableKeyRotation": "yearly, and unseen by callers",
            "PendingWindowInDays": "nothing outlives a run",
        },
        reference="{uuid}",
        attributes={"Arn": "arn:aws:kms:{region}:{account}:key/{uuid}"},
    ),
    "AWS::Lambda::Alias": ResourceType(
        built=frozenset({"FunctionName", "Name"}),
        left_out={"FunctionVersion": _ONE_VERSION, "Tags": "nothing reads them"},
        reference=_LAMBDA + ":function:{FunctionName}:{Name}",
    ),
    "AWS::Lambda::EventInvokeConfig": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(
            ("DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"),
            "a schedule's invocation is not repeated here, and one that finds its workers busy waits for them",
        ),
    ),
    "AWS::Lambda::EventSourceMapping": ResourceType(
        built=frozenset(
            {
                *("BatchSize", "EventSourceArn", "FunctionName", "FunctionResponseTypes"),
                "MaximumBatchingWindowInSeconds",
            }
        ),
        left_out={
            "Enabled": "always",
            "ScalingConfig": "one batch at a time: its upper bound holds",
            "Tags": "nothing reads them",
        },
    ),
    "AWS::Lambda::Function": ResourceType(
        built=frozenset(
            {
                *("Code", "Environment", "FunctionName", "Handler", "MemorySize"),
                *("ReservedConcurrentExecutions", "Role", "Timeout"),
            }
        ),
        left_out={
            "Architectures": "the machine's own",
            "Description": "text",
            "Layers": "packages are the interpreter's own; what lands in /opt is the folder of the policy",
            "LoggingConfig": "output goes to the state folder's logs",
            "Runtime": "the interpreter that runs the stack",
            "SnapStart": "a worker is started anew: tests/functions/test_snapshots.py copies one that is set up",
            "Tags": "nothing reads them",
            "TracingConfig": "there is no X-Ray here: the runtime is told of no sampled request",
            "VpcConfig": "loopback only",
        },
        name_property="FunctionName",
        attributes={"Arn": _LAMBDA + ":function:{name}"},
    ),
    "AWS::Lambda::LayerVersion": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(
            ("CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LayerName", "LicenseInfo"),
            "see Layers of AWS::Lambda::Function",
        ),
        reference=_LAMBDA + ":layer:{LayerName}:1",
    ),
    # Who may invoke what: here the gateway, the schedules and the Invoke endpoint, which checks nobody.
    "AWS::Lambda::Permission": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(("Action", "FunctionName", "Principal", "SourceArn"), "only the stack itself invokes"),
    ),
    "AWS::Lambda::Version": ResourceType(
        built=frozenset(),
        left_out={"Description": "text", "FunctionName": _ONE_VERSION},
        attributes={"Version": "1"},
    ),
    "AWS::Logs::LogGroup": ResourceType(
        built=frozenset(),
        left_out={"LogGroupName": "output goes to the state folder's logs", "RetentionInDays": "kept for a run"},
        name_property="LogGroupName",
        attributes={"Arn": "arn:aws:logs:{region}:{account}:log-group:{name}:*"},
    ),
    "AWS::S3::Bucket": ResourceType(
        built=frozenset(
            {
                *("BucketEncryption", "NotificationConfiguration", "ObjectLockConfiguration", "ObjectLockEnabled"),
                *("OwnershipControls", "PublicAccessBlockConfiguration", "VersioningConfiguration"),
            }
        ),
        left_out={"InventoryConfigurations": "delivered within a day or two, and nothing here lives as long"},
        attributes={"Arn": "arn:aws:s3:::{name}"},
    ),
    "AWS::S3::BucketPolicy": ResourceType(built=frozenset({"Bucket", "PolicyDocument"})),
    "AWS::SQS::Queue": ResourceType(
        built=frozenset({"MessageRetentionPeriod", "RedrivePolicy", "SqsManagedSseEnabled", "VisibilityTimeout"}),
        reference="https://sqs.{region}.amazonaws.com/{account}/{name}",
        attributes={"Arn": "arn:aws:sqs:{region}:{account}:{name}", "QueueName": "{name}"},
    ),
    "AWS::SQS::QueuePolicy": ResourceType(built=frozenset({"PolicyDocument", "Queues"})),
    "AWS::WAFv2::WebACL": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(
            (
                *("DataProtectionConfig", "DefaultAction", "Description", "Name", "Rules", "Scope"),
                "VisibilityConfig",
            ),
            "a sieve before the gateway, whose rules are AWS's own; here everybody is on this machine",
        ),
        attributes={"Arn": "arn:aws:wafv2:{region}:{account}:regional/webacl/{name}/{uuid}"},
    ),
    "AWS::XRay::SamplingRule": ResourceType(built=frozenset(), left_out={"SamplingRule": "there is no X-Ray here"}),
    "AWS::WAFv2::WebACLAssociation": ResourceType(
        built=frozenset(),
        left_out=dict.fromkeys(("ResourceArn", "WebACLArn"), "see AWS::WAFv2::WebACL"),
    ),
}

# What may stand on a resource beside its type and properties.
# `UpdatePolicy`: how an alias moves from one version to the next, and here it has one.
RESOURCE_KEYS = frozenset({"Type", "Properties", "Condition", "Metadata", "DependsOn", "UpdatePolicy"}) | _DELETION
