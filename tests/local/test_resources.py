"""The deployed account on the emulator: what each function can do with the credentials that it really gets."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from postern_local.clients import make_client
from postern_local.failure import StackFailure
from postern_local.model import Deployment
from postern_local.resources import FunctionEnvironment, create_resources
from tests.support.stack import project_deployment

USER = "task_018f0000000070008000000000000001"
RECORD = "wal/v1/test-2026/a/20261122/10/018f/1-intent.json"
FUNCTIONS = ("authorize", "tasks", "query", "provision", "sequence", "reap", "receipts")
CHECKPOINT = "log/test-2026/checkpoint"
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Account:
    """The deployed templates on a running server."""

    aws: AwsServer
    deployment: Deployment
    environment: FunctionEnvironment

    @property
    def bucket(self) -> str:
        return self.deployment.buckets[0].name

    @property
    def table(self) -> str:
        return self.deployment.tables[0].name

    def client(self, service: str, function: str | None = None) -> Any:
        """A client of a function, by the variables of its environment, or of the administrator."""
        if function is None:
            return make_client(service, endpoint_url=self.aws.url, region="us-east-1")
        given = self.environment(self.deployment.function(f"postern-{function}"))
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=given["AWS_ENDPOINT_URL"],
            region_name=given["AWS_REGION"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=given["AWS_SESSION_TOKEN"],
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("account")
    deployment = project_deployment()
    with AwsServer.start(folder) as aws:
        create_resources(deployment, aws.url)
        yield Account(aws, deployment, FunctionEnvironment(deployment, aws, "http://127.0.0.1:9", "/state/policy"))


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def lock(days: float = 500, mode: str = "COMPLIANCE") -> dict[str, Any]:
    """The retention that a PUT brings. The account's policy takes 400 to 800 days."""
    until = datetime.fromtimestamp(time.time() + days * DAY_S, UTC)
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until, "ChecksumAlgorithm": "SHA256"}


def put(client: Any, account: Account, key: str, **options: Any) -> Any:
    return client.put_object(Bucket=account.bucket, Key=key, Body=b"{}", **{**lock(), **options})


def test_each_function_gets_its_own_role(account: Account) -> None:
    arns = {
        function: account.client("sts", function).get_caller_identity()["Arn"].split("/")[1] for function in FUNCTIONS
    }

    assert arns == {function: f"postern-local-{function.capitalize()}Role" for function in FUNCTIONS}


def test_the_environment_is_the_templates_with_the_local_addresses(account: Account) -> None:
    given = account.environment(account.deployment.function("postern-query"))

    assert given["POSTERN_POLICY_DIR"] == "/state/policy"
    assert given["POSTERN_LOCAL_ISSUER"] == "http://127.0.0.1:9"
    assert given["POSTERN_BUCKET"] == account.bucket
    assert given["AWS_ENDPOINT_URL"] == account.aws.url
    assert given["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_a_path_that_only_begins_like_opt_is_left_alone(account: Account) -> None:
    from dataclasses import replace

    function = account.deployment.function("postern-query")
    given = account.environment(replace(function, environment={"A": "/optional", "B": "/opt/ca.pem", "C": "x/opt"}))

    assert (given["A"], given["B"], given["C"]) == ("/optional", "/state/policy/ca.pem", "x/opt")


@pytest.mark.parametrize("function", ["tasks", "query", "provision", "reap"])
def test_a_writer_adds_a_locked_record_once(function: str, account: Account) -> None:
    s3, key = account.client("s3", function), RECORD.replace("018f", function)

    put(s3, account, key, IfNoneMatch="*")
    with pytest.raises(ClientError) as again:
        put(s3, account, key, IfNoneMatch="*")
    held = s3.head_object(Bucket=account.bucket, Key=key)

    assert code_of(again) == "PreconditionFailed"
    assert held["ObjectLockMode"] == "COMPLIANCE"
    assert 499 < (held["ObjectLockRetainUntilDate"].timestamp() - time.time()) / DAY_S <= 500


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"ObjectLockMode": None, "ObjectLockRetainUntilDate": None}, id="no lock of its own"),
        pytest.param(lock(398), id="shorter than the retention"),
        pytest.param(lock(802), id="longer than the longest lock"),
        pytest.param(lock(mode="GOVERNANCE"), id="a lock that can be lifted"),
        pytest.param({"ObjectLockLegalHoldStatus": "ON"}, id="a hold beside the lock"),
    ],
)
@pytest.mark.parametrize("function", ["query", "reap", None], ids=["query", "reap", "administrator"])
def test_no_object_is_taken_without_its_lock(changed: dict[str, Any], function: str | None, account: Account) -> None:
    given = {name: value for name, value in {**lock(), **changed}.items() if value is not None}
    key = RECORD.replace("018f", "0191")

    with pytest.raises(ClientError) as refused:
        account.client("s3", function).put_object(Bucket=account.bucket, Key=key, Body=b"{}", IfNoneMatch="*", **given)
    assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize(
    ("retention", "code"),
    [
        pytest.param(lock(450), "AccessDenied", id="shorter than it is, within the policy"),
        pytest.param(lock(399), "AccessDenied", id="shorter than the policy allows"),
        pytest.param(lock(mode="GOVERNANCE"), "AccessDenied", id="another mode"),
        pytest.param(lock(802), "AccessDenied", id="longer than the policy allows"),
    ],
)
def test_nobody_changes_a_lock_but_to_lengthen_it_within_bounds(
    retention: dict[str, Any], code: str, account: Account
) -> None:
    key = RECORD.replace("018f", "0192")
    put_once(account, key)
    s3 = account.client("s3")
    wanted = {"Mode": retention["ObjectLockMode"], "RetainUntilDate": retention["ObjectLockRetainUntilDate"]}

    for client in (s3, account.client("s3", "query")):
        with pytest.raises(ClientError) as refused:
            client.put_object_retention(Bucket=account.bucket, Key=key, Retention=wanted)
        assert code_of(refused) == code
    held = s3.head_object(Bucket=account.bucket, Key=key)
    assert (held["ObjectLockRetainUntilDate"].timestamp() - time.time()) / DAY_S > 499


