"""What each role may do by its own policies, and so what every other may not.

A row is an action on a resource and the roles that may: all others must be refused. The tables are crosses, action by
item or object, so that what is not written down is asked for as well, and refused to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from .asking import Ask, Context
from .documents import ACCOUNT, REGION
from .places import DATABASES, FUNCTIONS, ROLES, USER, Places
from .rows import NOBODY, Row, who
from .stored import stored

# Where the Service Authorization Reference, as the second evaluator has it, and this table part.
CODE_ASKS = "Lambda adds lambda:SourceFunctionArn to what a function's code asks; the reference lists it for no action."
NAMED_CONTEXT = "The reference has the key with a variable for its last part, which the evaluator does not fill in."
VERSION_OR_ALIAS = "The reference has two types of resource with this form of ARN, and the evaluator wants one."
OLD_AND_NEW_BUSES = "The reference has two types of bus with this ARN, and the evaluator wants one."
DEPLOYMENT_GROUP = "The reference names no resource for the action; AWS's guide to safe deployments names the group."


def rows(places: Places) -> list[Row]:
    """The whole table."""
    return [
        *stored(places),
        *_queues(places),
        *_invocations(places),
        *_keys(places),
        *_databases(places),
        *_sessions(places),
        *_telling(places),
        *_network(),
        *_deploys(places),
        *_elsewhere(places),
    ]


APPLICATION = "postern-local-ServerlessDeploymentApplication"  # SAM's name of it, in this stack


def _queues(places: Places) -> Iterator[Row]:
    failures = who("run reap deploy")
    cells = {
        "Queue": {"SendMessage": who("reap"), **dict.fromkeys(_TAKES, who("sequence"))},
        "FailedInvocations": {"SendMessage": failures},
        "DeadLetterQueue": {},
    }
    never = ("PurgeQueue", "SetQueueAttributes", "DeleteQueue", "ChangeMessageVisibility", "AddPermission")
    for queue, named in cells.items():
        for action in ("SendMessage", *_TAKES, *never):
            yield Row(Ask(f"sqs:{action}", places.queue(queue)), named.get(action, NOBODY))


_TAKES = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


def _invocations(places: Places) -> Iterator[Row]:
    invokes = {"provision": who("tasks run revoke reap"), "run": who("tasks")}
    for function in sorted(FUNCTIONS):
        yield Row(Ask("lambda:InvokeFunction", places.function(function)), invokes.get(function, NOBODY))
        # A version that was replaced, or the newest before its deploy was recorded, is nobody's to run.
        for qualifier in ("", "7", "$LATEST", "live2"):
            hook = function == "deploy" and qualifier == ""
            ask = Ask("lambda:InvokeFunction", places.function(function, qualifier))
            yield Row(ask, who("shift") if hook else NOBODY)
    for action in ("UpdateFunctionCode", "UpdateFunctionConfiguration"):
        yield from (Row(Ask(f"lambda:{action}", places.function(name, "")), NOBODY) for name in ("query", "deploy"))
    for action in ("AddPermission", "DeleteFunction"):
        for name in ("provision", "run"):
            yield Row(Ask(f"lambda:{action}", places.function(name), {}, VERSION_OR_ALIAS), NOBODY)
    yield Row(Ask("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:another"), NOBODY)


def _keys(places: Places) -> Iterator[Row]:
    signing, sealing = places.key(signs=True), places.key(signs=False)
    yield Row(Ask("kms:GetPublicKey", signing), who("sequence reap"))
    for action in ("Sign", "PutKeyPolicy", "CreateGrant", "ScheduleKeyDeletion", "DisableKey"):
        yield Row(Ask(f"kms:{action}", signing), NOBODY)  # that sequence signs stands in the key's policy alone
    yield Row(Ask("kms:GenerateDataKey", sealing, SEALING, NAMED_CONTEXT), who("query run"))
    for key, value in (("deployment", "other"), ("log", "test-2025"), ("task", "")):
        name = f"kms:EncryptionContext:{key}"
        yield Row(Ask("kms:GenerateDataKey", sealing, {**SEALING, name: (value,)}, NAMED_CONTEXT), NOBODY)
        rest = {other: values for other, values in SEALING.items() if other != name}
        yield Row(Ask("kms:GenerateDataKey", sealing, rest, NAMED_CONTEXT), NOBODY)
    for action in ("Decrypt", "ReEncryptFrom", "Encrypt", "GenerateDataKeyWithoutPlaintext", "PutKeyPolicy"):
        ask = (
            Ask(f"kms:{action}", sealing, SEALING, NAMED_CONTEXT)
            if action in _SEALED
            else Ask(f"kms:{action}", sealing)
        )
        yield Row(ask, NOBODY)
    another = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/another"
    yield Row(Ask("kms:GetPublicKey", another), NOBODY)
    yield Row(Ask("kms:GenerateDataKey", another, SEALING, NAMED_CONTEXT), NOBODY)


_SEALED = ("Decrypt", "ReEncryptFrom", "Encrypt", "GenerateDataKeyWithoutPlaintext")
SEALING: Context = {
    "kms:EncryptionContext:deployment": ("postern",),
    "kms:EncryptionContext:log": ("test-2026",),
    "kms:EncryptionContext:task": ("018f",),
}


def _databases(places: Places) -> Iterator[Row]:
    users = {"postern_provision": "provision", "postern_reap": "reap", "postern_lookup": "query"}
    for database in DATABASES:
        for user in (*users, USER, "postgres", "postern_owner", "postern_provision2", "rdsadmin"):
            yield Row(Ask("rds-db:connect", places.user(user, database)), who(users.get(user, "")))
    for user in users:
        yield Row(Ask("rds-db:connect", places.user(user, "db-OTHER")), NOBODY)
    tag, other = ({"aws:PrincipalTag/postern_user": (name,)} for name in (USER, f"{USER[:-1]}2"))
    yield Row(Ask("rds-db:connect", places.user(USER, DATABASES[0]), tag), who("connect"))
    yield Row(Ask("rds-db:connect", places.user(USER, DATABASES[1]), tag), who("connect"))
    yield Row(Ask("rds-db:connect", places.user(USER, "db-OTHER"), tag), NOBODY)
    yield Row(Ask("rds-db:connect", places.user(USER), other), NOBODY)
    yield Row(Ask("rds-db:connect", places.user("postgres"), tag), NOBODY)
    # A wildcard in a tag is a name like any other.
    yield Row(Ask("rds-db:connect", places.user(USER), {"aws:PrincipalTag/postern_user": ("task_*",)}), NOBODY)


def _sessions(places: Places) -> Iterator[Row]:
    for action in ("AssumeRole", "TagSession", "SetSourceIdentity"):
        yield Row(Ask(f"sts:{action}", places.role("connect")), who("query run"))
        for role in sorted(ROLES - {"connect"}):
            yield Row(Ask(f"sts:{action}", places.role(role)), NOBODY)
        yield Row(Ask(f"sts:{action}", f"arn:aws:iam::{ACCOUNT}:role/administrator"), NOBODY)


def _telling(places: Places) -> Iterator[Row]:
    tells = who("tasks query provision run revoke reap")
    yield Row(Ask("events:PutEvents", places.bus), tells)
    yield Row(Ask("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"), NOBODY)
    for action in ("DescribeEventBus", "DeleteEventBus", "PutResourcePolicy"):
        yield Row(Ask(f"events:{action}", places.bus, {}, OLD_AND_NEW_BUSES), NOBODY)
    for action in ("PutTraceSegments", "PutTelemetryRecords"):
        yield Row(Ask(f"xray:{action}", "*"), FUNCTIONS)
    yield Row(Ask("xray:GetTraceSummaries", "*"), NOBODY)
    # API Gateway takes no role that names groups (infra/observability.yaml).
    gateway = who("gatewaylog")
    for function in (*sorted(FUNCTIONS), "another"):
        stream = f"{places.log_group(function)}:log-stream:a"
        own = gateway | ({function} & FUNCTIONS)
        yield Row(Ask("logs:CreateLogStream", stream), own)
        yield Row(Ask("logs:PutLogEvents", stream), own)
        yield Row(Ask("logs:GetLogEvents", stream), gateway)
        yield Row(Ask("logs:DeleteLogStream", stream), NOBODY)
    for action in ("CreateLogGroup", "DescribeLogStreams", "FilterLogEvents"):
        yield Row(Ask(f"logs:{action}", places.log_group("query")), gateway)
    yield Row(Ask("logs:DescribeLogGroups", "*"), gateway)
    yield Row(Ask("logs:DeleteLogGroup", places.log_group("query")), NOBODY)


_INTERFACE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/eni-1"
_ATTACHES = (
    "CreateNetworkInterface",
    "DeleteNetworkInterface",
    "AssignPrivateIpAddresses",
    "UnassignPrivateIpAddresses",
)


def _network() -> Iterator[Row]:
    reach, source = who("query provision run reap"), "lambda:SourceFunctionArn"
    code: Context = {source: (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:postern-query",)}
    for action in _ATTACHES:
        yield Row(Ask(f"ec2:{action}", _INTERFACE), reach)
        yield Row(Ask(f"ec2:{action}", _INTERFACE, code, CODE_ASKS), NOBODY)
        yield Row(Ask(f"ec2:{action}", _INTERFACE.replace(ACCOUNT, "210987654321")), NOBODY)
    for action in ("DescribeNetworkInterfaces", "DescribeSubnets"):
        yield Row(Ask(f"ec2:{action}", "*"), reach)
        yield Row(Ask(f"ec2:{action}", "*", code, CODE_ASKS), NOBODY)
    # A request to make one asks for its subnet and its security group as well.
    for part in ("subnet/subnet-1", "security-group/sg-1"):
        arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:{part}"
        yield Row(Ask("ec2:CreateNetworkInterface", arn), reach)
        yield Row(Ask("ec2:CreateNetworkInterface", arn, code, CODE_ASKS), NOBODY)
        yield Row(Ask("ec2:CreateNetworkInterface", arn.replace(ACCOUNT, "210987654321")), NOBODY)
    yield Row(Ask("ec2:ModifyNetworkInterfaceAttribute", _INTERFACE), NOBODY)
    yield Row(Ask("ec2:DescribeInstances", "*"), NOBODY)
    yield Row(Ask("ec2:DeleteVpc", f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-1"), NOBODY)


def _deploys(places: Places) -> Iterator[Row]:
    for function in (*sorted(FUNCTIONS), "another"):
        moved = function in FUNCTIONS - {"deploy"}
        for action in ("GetAlias", "UpdateAlias"):
            yield Row(Ask(f"lambda:{action}", places.function(function, "")), who("shift") if moved else NOBODY)
        ask = Ask("lambda:GetProvisionedConcurrencyConfig", places.function(function, "7"), {}, VERSION_OR_ALIAS)
        yield Row(ask, who("shift") if moved else NOBODY)
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
    for name in ("postern-faults", "another"):
        yield Row(Ask("cloudwatch:DescribeAlarms", alarm + name), who("shift"))
    yield Row(Ask("cloudwatch:DescribeAlarms", alarm.replace(ACCOUNT, "210987654321") + "postern-faults"), NOBODY)
    yield Row(Ask("cloudwatch:DeleteAlarms", f"{alarm}postern-faults"), NOBODY)
    group = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{{}}/postern-query"
    answer = "codedeploy:PutLifecycleEventHookExecutionStatus"
    yield Row(Ask(answer, group.format(APPLICATION), {}, DEPLOYMENT_GROUP), who("deploy"))
    yield Row(Ask(answer, group.format("another"), {}, DEPLOYMENT_GROUP), NOBODY)
    yield Row(Ask("codedeploy:CreateDeployment", group.format(APPLICATION)), NOBODY)


def _elsewhere(places: Places) -> Iterator[Row]:
    """What nobody here has to do with: a wildcard of all actions shows."""
    yield Row(Ask("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/a"), NOBODY)
    yield Row(Ask("iam:PassRole", places.role("connect")), NOBODY)
    yield Row(Ask("iam:UpdateAssumeRolePolicy", places.role("connect")), NOBODY)
    yield Row(Ask("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/a"), NOBODY)
    yield Row(
        Ask("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:a-AAAAAA"), NOBODY
    )
    yield Row(Ask("rds:CreateDBSnapshot", f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:a"), NOBODY)
