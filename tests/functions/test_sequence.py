"""The sequencing function: which messages leave the queue, what the metrics say, and that nothing poisons a batch."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from functions.sequence import handler as function

from postern.edges.sqs_events import format_message
from postern.errors import PolicyUnavailable
from tests.support.log_check import check_log
from tests.support.log_fakes import LogStore, Wire
from tests.support.log_process import LOG, ORIGIN, Without, process, put_record, put_start
from tests.support.telling import Telling, sent_metrics

BUCKET = "evidence"


@pytest.fixture
def store() -> LogStore:
    begun = LogStore()
    process(begun).run([put_start(begun)])
    return begun


class Invoked:
    """The function over a store; `last` is the metrics of the last invocation."""

    def __init__(self, store: LogStore, capsys: Any, wire: Wire | None = None) -> None:
        self.services = function.Services(process(store, wire), BUCKET)
        self._capsys = capsys
        self.last: dict[str, float] = {}

    def __call__(self, **bodies: str) -> list[str]:
        """The messages that stay in the queue, by their ids."""
        records = [{"messageId": id_, "body": body} for id_, body in bodies.items()]
        told = Telling("sequence").invocation()
        answer = function.respond({"Records": records}, self.services, told)
        told.meter.flush()
        self.last = sent_metrics(self._capsys.readouterr().out)
        assert answer.keys() == {"batchItemFailures"}
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def faults(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(line.levelno, line.__dict__["code"]) for line in caplog.records if line.message == "fault"]


def test_sequenced_messages_leave_the_queue_and_are_counted(store, capsys):
    invoked = Invoked(store, capsys)
    one, other = put_record(store, 3), put_record(store, 4)
    assert invoked(a=format_message(BUCKET, [one]), b=format_message(BUCKET, [other])) == []
    assert invoked.last == {"EntriesSequenced": 2, "HeadSize": 3}
    check_log(store, LOG, ORIGIN)


def test_poison_leaves_the_queue_with_its_alarm_and_keeps_nothing_back(store, capsys):
    invoked = Invoked(store, capsys)
    good = put_record(store, 3)
    store.put(f"wal/v1/{LOG}/junk", b"junk")
    left = invoked(
        unreadable="{",
        test=json.dumps({"Event": "s3:TestEvent"}),
        elsewhere=format_message("other", [good]),
        foreign=format_message(BUCKET, ["wal/v1/none-2026/x"]),
        absent=format_message(BUCKET, [f"wal/v1/{LOG}/absent"]),
        opaque=format_message(BUCKET, [f"wal/v1/{LOG}/junk"]),
        good=format_message(BUCKET, [good]),
    )
    assert left == []
    assert invoked.last == {
        "EntriesSequenced": 2,
        "OpaqueEntries": 1,
        "ForeignKeys": 2,
        "AbsentObjects": 1,
        "UnreadableMessages": 1,
        "HeadSize": 3,
    }
    check_log(store, LOG, ORIGIN)


def test_a_message_stays_until_each_of_its_keys_is_done_with(store, capsys):
    invoked = Invoked(store, capsys)
    one, other = put_record(store, 3), put_record(store, 4)
    invoked.services.sequencer.wal.unread = {other}
    assert invoked(a=format_message(BUCKET, [one, other]), b=format_message(BUCKET, [one])) == ["a"]
    invoked.services.sequencer.wal.unread = set()
    assert invoked(a=format_message(BUCKET, [one, other])) == []


def test_while_a_part_is_away_everything_stays_and_it_is_told(store, capsys, caplog):
    invoked = Invoked(store, capsys, Without("sign"))
    assert invoked(a=format_message(BUCKET, [put_record(store, 3)])) == ["a"]
    assert invoked.last == {"EntriesSequenced": 1, "UpstreamFaults": 1}
    assert faults(caplog) == [(logging.WARNING, "evidence.unavailable")]


def test_evidence_that_contradicts_itself_pages_someone(store, capsys, caplog):
    invoked = Invoked(store, capsys)
    store.objects[LOG, "tile/0/000.p/2"] = b"x" * 64
    assert invoked(a=format_message(BUCKET, [put_record(store, 3)])) == ["a"]
    assert invoked.last["IntegrityFaults"] == 1
    assert faults(caplog) == [(logging.CRITICAL, "evidence.conflict")]


def test_an_invocation_that_brings_nothing_new_says_so(store, capsys):
    invoked = Invoked(store, capsys)
    assert invoked() == []
    assert invoked.last == {"EntriesSequenced": 0}


@pytest.mark.parametrize("keys", ["arn:aws:kms:k1,", "arn:aws:kms:k1,arn:aws:kms:k1"], ids=["none", "twice the same"])
def test_a_list_of_signing_keys_that_is_none_stops_the_function(keys, monkeypatch):
    environment = {
        "AWS_REGION": "eu-central-1",
        "POSTERN_BUCKET": BUCKET,
        "POSTERN_DEPLOYMENT": "shop",
        "POSTERN_EPOCH_ENDS": "2026-12-31",
        "POSTERN_LOG": LOG,
        "POSTERN_LOG_TABLE": "log",
        "POSTERN_RETENTION_DAYS": "400",
        "POSTERN_SIGNING_KEYS": keys,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PolicyUnavailable, match="POSTERN_SIGNING_KEYS"):
        function.services.__wrapped__()
