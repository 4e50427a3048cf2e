"""What each role may do by its own policies, and so what every other may not.

A row is an action on a resource and the roles that may: all others must be refused. The tables are crosses, action by
item or object, so that what is not written down is asked for as well, and refused to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .asking import Ask, Context
from .documents import ACCOUNT, REGION
from .places import (
    CHECKPOINT,
    DATABASES,
    ELSEWHERE,
    FUNCTIONS,
    OLD_TILE,
    OTHER_RECORD,
    OTHER_TEXT,
    RECORD,
    ROLES,
    TEXT,
    TILE,
    USER,
    Places,
)

NOBODY: frozenset[str] = frozenset()

# Where the Service Authorization Reference, as the second evaluator has it, and this table part.
CODE_ASKS = "Lambda adds lambda:SourceFunctionArn to what a function's code asks; the reference lists it for no action."
NAMED_CONTEXT = "The reference has the key with a variable for its last part, which the evaluator does not fill in."
VERSION_OR_ALIAS = "The reference has two types of resource with this form of ARN, and the evaluator wants one."
OLD_AND_NEW_BUSES = "The reference has two types of bus with this ARN, and the evaluator wants one."
DEPLOYMENT_GROUP = "The reference names no resource for the action; AWS's guide to safe deployments names the group."
WRITERS = frozenset({"tasks", "query", "provision", "run", "revoke", "deploy"})


@dataclass(frozen=True, slots=True)
class Row:
    """`may`: the roles that must be allowed; every other must be refused."""

    ask: Ask
    may: frozenset[str]


def rows(places: Places) -> list[Row]:
    """The whole table."""
    return [
        *_items(places.table("StateTable"), _STATE, _STATE_KEYS),
        *_items(places.table("LogTable"), _LOG, _LOG_KEYS),
        *_items(places.table("SealTable"), _SEALS),
        *_tables(places),
        *_objects(places),
        *_bucket(places),
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


def _who(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Items: action -> partition key -> who. A key that is not written here is nobody's.
_STATE_READERS = {
    "task#1": "tasks query provision run revoke reap",
    "approval#1": "tasks provision run",
    "deny": "tasks revoke reap",
}
_STATE: dict[str, dict[str, str]] = {
    "GetItem": {**_STATE_READERS, "jwks#i": "authorize"},
    "BatchGetItem": _STATE_READERS,
    "PutItem": {"task#1": "tasks query", "approval#1": "tasks", "deny": "revoke", "dpop#a": "authorize"},
    "UpdateItem": {
        "task#1": "tasks query provision run revoke reap",
        "approval#1": "tasks",
        "pending#a": "tasks",
        "rate#openings#a#1": "tasks",
        "rate#statements#a#1": "query",
        "rate#provisions#a#1": "tasks revoke reap",
        "deny": "revoke reap",
        "jwks#i": "authorize",
    },
    "ConditionCheckItem": {"task#1": "tasks", "deny": "tasks provision revoke reap"},
    "Query": {"deny": "revoke reap"},
}
_STATE_KEYS = ("xtask#1", "denial", "rate#1", "head#l")
_LOG: dict[str, dict[str, str]] = {
    "GetItem": {
        "head#l": "sequence reap receipts",
        "entry#k": "reap receipts",
        "epoch#l": "sequence reap",
        "watermark#test-2026": "query run reap",
        "watermark#l": "reap",
        "quarantine#k": "reap",
        "keys#l": "reap receipts",
        "deploy#postern": "deploy",
    },
    "BatchGetItem": {
        "head#l": "reap receipts",
        "entry#k": "sequence reap receipts",
        "epoch#l": "reap",
        "watermark#test-2026": "reap",
        "watermark#l": "reap",
        "quarantine#k": "reap",
        "keys#l": "reap receipts",
    },
    "BatchWriteItem": {"entry#k": "sequence"},
    "PutItem": {
        "head#l": "sequence",
        "epoch#l": "reap",
        "quarantine#k": "reap",
        "keys#l": "reap",
        "deploy#postern": "deploy",
    },
    "UpdateItem": {"head#l": "sequence", "watermark#test-2026": "reap", "watermark#l": "reap", "quarantine#k": "reap"},
}
_LOG_KEYS = ("deploy#other", "header")
_SEALS: dict[str, dict[str, str]] = {
    "GetItem": {"seal#1": "reap"},
    "PutItem": {"seal#1": "query run reap"},
    "UpdateItem": {"seal#1": "reap"},
    "DeleteItem": {"seal#1": "reap"},
    "ConditionCheckItem": {"seal#1": "query run"},
    "Query": {"seal#1": "reap"},
}
_ITEM_ACTIONS = (
    *("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem"),
    *("Query", "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"),
)


def _items(table: str, cells: Mapping[str, Mapping[str, str]], foreign: tuple[str, ...] = ()) -> Iterator[Row]:
    """Every action on every item. `foreign`: keys of nobody's, among them some that begin like one."""
    keys = sorted({key for row in cells.values() for key in row})
    is_bound = bool(foreign)  # to keys: the table of seals is one function's to erase, whole
    for action in _ITEM_ACTIONS:
        named = cells.get(action, {})
        # No statement names a right of PartiQL: a few keys show that none came in.
        for key in (*keys, *foreign) if action in cells or "PartiQL" not in action else keys[:2]:
            yield Row(_item(table, action, key), _who(named.get(key, "")))
        # One key that is nobody's here is one too many; a request without a key is nobody's.
        for key in named if is_bound else ():
            yield Row(_item(table, action, key, foreign[0]), NOBODY)
        if is_bound:
            yield Row(Ask(f"dynamodb:{action}", table), NOBODY)