def put_once(account: Account, key: str) -> None:
    """An object under the key, from whichever test comes first."""
    with contextlib.suppress(ClientError):
        put(account.client("s3", "query"), account, key, IfNoneMatch="*")


@pytest.mark.parametrize(
    "encryption",
    [
        pytest.param({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, id="the writer's own key"),
        pytest.param({"ServerSideEncryption": "aws:kms"}, id="a key of KMS"),
    ],
)
def test_what_the_sequencer_could_not_read_is_not_taken(encryption: dict[str, Any], account: Account) -> None:
    query, key = account.client("s3", "query"), RECORD.replace("018f", "0193")

    with pytest.raises(ClientError) as refused:
        put(query, account, key, IfNoneMatch="*", **encryption)
    assert code_of(refused) == "AccessDenied"
    put(query, account, f"{key}-{len(encryption)}", IfNoneMatch="*", ServerSideEncryption="AES256")


def test_the_sequencer_writes_the_log_and_moves_its_checkpoint(account: Account) -> None:
    s3 = account.client("s3", "sequence")

    put(s3, account, "log/test-2026/tile/0/000.p/1", IfNoneMatch="*")
    first = put(s3, account, CHECKPOINT, IfNoneMatch="*")
    put(s3, account, CHECKPOINT, IfMatch=first["ETag"])

    for condition in ({"IfMatch": f'"{"0" * 32}"'}, {"IfNoneMatch": "*"}):
        with pytest.raises(ClientError) as moved:
            put(s3, account, CHECKPOINT, **condition)
        assert code_of(moved) == "PreconditionFailed"
    with pytest.raises(ClientError) as refused:
        put(s3, account, CHECKPOINT)
    assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize("key", [RECORD, "blob/test-2026/018f/0", "elsewhere"])
def test_the_sequencer_adds_no_record(key: str, account: Account) -> None:
    with pytest.raises(ClientError) as refused:
        put(account.client("s3", "sequence"), account, key, IfNoneMatch="*")
    assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize("function", [one for one in FUNCTIONS if one != "sequence"])
def test_nobody_but_the_sequencer_writes_the_log(function: str, account: Account) -> None:
    for key in ("log/test-2026/checkpoints/9", "log/test-2026/tile/1/000"):
        with pytest.raises(ClientError) as refused:
            put(account.client("s3", function), account, key, IfNoneMatch="*")
        assert code_of(refused) == "AccessDenied"


def test_the_administrator_writes_no_log_either(account: Account) -> None:
    with pytest.raises(ClientError) as refused:
        put(account.client("s3"), account, "log/test-2026/checkpoints/9", IfNoneMatch="*")
    assert code_of(refused) == "AccessDenied"


SIGN = {"Message": b"m", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}


@pytest.mark.parametrize("function", [*FUNCTIONS, None])
def test_the_sequencer_signs_and_nobody_else_does(function: str | None, account: Account) -> None:
    kms, key = account.client("kms", function), account.deployment.outputs["LogKeyArns"]
    if function == "sequence":
        assert len(kms.sign(KeyId=key, **SIGN)["Signature"]) == 64
        return
    with pytest.raises(ClientError) as refused:
        kms.sign(KeyId=key, **SIGN)
    assert code_of(refused) == "AccessDeniedException"


def test_the_administrator_cannot_hand_the_key_on_without_changing_its_policy(account: Account) -> None:
    kms, key = account.client("kms"), account.deployment.outputs["LogKeyArns"]

    with pytest.raises(ClientError) as refused:
        kms.create_grant(KeyId=key, GranteePrincipal="arn:aws:iam::123456789012:role/x", Operations=["Sign"])
    assert code_of(refused) == "AccessDeniedException"
    assert kms.get_public_key(KeyId=key)["KeySpec"] == "ECC_NIST_EDWARDS25519"


@pytest.mark.parametrize("key", ["entry#wal/v1/test-2026/x", "head#test-2026", "watermark#other", "epoch#test-2026"])
def test_query_reads_the_watermark_of_its_log_and_no_other_item(key: str, account: Account) -> None:
    dynamodb, table = account.client("dynamodb", "query"), account.deployment.outputs["LogTableName"]

    dynamodb.get_item(TableName=table, Key={"pk": {"S": "watermark#test-2026"}})
    with pytest.raises(ClientError) as refused:
        dynamodb.get_item(TableName=table, Key={"pk": {"S": key}})
    assert code_of(refused) == "AccessDeniedException"


def test_a_record_is_told_to_the_queue_and_what_the_log_is_made_of_is_not(account: Account) -> None:
    url, sqs = queue_url(account), account.client("sqs", "sequence")
    while sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        pass

    put(account.client("s3", "sequence"), account, "log/test-2026/tile/0/000.p/2", IfNoneMatch="*")
    put(account.client("s3", "query"), account, RECORD.replace("018f", "0193"), IfNoneMatch="*")
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]

    (told,) = json.loads(message["Body"])["Records"]
    assert unquote_plus(told["s3"]["object"]["key"]) == RECORD.replace("018f", "0193")


