"""Receipts: where a command's records stand in the log, and the log's own head for anyone. It can only read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from os import environ
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, http, receipt_contract
from postern.edges.cosigned_items import DynamoCosigned
from postern.edges.epoch_items import DynamoEpochs
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.edges.log_bucket import S3LogBucket
from postern.edges.log_table import DynamoLogTable
from postern.edges.settings import max_staleness_s, parse_log_settings
from postern.edges.system import SystemClock
from postern.edges.watermark import DynamoWatermarks
from postern.identity.context import parse_principal
from postern.ports import Clock
from postern.services.receipts import Receipts

PUBLIC_LOG = "/v1/log"


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call; `log` is the one that this deployment writes."""

    receipts: Receipts
    log: str
    max_staleness_s: int
    clock: Clock


def respond(event: http.Event, services: Services) -> http.Response:
    named = http.query_parameter(event, "log")
    log = services.log if named is None else named
    if event["resource"] == PUBLIC_LOG:
        found, now_us = services.receipts.log(log), services.clock.now_us()
        told = receipt_contract.log_answer(found, now_us=now_us, max_staleness_s=services.max_staleness_s)
        return http.json_answer(200, told)
    who = parse_principal(http.authorizer_context(event), now_s=services.clock.now_us() // 1_000_000)
    receipt = services.receipts.of_command(who, log, http.path_parameter(event, "command_id"))
    return http.json_answer(200, receipt_contract.receipt_answer(receipt))


@cache
def services() -> Services:
    settings = parse_log_settings(environ)
    session = clients.connect(settings.region)
    objects, items = clients.log_bucket(session), clients.log_table(session)
    receipts = Receipts(
        table=DynamoLogTable(items, settings.log_table),
        buckets=lambda log: S3LogBucket(objects, settings.bucket, log, settings.retain_until_s),
        keys=DynamoEpochs(items, settings.log_table).keys,
        deployment=settings.deployment,
        watermark=DynamoWatermarks(items, settings.log_table).read,
        left_notes=DynamoCosigned(items, settings.log_table).read,
    )
    return Services(receipts, settings.log, max_staleness_s(environ), SystemClock())


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("receipts", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    made = services()
    return guarded(lambda: respond(event, made), told, told.stopwatch(made.clock))