def _item(table: str, action: str, *keys: str) -> Ask:
    return Ask(f"dynamodb:{action}", table, {"dynamodb:LeadingKeys": keys})


def _tables(places: Places) -> Iterator[Row]:
    actions = ("Scan", "DeleteTable", "UpdateTable", "DescribeTable", "PutResourcePolicy", "UpdateTimeToLive")
    for name in ("StateTable", "LogTable", "SealTable"):
        for action in actions:
            yield Row(Ask(f"dynamodb:{action}", places.table(name)), NOBODY)
    indexes = {"by_principal": _who("tasks"), "by_deadline": _who("revoke reap"), "another": NOBODY}
    for index, may in indexes.items():
        arn = f"{places.table('StateTable')}/index/{index}"
        yield Row(Ask("dynamodb:Query", arn, {"dynamodb:LeadingKeys": ("a",)}), may)
        yield Row(Ask("dynamodb:Scan", arn), NOBODY)
    # What somebody may do to an item, nobody may in another table.
    another = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/another"
    for action in _ITEM_ACTIONS:
        keys = {**_STATE.get(action, {}), **_LOG.get(action, {}), **_SEALS.get(action, {})}
        yield from (Row(_item(another, action, key), NOBODY) for key in keys)


APPLICATION = "postern-local-ServerlessDeploymentApplication"  # SAM's name of it, in this stack
_READ_ANY, _LOGS = _who("sequence reap"), _who("sequence reap receipts")
_OBJECTS: dict[str, dict[str, frozenset[str]]] = {
    "GetObject": {
        RECORD: WRITERS | {"reap"},
        TEXT: WRITERS | {"reap"},
        OTHER_RECORD: _who("reap"),
        OTHER_TEXT: _who("reap"),
        CHECKPOINT: _LOGS,
        TILE: _LOGS,
        OLD_TILE: _LOGS,
    },
    "GetObjectVersion": {
        RECORD: _READ_ANY,
        OTHER_RECORD: _READ_ANY,
        TEXT: _who("reap"),
        OTHER_TEXT: _who("reap"),
    },
} | {
    action: {
        RECORD: WRITERS | {"reap"},
        TEXT: WRITERS | {"reap"},
        OTHER_RECORD: _who("reap"),
        OTHER_TEXT: _who("reap"),
        CHECKPOINT: _who("sequence"),
        TILE: _who("sequence"),
        OLD_TILE: _who("sequence"),
    }
    for action in ("PutObject", "PutObjectRetention")
}
_NEVER_ON_OBJECTS = (
    *("DeleteObject", "DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectLegalHold", "PutObjectAcl"),
    *("PutObjectTagging", "ReplicateObject", "ReplicateDelete", "UpdateObjectEncryption", "AbortMultipartUpload"),
)


