"""AWS's requests of a statement alone: by boto3 as it comes, by the function's own clients, and with no client at all.

The last signs with botocore's signer and sends by botocore's session, and does nothing else that a client does: no
endpoint rules, no retries, no errors by their codes, no corrections of a clock. It is what a leaner client could come
down to at best.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import boto3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from bench.own_cost_aws import BUCKET, Noted
from bench.stub_transport import CREDENTIALS, REGION
from postern.edges import clients
from postern.edges.database_token import SESSION_S, TaskTokens, database_user_arn, session_policy
from postern.types import DatabaseAddress, Task
from postern.world.names import role_name

Call = Callable[[], object]
_ROLE = "arn:aws:iam::123456789012:role/postern-connect"
_CREDENTIALS = Credentials(
    CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], CREDENTIALS["AWS_SESSION_TOKEN"]
)
_AGENT = "postern/0.0.0"


def by_boto3(noted: Iterable[Noted]) -> Call:
    """The same requests, by clients that boto3 makes without any configuration."""
    owners = {"put_object": boto3.client("s3", region_name=REGION)}
    table = boto3.client("dynamodb", region_name=REGION)
    calls = [(getattr(owners.get(operation, table), operation), arguments) for operation, arguments in noted]
    return lambda: [call(**arguments) for call, arguments in calls]


def by_own_clients(noted: Iterable[Noted]) -> Call:
    """The same requests, by the clients of the function."""
    session = clients.connect(REGION)
    owners = {"put_object": clients.s3(session)}
    table = clients.dynamodb(session)
    calls = [(getattr(owners.get(operation, table), operation), arguments) for operation, arguments in noted]
    return lambda: [call(**arguments) for call, arguments in calls]


def by_signer(noted: Noted) -> Call:
    """One of them, signed and sent, with the same conditions and checksums."""
    operation, arguments = noted
    http = URLLib3Session()
    make = _put if operation == "put_object" else _update

    def ask() -> object:
        request, signer = make(arguments)
        signer.add_auth(request)
        response = http.send(request.prepare())
        return json.loads(response.content or "{}")

    return ask


def _put(arguments: dict[str, Any]) -> tuple[AWSRequest, SigV4Auth]:
    headers = {
        "Content-Type": arguments["ContentType"],
        "If-None-Match": arguments["IfNoneMatch"],
        "x-amz-sdk-checksum-algorithm": arguments["ChecksumAlgorithm"],
        "x-amz-checksum-sha256": arguments["ChecksumSHA256"],
        "x-amz-object-lock-mode": arguments["ObjectLockMode"],
        "x-amz-object-lock-retain-until-date": arguments["ObjectLockRetainUntilDate"].isoformat(),
        "User-Agent": _AGENT,
    }
    url = f"https://{BUCKET}.s3.{REGION}.amazonaws.com/{arguments['Key']}"
    request = AWSRequest("PUT", url, headers=headers, data=arguments["Body"])
    return request, S3SigV4Auth(_CREDENTIALS, "s3", REGION)


def _update(arguments: dict[str, Any]) -> tuple[AWSRequest, SigV4Auth]:
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "DynamoDB_20120810.UpdateItem",
        "User-Agent": _AGENT,
    }
    url = f"https://dynamodb.{REGION}.amazonaws.com/"
    request = AWSRequest("POST", url, headers=headers, data=json.dumps(arguments).encode())
    return request, SigV4Auth(_CREDENTIALS, "dynamodb", REGION)


def session_tokens(task: Task, address: DatabaseAddress) -> tuple[Call, Call]:
    """What a new session of a task's role costs before it is opened: ours, and by boto3's clients alone."""
    own = clients.sts(clients.connect(REGION))
    user = role_name(task.id)
    arn = database_user_arn("123456789012", address, user)
    sts, rds = boto3.client("sts", region_name=REGION), boto3.client("rds", region_name=REGION)

    def bare() -> object:
        sts.assume_role(
            RoleArn=_ROLE,
            RoleSessionName=task.id,
            SourceIdentity=task.id,
            DurationSeconds=SESSION_S,
            Policy=json.dumps(session_policy(arn)),
            Tags=[{"Key": "postern_user", "Value": user}],
        )
        return rds.generate_db_auth_token(address.host, address.port, user, REGION)

    return lambda: TaskTokens(own, _ROLE).mint(task, address), bare
