"""Queues of the local account: who sends, who takes, and what S3 tells them."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from tests.support.aws import REGION, allow, client, error_code, function_session, policy, unique

ACCOUNT = "123456789012"
S3 = {"Service": "s3.amazonaws.com"}


def make_queue(aws: AwsServer, *statements: dict[str, object], **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    if statements:
        attributes["Policy"] = policy(*statements)
    url = client(aws, "sqs").create_queue(QueueName=unique("queue"), Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}"


def from_s3(**condition: object) -> dict[str, object]:
    said: dict[str, object] = {"Effect": "Allow", "Principal": S3, "Action": "sqs:SendMessage", "Resource": "*"}
    return {**said, "Condition": condition} if condition else said


def tell(aws: AwsServer, queue_arn: str, *, prefix: str = "wal/") -> str:
    """A new bucket that tells the queue."""
    s3, bucket = client(aws, "s3"), unique("told")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    rules = [{"Name": "prefix", "Value": prefix}]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}
            ]
        },
    )
    return bucket


def bodies(aws: AwsServer, url: str) -> list[Any]:
    received = client(aws, "sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in received]


def test_s3_tells_of_each_new_object_under_the_prefix_after_a_first_test(aws: AwsServer) -> None:
    url, arn = make_queue(aws, from_s3(StringEquals={"aws:SourceAccount": ACCOUNT}))
    bucket = tell(aws, arn)
    s3 = client(aws, "s3")

    for key in ("wal/a b+c/ä.json", "other/x", "wal/second"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    test, *events = bodies(aws, url)

    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    named = [(one["s3"]["bucket"]["name"], one["s3"]["object"]["key"]) for event in events for one in event["Records"]]
    assert named == [(bucket, "wal%2Fa+b%2Bc%2F%C3%A4.json"), (bucket, "wal%2Fsecond")]


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param((), id="no policy"),
        pytest.param((from_s3(StringEquals={"aws:SourceAccount": "210987654321"}),), id="another account's bucket"),
        pytest.param((from_s3(ArnLike={"aws:SourceArn": "arn:aws:s3:::other"}),), id="another bucket"),
        pytest.param((from_s3(), {**from_s3(), "Effect": "Deny", "Principal": "*"}), id="a deny beside it"),
    ],
)
def test_a_bucket_cannot_be_told_to_write_where_it_may_not(
    statements: tuple[dict[str, object], ...], aws: AwsServer
) -> None:
    _, arn = make_queue(aws, *statements)

    with pytest.raises(ClientError) as failure:
        tell(aws, arn)
    assert error_code(failure) == "InvalidArgument"


def test_news_are_lost_and_the_object_is_not_where_the_right_is_taken_away_later(aws: AwsServer) -> None:
    url, arn = make_queue(aws, from_s3())
    bucket = tell(aws, arn)
    bodies(aws, url)
    client(aws, "sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": policy({**from_s3(), "Effect": "Deny"})}
    )

    client(aws, "s3").put_object(Bucket=bucket, Key="wal/x", Body=b"x")

    assert bodies(aws, url) == []
    assert client(aws, "s3").head_object(Bucket=bucket, Key="wal/x")


def test_a_change_of_another_attribute_leaves_the_policy(aws: AwsServer) -> None:
    url, arn = make_queue(aws, from_s3())

    client(aws, "sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})

    assert tell(aws, arn)


@pytest.mark.parametrize(
    ("action", "call"),
    [
        pytest.param("sqs:SendMessage", lambda sqs, url: sqs.send_message(QueueUrl=url, MessageBody="x"), id="send"),
        pytest.param(
            "sqs:SendMessage",
            lambda sqs, url: sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}]),
            id="send many",
        ),
        pytest.param("sqs:ReceiveMessage", lambda sqs, url: sqs.receive_message(QueueUrl=url), id="receive"),
        pytest.param(
            "sqs:DeleteMessage",
            lambda sqs, url: sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "x"}]),
            id="delete many",
        ),
        pytest.param(
            "sqs:GetQueueAttributes",
            lambda sqs, url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
            id="look",
        ),
    ],
)
def test_a_session_does_with_a_queue_what_its_role_may_and_nothing_else(action: str, call: Any, aws: AwsServer) -> None:
    url, arn = make_queue(aws)
    other, _ = make_queue(aws)
    may, nothing = function_session(aws, allow(action, arn)), function_session(aws, allow("sqs:ListQueues"))

    assert call(client(aws, "sqs", may), url)
    for session, queue in ((may, other), (nothing, url)):
        with pytest.raises(ClientError) as failure:
            call(client(aws, "sqs", session), queue)
        assert error_code(failure) == "AccessDeniedException"


@pytest.mark.parametrize("call", ["purge_queue", "delete_queue", "list_queue_tags"])
def test_a_session_manages_no_queue(call: str, aws: AwsServer) -> None:
    url, _ = make_queue(aws)
    with pytest.raises(ClientError) as failure:
        getattr(client(aws, "sqs", function_session(aws, allow("*"))), call)(QueueUrl=url)
    assert error_code(failure) == "AccessDeniedException"


def test_a_queues_policy_denies_whom_its_role_allows(aws: AwsServer) -> None:
    session = function_session(aws, allow("sqs:*"))
    url, _ = make_queue(aws, {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})

    with pytest.raises(ClientError) as failure:
        client(aws, "sqs", session).send_message(QueueUrl=url, MessageBody="x")
    assert error_code(failure) == "AccessDeniedException"


def test_a_policy_that_cannot_be_evaluated_is_not_stored(aws: AwsServer) -> None:
    with pytest.raises(ClientError):
        make_queue(aws, from_s3(StringEquals={"aws:Nothing": "x"}))


def test_a_long_poll_of_an_empty_queue_holds_up_nobody(aws: AwsServer) -> None:
    url, _ = make_queue(aws)
    # The server's one lock would be held for these 20 seconds; this client gives up before.
    config = Config(read_timeout=5, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    impatient = boto3.client("sqs", endpoint_url=aws.url, region_name=REGION, config=config, **keys)

    assert "Messages" not in impatient.receive_message(QueueUrl=url, WaitTimeSeconds=20)
