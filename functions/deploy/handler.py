"""CodeDeploy asks it before traffic moves: the deploy is recorded, or nothing moves.

An operator invokes it with `{"action": "record"}` to record what stands: after a stack's creation, which asks nobody,
and after a deploy that was turned back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from postern.deploy_ports import Hook
from postern.edges.deploy_hook import parse_question
from postern.edges.deploy_root import codedeploy_hook, deploy_parts
from postern.edges.invocation import Invocation, invoked
from postern.errors import PosternError
from postern.services.record_deploy import RecordDeploy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STOPPED = {"status": "stopped"}


def respond(event: Mapping[str, Any], services: RecordDeploy, *, deployment_id: str | None = None) -> dict[str, Any]:
    if deployment_id is None and event.get("action") != "record":
        raise ValueError(f"action: expected record, got {event.get('action')!r}")
    note = services.run(deployment_id)
    return {"status": "recorded", "event": note.event_id, "version": note.after.version, "policy": note.after.policy}


@cache
def services() -> RecordDeploy:
    p = deploy_parts(os.environ)
    return RecordDeploy(p.policy, p.build, p.authorities, p.notes, p.records, p.identifiers, p.clock)


@cache
def hook() -> Hook:
    return codedeploy_hook(os.environ)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return invoked("deploy", event, context, _answer)


def _answer(event: Mapping[str, Any], told: Invocation) -> dict[str, Any]:
    asked = parse_question(event)
    if asked is None:
        return respond(event, services())
    answer = STOPPED
    try:
        answer = respond(event, services(), deployment_id=asked.deployment_id)
    except PosternError as error:
        told.failed(error)
        told.log.warning("stopped", extra={"detail": error.detail, "deployment": asked.deployment_id})
    except Exception as error:  # noqa: BLE001 - whatever it is, no traffic moves: without an answer it would wait an hour
        told.fault(error)
    told.status = answer["status"]
    hook().answer(asked.deployment_id, asked.execution_id, may_go_on=answer is not STOPPED)
    return answer
