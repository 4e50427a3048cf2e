"""The reaper: once a minute it ends what is due, closes what died, and says how far the log holds what was written.

An operator invokes it too, to erase what a task's sealed records hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, erase_contract, roots
from postern.edges.invocation import Invocation, invoked
from postern.edges.reap_root import reap_parts
from postern.edges.reporting import report
from postern.edges.seal_table import DynamoSealTable
from postern.edges.settings import require
from postern.services.erase_statements import EraseStatements
from postern.services.reap.passes import Reap, make_reap
from postern.services.stopwatch import Stopwatch

MARGIN_S = 2.0  # for the answer and the metrics
ALWAYS = {"WatermarkAge", "EpochDaysLeft"}


@dataclass(frozen=True, slots=True)
class Services:
    """What an invocation calls."""

    reap: Reap
    erase: EraseStatements


def respond(event: Mapping[str, Any], services: Services, watch: Stopwatch, told: Invocation) -> dict[str, Any]:
    match event.get("action"):
        case "reap":
            return _pass(services, watch, told)
        case "erase":
            return erase_contract.answer(event, services.erase.run)
    raise ValueError(f"action: expected reap or erase, got {event.get('action')!r}")


def _pass(services: Services, watch: Stopwatch, told: Invocation) -> dict[str, Any]:
    done = services.reap.run(watch)
    counts, faults = done.counts(), done.all_faults()
    # A watermark that is not known is no watermark of this moment: the alarm takes its absence for the worst.
    report(told, counts, faults, always=frozenset(ALWAYS & counts.keys()))
    ended = {} if done.expired is None else {"done": list(done.expired.done), "left": list(done.expired.left)}
    return {"status": "ok", **counts, "faults": [fault.code for fault in faults], **ended}


@cache
def services() -> Services:
    parts = roots.parts("reap")
    made = reap_parts(parts, os.environ)
    seals = DynamoSealTable(clients.dynamodb(parts.session), require(os.environ, "POSTERN_SEAL_TABLE"))
    erase = EraseStatements(parts.tasks, seals, made.records(made.log), parts.identifiers, parts.clock)
    return Services(make_reap(made), erase)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return invoked("reap", event, context, _answer)


def _answer(event: Mapping[str, Any], told: Invocation) -> dict[str, Any]:
    made = services()
    return respond(event, made, told.stopwatch(made.reap.clock, margin_s=MARGIN_S), told)