def _objects(places: Places) -> Iterator[Row]:
    keys = (RECORD, OTHER_RECORD, TEXT, OTHER_TEXT, CHECKPOINT, TILE, OLD_TILE, ELSEWHERE, "wal/v2/test-2026/a")
    for action, cells in _OBJECTS.items():
        for key in keys:
            yield Row(Ask(f"s3:{action}", places.object(key)), cells.get(key, NOBODY))
        yield Row(Ask(f"s3:{action}", f"{places.bucket}2/{RECORD}"), NOBODY)
    for action in _NEVER_ON_OBJECTS:
        yield from (Row(Ask(f"s3:{action}", places.object(key)), NOBODY) for key in (RECORD, TEXT, CHECKPOINT))


_NEVER_ON_BUCKETS = (
    *("DeleteBucket", "DeleteBucketPolicy", "PutBucketPolicy", "PutBucketVersioning", "PutBucketNotification"),
    *("PutBucketObjectLockConfiguration", "PutLifecycleConfiguration", "PutEncryptionConfiguration"),
    *("PutReplicationConfiguration", "PutBucketPublicAccessBlock", "PutBucketOwnershipControls"),
)


def _bucket(places: Places) -> Iterator[Row]:
    listing = _who("sequence reap")
    prefixes = {"wal/v1/test-2026/a/": listing, "log/test-2026/": listing, "blob/": NOBODY, "wal/v2/": NOBODY}
    for prefix, may in prefixes.items():
        yield Row(Ask("s3:ListBucketVersions", places.bucket, {"s3:prefix": (prefix,)}), may)
    yield Row(Ask("s3:ListBucketVersions", places.bucket), NOBODY)
    yield Row(Ask("s3:ListBucketVersions", f"{places.bucket}2", {"s3:prefix": ("wal/v1/",)}), NOBODY)
    yield Row(Ask("s3:ListBucket", places.bucket), listing)
    yield Row(Ask("s3:ListBucket", f"{places.bucket}2"), NOBODY)
    yield from (Row(Ask(f"s3:{action}", places.bucket), NOBODY) for action in _NEVER_ON_BUCKETS)


def _queues(places: Places) -> Iterator[Row]:
    failures = _who("run reap deploy")
    cells = {
        "Queue": {"SendMessage": _who("reap"), **dict.fromkeys(_TAKES, _who("sequence"))},
        "FailedInvocations": {"SendMessage": failures},
        "DeadLetterQueue": {},
    }
    never = ("PurgeQueue", "SetQueueAttributes", "DeleteQueue", "ChangeMessageVisibility", "AddPermission")
    for queue, named in cells.items():
        for action in ("SendMessage", *_TAKES, *never):
            yield Row(Ask(f"sqs:{action}", places.queue(queue)), named.get(action, NOBODY))


_TAKES = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


def _invocations(places: Places) -> Iterator[Row]:
    invokes = {"provision": _who("tasks run revoke reap"), "run": _who("tasks")}
    for function in sorted(FUNCTIONS):
        yield Row(Ask("lambda:InvokeFunction", places.function(function)), invokes.get(function, NOBODY))
        # A version that was replaced, or the newest before its deploy was recorded, is nobody's to run.
        for qualifier in ("", "7", "$LATEST", "live2"):
            hook = function == "deploy" and qualifier == ""
            ask = Ask("lambda:InvokeFunction", places.function(function, qualifier))
            yield Row(ask, _who("shift") if hook else NOBODY)
    for action in ("UpdateFunctionCode", "UpdateFunctionConfiguration"):
        yield from (Row(Ask(f"lambda:{action}", places.function(name, "")), NOBODY) for name in ("query", "deploy"))
    for action in ("AddPermission", "DeleteFunction"):
        for name in ("provision", "run"):
            yield Row(Ask(f"lambda:{action}", places.function(name), {}, VERSION_OR_ALIAS), NOBODY)
    yield Row(Ask("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:another"), NOBODY)


