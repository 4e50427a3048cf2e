"""Sequences new records into the log and signs it: invoked by the queue that S3 and the reaper write to."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients
from postern.edges.epoch_items import DynamoEpochs
from postern.edges.invocation import Invocation, invoked
from postern.edges.log_bucket import S3LogBucket
from postern.edges.log_table import DynamoLogTable
from postern.edges.reporting import report
from postern.edges.settings import parse_log_settings, signing_keys
from postern.edges.signer import KmsSigner
from postern.edges.sqs_events import batch_failures, parse_messages
from postern.edges.wal import S3Wal
from postern.services.append import Appender
from postern.services.publish import Publisher
from postern.services.sequence import Count, Sequencer

ALWAYS = frozenset({Count.SEQUENCED.value})


@dataclass(frozen=True, slots=True)
class Services:
    """What an invocation calls."""

    sequencer: Sequencer
    bucket: str


def respond(event: dict[str, Any], services: Services, told: Invocation) -> dict[str, Any]:
    messages = parse_messages(event, services.bucket)
    run = services.sequencer.run(key for message in messages for key in message.keys)
    counts = Counter({count.value: number for count, number in run.counts.items()})
    counts["UnreadableMessages"] = sum(message.unreadable for message in messages)
    counts[Count.FOREIGN.value] += sum(message.foreign for message in messages)
    counts["HeadSize"] = run.published.get(services.sequencer.log, 0)
    report(told, counts, run.faults, always=ALWAYS)
    return batch_failures([message.id for message in messages if not run.settled.issuperset(message.keys)])


@cache
def services() -> Services:
    settings = parse_log_settings(os.environ)
    session = clients.connect(settings.region)
    s3, kms = clients.log_bucket(session), clients.signing(session)
    dynamodb = clients.log_table(session)
    table, epochs = DynamoLogTable(dynamodb, settings.log_table), DynamoEpochs(dynamodb, settings.log_table)
    signers = [KmsSigner(kms, key) for key in signing_keys(os.environ)]
    appender = Appender(table)
    publisher = Publisher(appender, signers, settings.deployment)
    buckets = lambda log: S3LogBucket(s3, settings.bucket, log, settings.retain_until_s)  # noqa: E731
    wal = S3Wal(s3, settings.bucket)
    sequencer = Sequencer(table, buckets, wal, appender, publisher, epochs.get, settings.log)
    return Services(sequencer, settings.bucket)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return invoked("sequence", event, context, lambda asked, told: respond(asked, services(), told))
