"""Where AWS answers a contract's tests, beside the fakes: the local stack's AWS, and one outside where one is named.

`AWS_ENDPOINT_URL` names a LocalStack, or another stand-in; `POSTERN_CONTRACT_AWS=1` without it names the account of
the credentials in the environment. `POSTERN_CONTRACT_SERVICES=s3,sts,kms` says which services are asked there; the
others, where a test needs both, are the local stack's. What is made there bears a random prefix and is removed again;
what is locked is locked for a minute, and told.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.aws import REGION, policy, unique
from tests.support.tables import make_log_table, make_seal_table, make_state_table

PREFIX = "postern-contract"
LOCAL, OUTSIDE = "local", "outside"
SERVICES = "dynamodb,kms,s3,sts"
LOCK_S = 60
_INDEX_LAG_S = 2.0  # a secondary index of an account follows its table within a moment
_DELETED_AT_ONCE = 25


def outside_endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL")


def outside_services() -> frozenset[str]:
    """The services that are asked outside; none where nothing outside is named."""
    if outside_endpoint() is None and os.environ.get("POSTERN_CONTRACT_AWS") != "1":
        return frozenset()
    return frozenset(os.environ.get("POSTERN_CONTRACT_SERVICES", SERVICES).split(","))


@cache
def is_localstack() -> bool:
    """Whether what is outside is a LocalStack: then each `Difference` holds."""
    endpoint = outside_endpoint()
    if endpoint is None:
        return False
    try:
        with urllib.request.urlopen(f"{endpoint}/_localstack/health", timeout=5) as answer:
            return "services" in json.load(answer)
    except (OSError, ValueError):
        return False


class Difference(Enum):
    """What a LocalStack does otherwise: `tests/contract/localstack_differences.py` fails once one is gone."""

    ED25519 = "KMS has no key spec ECC_NIST_EDWARDS25519"
    MARKERS = "a listing of versions loses keys whose names are encoded, after a marker"
    POLICIES = "STS and S3 evaluate no policy of a role or session, and STS looks for no role"


def places(*services: str, differs: Difference | None = None) -> list[str]:
    """The places that have these services, as parameters of a fixture; without a LocalStack where it `differs`."""
    is_out = differs is not None and is_localstack()
    return [LOCAL, OUTSIDE] if set(services) <= outside_services() and not is_out else [LOCAL]


@dataclass
class Place:
    """Clients of one place, and what tests need there, made once and emptied for each test."""

    connect: Callable[[str], Any]  # a client by the service's name
    lock_s: int = 400 * 86_400
    _made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self._once(f"client {service}", lambda: self.connect(service))

    def bucket(self) -> str:
        """A bucket with Object Lock and without a default, which tests share: each writes below names of its own."""
        return str(self._once("bucket", self._make_bucket))

    def locked_until_s(self) -> int:
        """When an object that is written now may be unlocked: Unix time."""
        return int(time.time()) + self.lock_s

    def state_table(self) -> str:
        return self._emptied("state", make_state_table)

    def log_table(self) -> str:
        return self._emptied("log", make_log_table)

    def seal_table(self) -> str:
        return self._emptied("seals", make_seal_table)

    def signing_key(self) -> str:
        """The ARN of an Ed25519 key."""
        return self.key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")

    def seal_key(self) -> str:
        """The ARN of a symmetric key."""
        return self.key()

    def key(self, **options: str) -> str:
        def make() -> str:
            made = self.client("kms").create_key(Description=f"{PREFIX}: to be deleted", **options)
            return str(made["KeyMetadata"]["Arn"])

        return str(self._once(f"key {sorted(options.items())}", make))

    def role(self, trust: dict[str, Any], rights: list[dict[str, Any]]) -> str:
        """The ARN of a role with this statement of who may assume it, and these of what it may do."""

        def make() -> str:
            iam, name = self.client("iam"), unique(PREFIX)
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
            iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=policy(*rights))
            return str(made["Role"]["Arn"])

        return str(self._once(f"role {trust} {rights}", make))

    def remove(self) -> Iterator[str]:
        """Removes what was made, and says what stays behind."""
        for name, made in self._made.items():
            if name.startswith("table "):
                self.client("dynamodb").delete_table(TableName=made)
            elif name.startswith("role "):
                role = str(made).rsplit("/", 1)[-1]
                self.client("iam").delete_role_policy(RoleName=role, PolicyName="rights")
                self.client("iam").delete_role(RoleName=role)
            elif name.startswith("key "):
                self.client("kms").schedule_key_deletion(KeyId=str(made).rsplit("/", 1)[-1], PendingWindowInDays=7)
                yield f"{made} will be deleted in 7 days, the shortest that KMS takes"
        if "bucket" in self._made:
            yield from self._remove_bucket(str(self._made["bucket"]))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _make_bucket(self) -> str:
        s3, name = self.client("s3"), unique(PREFIX)
        region = s3.meta.region_name
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, **where)
        return name

    def _remove_bucket(self, name: str) -> Iterator[str]:
        s3, locked = self.client("s3"), 0
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if found:
                versions = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
                locked += len(s3.delete_objects(Bucket=name, Delete={"Objects": versions}).get("Errors", []))
        if locked:
            yield f"bucket {name}: {locked} versions are locked for {self.lock_s} s; empty and delete it after that"
            return
        s3.delete_bucket(Bucket=name)

    def _emptied(self, name: str, make: Callable[[Any, str], None]) -> str:
        client = self.client("dynamodb")

        def made() -> str:
            table = unique(f"{PREFIX}-{name}")
            make(client, table)
            client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
            return table

        if f"table {name}" in self._made:
            _empty(client, self._made[f"table {name}"])
        return str(self._once(f"table {name}", made))


def _empty(client: Any, table: str) -> None:
    keys = [part["AttributeName"] for part in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        rest = [{"DeleteRequest": {"Key": {name: item[name] for name in keys}}} for item in page["Items"]]
        while rest:
            answer = client.batch_write_item(RequestItems={table: rest[:_DELETED_AT_ONCE]})
            rest = [*answer.get("UnprocessedItems", {}).get(table, []), *rest[_DELETED_AT_ONCE:]]


def local_place(url: str) -> Place:
    """The local stack's AWS."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=16)
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return Place(
        lambda service: boto3.client(service, endpoint_url=url, region_name=REGION, config=config, **keys)  # type: ignore[call-overload]
    )


def outside_place(other: Place) -> Place:
    """What the environment names; `other` has the services that are not asked there."""
    endpoint, services = outside_endpoint(), outside_services() | {"iam"}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or REGION
    keys: dict[str, str] = {}
    if endpoint is not None and not {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & set(os.environ):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def connect(service: str) -> Any:
        if service not in services:
            return other.client(service)
        client = boto3.client(service, region_name=region, endpoint_url=endpoint, **keys)  # type: ignore[call-overload]
        if endpoint is None and service == "dynamodb":
            client.meta.events.register("before-call.dynamodb.Query", _wait_for_index)
        return client

    return Place(connect, lock_s=LOCK_S)


def _wait_for_index(params: dict[str, Any], **_: object) -> None:
    """In an account an index is eventually consistent, which the ports promise no better; the tests ask at once."""
    if "IndexName" in str(params["body"]):
        time.sleep(_INDEX_LAG_S)


def eventually(call: Callable[[], Any], *, within_s: float = 20.0) -> Any:
    """What the call gives once it is let: a new role is not known everywhere in an account at once."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with suppress(ClientError):
            return call()
        time.sleep(1)
    return call()