def _keys(places: Places) -> Iterator[Row]:
    signing, sealing = places.key(signs=True), places.key(signs=False)
    yield Row(Ask("kms:GetPublicKey", signing), _who("sequence reap"))
    for action in ("Sign", "PutKeyPolicy", "CreateGrant", "ScheduleKeyDeletion", "DisableKey"):
        yield Row(Ask(f"kms:{action}", signing), NOBODY)  # that sequence signs stands in the key's policy alone
    yield Row(Ask("kms:GenerateDataKey", sealing, SEALING, NAMED_CONTEXT), _who("query run"))
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
            yield Row(Ask("rds-db:connect", places.user(user, database)), _who(users.get(user, "")))
    for user in users:
        yield Row(Ask("rds-db:connect", places.user(user, "db-OTHER")), NOBODY)
    tag, other = ({"aws:PrincipalTag/postern_user": (name,)} for name in (USER, f"{USER[:-1]}2"))
    yield Row(Ask("rds-db:connect", places.user(USER, DATABASES[0]), tag), _who("connect"))
    yield Row(Ask("rds-db:connect", places.user(USER, DATABASES[1]), tag), _who("connect"))
    yield Row(Ask("rds-db:connect", places.user(USER, "db-OTHER"), tag), NOBODY)
    yield Row(Ask("rds-db:connect", places.user(USER), other), NOBODY)
    yield Row(Ask("rds-db:connect", places.user("postgres"), tag), NOBODY)
    # A wildcard in a tag is a name like any other.
    yield Row(Ask("rds-db:connect", places.user(USER), {"aws:PrincipalTag/postern_user": ("task_*",)}), NOBODY)


def _sessions(places: Places) -> Iterator[Row]:
    for action in ("AssumeRole", "TagSession", "SetSourceIdentity"):
        yield Row(Ask(f"sts:{action}", places.role("connect")), _who("query run"))
        for role in sorted(ROLES - {"connect"}):
            yield Row(Ask(f"sts:{action}", places.role(role)), NOBODY)
        yield Row(Ask(f"sts:{action}", f"arn:aws:iam::{ACCOUNT}:role/administrator"), NOBODY)


def _telling(places: Places) -> Iterator[Row]:
    tells = _who("tasks query provision run revoke reap")
    yield Row(Ask("events:PutEvents", places.bus), tells)
    yield Row(Ask("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"), NOBODY)
    for action in ("DescribeEventBus", "DeleteEventBus", "PutResourcePolicy"):
        yield Row(Ask(f"events:{action}", places.bus, {}, OLD_AND_NEW_BUSES), NOBODY)
    for action in ("PutTraceSegments", "PutTelemetryRecords"):
        yield Row(Ask(f"xray:{action}", "*"), FUNCTIONS)
    yield Row(Ask("xray:GetTraceSummaries", "*"), NOBODY)
    # API Gateway takes no role that names groups (infra/observability.yaml).
    gateway = _who("gatewaylog")
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
    reach, source = _who("query provision run reap"), "lambda:SourceFunctionArn"
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
            yield Row(Ask(f"lambda:{action}", places.function(function, "")), _who("shift") if moved else NOBODY)
        ask = Ask("lambda:GetProvisionedConcurrencyConfig", places.function(function, "7"), {}, VERSION_OR_ALIAS)
        yield Row(ask, _who("shift") if moved else NOBODY)
    alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
    for name in ("postern-faults", "another"):
        yield Row(Ask("cloudwatch:DescribeAlarms", alarm + name), _who("shift"))
    yield Row(Ask("cloudwatch:DescribeAlarms", alarm.replace(ACCOUNT, "210987654321") + "postern-faults"), NOBODY)
    yield Row(Ask("cloudwatch:DeleteAlarms", f"{alarm}postern-faults"), NOBODY)
    group = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{{}}/postern-query"
    answer = "codedeploy:PutLifecycleEventHookExecutionStatus"
    yield Row(Ask(answer, group.format(APPLICATION), {}, DEPLOYMENT_GROUP), _who("deploy"))
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