def test_the_reaper_sends_a_key_again_and_takes_no_message(account: Account) -> None:
    url, sqs = queue_url(account), account.client("sqs", "reap")

    assert sqs.send_message(QueueUrl=url, MessageBody="{}")["MessageId"]
    with pytest.raises(ClientError) as refused:
        sqs.receive_message(QueueUrl=url)
    assert code_of(refused) == "AccessDeniedException"


def queue_url(account: Account) -> str:
    return str(account.deployment.function("postern-reap").environment["POSTERN_QUEUE_URL"])


def test_the_seals_cannot_be_brought_back_and_the_log_can(account: Account) -> None:
    dynamodb = account.client("dynamodb")
    status = {
        table.name.rpartition("-")[2]: dynamodb.describe_continuous_backups(TableName=table.name)[
            "ContinuousBackupsDescription"
        ]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        for table in account.deployment.tables
    }

    assert status == {"StateTable": "ENABLED", "LogTable": "ENABLED", "SealTable": "DISABLED"}


WITHOUT_RIGHT = {
    "overwrites": lambda s3, a: put(s3, a, RECORD),
    "sets another mode": lambda s3, a: put(
        s3, a, RECORD.replace("018f", "0190"), IfNoneMatch="*", ObjectLockMode="GOVERNANCE"
    ),
    "deletes": lambda s3, a: s3.delete_object(Bucket=a.bucket, Key=RECORD),
    "lists the versions of everything": lambda s3, a: s3.list_object_versions(Bucket=a.bucket),
    "suspends versioning": lambda s3, a: s3.put_bucket_versioning(
        Bucket=a.bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    "changes the policy": lambda s3, a: s3.delete_bucket_policy(Bucket=a.bucket),
}


@pytest.mark.parametrize("attempt", WITHOUT_RIGHT)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_touches_the_evidence_otherwise(attempt: str, function: str, account: Account) -> None:
    with pytest.raises(ClientError) as refused:
        WITHOUT_RIGHT[attempt](account.client("s3", function), account)

    assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize("function", ["authorize", "tasks", "query", "provision", "receipts"])
def test_only_who_works_on_every_log_lists_keys_or_writes_another_log(function: str, account: Account) -> None:
    s3, other = account.client("s3", function), RECORD.replace("test-2026", "test-2025")

    for attempt in (
        lambda: s3.list_objects_v2(Bucket=account.bucket),
        lambda: put(s3, account, other, IfNoneMatch="*"),
    ):
        with pytest.raises(ClientError) as refused:
            attempt()
        assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize("attempt", ["overwrites", "deletes", "suspends versioning", "changes the policy"])
def test_the_administrator_of_the_account_does_not_either(attempt: str, account: Account) -> None:
    with pytest.raises(ClientError) as refused:
        WITHOUT_RIGHT[attempt](account.client("s3"), account)

    assert code_of(refused) == "AccessDenied"


def test_the_table_has_its_indexes_and_protection(account: Account) -> None:
    dynamodb = account.client("dynamodb")
    found = dynamodb.describe_table(TableName=account.table)["Table"]

    assert {index["IndexName"] for index in found["GlobalSecondaryIndexes"]} == {"by_principal", "by_deadline"}
    assert found["DeletionProtectionEnabled"] is True
    ttl = dynamodb.describe_time_to_live(TableName=account.table)["TimeToLiveDescription"]
    assert ttl == {"AttributeName": "ttl_s", "TimeToLiveStatus": "ENABLED"}
    backups = dynamodb.describe_continuous_backups(TableName=account.table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_authorizer_reaches_neither_table_nor_bucket(account: Account) -> None:
    with pytest.raises(ClientError) as table:
        account.client("dynamodb", "authorize").get_item(
            TableName=account.table, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}
        )
    with pytest.raises(ClientError) as bucket:
        put(account.client("s3", "authorize"), account, RECORD, IfNoneMatch="*")

    assert (code_of(table), code_of(bucket)) == ("AccessDeniedException", "AccessDenied")


def assume(account: Account, function: str, user: str = USER, **changed: Any) -> Any:
    arn = next(role.arn for role in account.deployment.roles if role.name.endswith("ConnectRole"))
    options = {
        "RoleArn": arn,
        "RoleSessionName": "018f",
        "SourceIdentity": "018f",
        "Tags": [{"Key": "postern_user", "Value": user}],
    } | changed
    given = {name: value for name, value in options.items() if value is not None}
    return account.client("sts", function).assume_role(**given)["Credentials"]


def test_query_becomes_one_tasks_user(account: Account) -> None:
    session = account.aws.session(assume(account, "query")["AccessKeyId"])

    assert session is not None
    assert session.tags == {"postern_user": USER}
    assert session.source_identity == "018f"


@pytest.mark.parametrize(
    ("function", "changed"),
    [
        pytest.param("tasks", {}, id="another function"),
        pytest.param("provision", {}, id="the provisioner"),
        pytest.param("authorize", {}, id="the authorizer"),
        pytest.param("query", {"user": "postgres"}, id="user of no task"),
        pytest.param("query", {"Tags": None}, id="no tag"),
        pytest.param("query", {"SourceIdentity": None}, id="no source identity"),
        pytest.param(
            "query",
            {"Tags": [{"Key": "postern_user", "Value": USER}, {"Key": "x", "Value": "y"}]},
            id="a second tag",
        ),
    ],
)
def test_nobody_else_connects_and_not_otherwise(function: str, changed: dict[str, Any], account: Account) -> None:
    with pytest.raises(ClientError) as refused:
        assume(account, function, **changed)

    assert code_of(refused) == "AccessDenied"


def test_a_template_that_cannot_be_deployed_is_one_line(account: Account) -> None:
    with pytest.raises(StackFailure, match="template: could not be deployed") as failure:
        create_resources(account.deployment, account.aws.url)
    assert "\n" not in str(failure.value)


FORGETTING = """
import os
from postern_local.surroundings import forget_surroundings
forget_surroundings()
import boto3
session = boto3.Session()
print(session.get_credentials(), session.region_name, session.profile_name, os.environ.get("PGHOST"),
      os.environ.get("https_proxy"), os.environ["KEPT"])
"""


def test_the_users_own_aws_settings_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[default]\naws_access_key_id = AKIA1\naws_secret_access_key = s\n")
    surroundings = {
        **os.environ,
        "HOME": str(tmp_path),
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL": "https://elsewhere",
        "AWS_ACCESS_KEY_ID": "AKIA2",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "eu-west-1",
        "PGHOST": "elsewhere",
        "https_proxy": "http://elsewhere",
        "KEPT": "kept",
    }

    run = subprocess.run(
        [sys.executable, "-c", FORGETTING], env=surroundings, capture_output=True, text=True, check=True
    )

    assert run.stdout.split() == ["None", "None", "default", "None", "None", "kept"]
