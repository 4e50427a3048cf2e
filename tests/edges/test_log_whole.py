"""The sequencer over its real edges, on the local AWS server: the log that comes of it, and what it asks for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from postern.edges.epoch_items import DynamoEpochs
from postern.edges.log_bucket import S3LogBucket
from postern.edges.log_table import DynamoLogTable
from postern.edges.signer import KmsSigner
from postern.edges.wal import S3Wal
from postern.log_ports import Head
from postern.services.append import Appender
from postern.services.publish import Publisher
from postern.services.sequence import Sequencer
from postern.tlog.notes import verifier_key
from postern_local.aws.server import AwsServer
from tests.support.aws import client, unique
from tests.support.log_check import check_log
from tests.support.log_fakes import LogStore
from tests.support.log_process import DEPLOYMENT, ORIGIN, process, put_records, put_start

LOG = ORIGIN.rpartition("/")[2]
UNTIL_S = int((datetime.now(UTC) + timedelta(days=400)).timestamp())

# What the fakes call each request; those of a table that take several items at once are counted by request there too.
NAMES = {
    "ListObjectVersions": "list wal",
    "ListObjectsV2": "list bundles",
    "PutItem": "commit",
    "UpdateItem": "mark",
    "GetItem": "head",
    "BatchGetItem": "positions",
    "BatchWriteItem": "index",
    "Sign": "sign",
}


class Account:
    """A bucket, a table and a key of their own, and every request to them by the fakes' names."""

    def __init__(self, aws: AwsServer) -> None:
        self.s3, self.dynamodb, self.kms = (client(aws, name) for name in ("s3", "dynamodb", "kms"))
        self.bucket = self.table = unique("whole")
        location = {"LocationConstraint": self.s3.meta.region_name}
        self.s3.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=location)
        self.dynamodb.create_table(
            TableName=self.table,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.key = self.kms.create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        self.requests: Counter[str] = Counter()

    def count(self) -> None:
        """Counts from now on, where boto3 sends a request."""
        for one in (self.s3, self.dynamodb, self.kms):
            one.meta.events.register("before-parameter-build", self._count)

    def _count(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        name = NAMES.get(model.name, model.name)
        if model.name == "GetItem" and params["Key"]["pk"]["S"].startswith("epoch#"):
            name = "epoch"
        if "Key" in params and model.name in ("GetObject", "PutObject"):
            verb, path = model.name[:3].lower(), params["Key"].removeprefix(f"log/{LOG}/")
            name = f"{verb} wal" if path.startswith("wal/") else f"{verb} {path.split('/')[0]}"
        self.requests[name] += 1

    def sequencer(self) -> Sequencer:
        table = DynamoLogTable(self.dynamodb, self.table)
        appender = Appender(table)
        publisher = Publisher(appender, [KmsSigner(self.kms, self.key)], DEPLOYMENT)
        buckets = lambda log: S3LogBucket(self.s3, self.bucket, log, UNTIL_S)  # noqa: E731
        epochs, wal = DynamoEpochs(self.dynamodb, self.table), S3Wal(self.s3, self.bucket)
        return Sequencer(table, buckets, wal, appender, publisher, epochs.get, LOG)

    def upload(self, store: LogStore, keys: list[str]) -> None:
        for key in keys:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=store.wal[key][0])

    def download(self, wal: dict[str, list[bytes]]) -> LogStore:
        """What lies there, as the checker takes it."""
        store = LogStore(wal=wal)
        for one in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"log/{LOG}/")["Contents"]:
            path = one["Key"].removeprefix(f"log/{LOG}/")
            if path != "checkpoint":
                store.objects[LOG, path] = self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()
        latest = self.s3.get_object(Bucket=self.bucket, Key=f"log/{LOG}/checkpoint")["Body"].read()
        store.latest[LOG] = [latest]
        for item in self.dynamodb.scan(TableName=self.table)["Items"]:
            kind, _, name = item["pk"]["S"].partition("#")
            if kind == "entry":
                store.places[name] = int(item["place"]["N"])
            elif kind == "head":
                root = bytes.fromhex(item["root"]["S"])
                store.heads[name] = Head(name, int(item["size"]["N"]), root, is_applied=item["applied"]["BOOL"])
        return store


@pytest.fixture(scope="module")
def account(aws: AwsServer) -> Account:
    return Account(aws)


def test_a_log_over_real_edges_is_whole_and_takes_the_requests_that_the_fakes_count(account):
    records = LogStore()
    start, keys = put_start(records), put_records(records, 27)
    account.upload(records, [start, *keys])
    assert DynamoEpochs(account.dynamodb, account.table).put(records.epochs[LOG])
    warm, counted = account.sequencer(), process(records)
    assert warm.run([start]).settled == counted.run([start]).settled == {start}
    records.requests.clear()
    account.count()
    assert warm.run(keys).settled == counted.run(keys).settled == set(keys)
    assert account.requests == {name: n for name, n in records.requests.items() if name != "committed"}

    # A cold one is brought the same keys again: nothing changes, and the log is whole.
    again = account.sequencer().run([*keys, start])
    assert again.settled == {start, *keys}
    signer = KmsSigner(account.kms, account.key)
    check_log(account.download(records.wal), LOG, ORIGIN, verifier_key(ORIGIN, signer.public))
