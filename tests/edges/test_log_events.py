"""What a message names, in every form in which one may arrive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern.edges.sqs_events import Message, batch_failures, format_message, parse_messages

BUCKET = "evidence"
KEY = "wal/v1/prod-2026/2/20261122/10/01a202b2-c514-7000-8000-000000000003/1-intent.json"


def parsed(body: str, bucket: str = BUCKET) -> Message:
    (message,) = parse_messages({"Records": [{"messageId": "m", "body": body}]}, bucket)
    assert message.id == "m"
    return message


def notice(*keys: Any, bucket: object = BUCKET) -> str:
    """As S3 sends it, with much that is not read."""
    return json.dumps(
        {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventName": "ObjectCreated:Put",
                    "s3": {
                        "bucket": {"name": bucket, "arn": "x"},
                        "object": {"key": key, "size": 3, "versionId": "v", "sequencer": "00"},
                    },
                }
                for key in keys
            ]
        }
    )


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        pytest.param(KEY, KEY, id="a record's"),
        pytest.param("wal/a+b", "wal/a b", id="a blank"),
        pytest.param("wal/a%2Bb%25", "wal/a+b%", id="plus and per cent"),
        pytest.param("wal/%E2%98%83", "wal/☃", id="beyond ASCII"),
        pytest.param("wal/%00%0A", "wal/\x00\n", id="controls"),
        pytest.param("a" * 1024, "a" * 1024, id="the longest"),
    ],
)
def test_keys_are_decoded_as_S3_encodes_them(encoded, key):  # noqa: N802 - a name
    assert parsed(notice(encoded)) == Message("m", (key,))


@pytest.mark.parametrize("key", [KEY, "wal/a b", "wal/a+b%", "wal/☃", "wal/\n"])
def test_what_the_reaper_sends_is_read_as_what_S3_sends(key):  # noqa: N802 - a name
    assert parsed(format_message(BUCKET, [key, KEY])).keys == (key, KEY)


def test_several_objects_in_a_message_are_all_named():
    assert parsed(notice("wal/a", "wal/b")).keys == ("wal/a", "wal/b")


def test_the_notice_of_a_new_configuration_names_nothing_and_is_no_fault():
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    assert parsed(body) == Message("m", ())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("not JSON", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="no records"),
        pytest.param('{"Records": 3}', id="records that are none"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param(notice(3), id="a key that is no text"),
        pytest.param(notice(""), id="an empty key"),
        pytest.param(notice("a" * 1025), id="a key too long"),
        pytest.param(notice("%FF"), id="a key that is not UTF-8"),
        pytest.param(notice("wal/\ud800"), id="a key that is not Unicode"),
        pytest.param('{"Records": [{}]}', id="no object"),
        pytest.param('{"Records": [{"s3": {"bucket": "b", "object": "k"}}]}', id="other forms"),
    ],
)
def test_what_cannot_be_read_names_nothing_and_is_counted(body):
    assert parsed(body) == Message("m", (), unreadable=1)


def test_what_can_be_read_of_a_message_is():
    assert parsed(notice("", "wal/a")) == Message("m", ("wal/a",), unreadable=1)


def test_another_bucket_is_foreign():
    assert parsed(notice("wal/a", bucket="other")) == Message("m", (), foreign=1)


def test_a_failed_message_is_named_as_lambda_asks():
    assert batch_failures(["a", "b"]) == {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}
    assert batch_failures([]) == {"batchItemFailures": []}
