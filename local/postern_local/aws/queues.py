"""SQS as far as it speaks with S3 and with policies.

Corrections of moto 5.2.5: S3's news reach a queue only where the queue's policy lets S3 send for that
bucket, and a configuration that could never reach it is refused; a policy with an element that the
evaluator does not know cannot be stored; a long poll answers at once, because it would wait inside the
server's one lock.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from moto.s3 import notifications
from moto.s3.exceptions import S3ClientError
from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from postern_local.aws.replacement import Method, replace
from postern_local.iam import (
    Allowed,
    Caller,
    Policy,
    PolicyError,
    PolicyKind,
    PolicySet,
    Request,
    evaluate,
    parse_policy,
)

_log = logging.getLogger(__name__)


class UnreachableQueueError(S3ClientError):
    """The bucket would tell a queue that does not take its messages."""

    code = "InvalidArgument"

    def __init__(self, queue: str) -> None:
        super().__init__(f"Unable to validate the following destination configurations: {queue}")


def install() -> None:
    """Puts the corrections in place. Call once, before the first request."""
    replace(SQSBackend, "receive_message", _receive_message)
    replace(Queue, "_set_attributes", _set_attributes)
    notifications._send_sqs_message = _send_sqs_message


def policies_of(account: str, region: str, name: str) -> tuple[Policy, ...]:
    """The queue's policy, where it has one."""
    queue = sqs_backends[account][region].queues.get(name)
    document = queue.policy if queue is not None else None
    return (_parse(name, document),) if document else ()


def _send_sqs_message(
    account_id: str,
    event_body: Any,  # noqa: ANN401 - as moto declares it
    queue_name: str,
    region_name: str,
) -> None:
    """Takes the place of moto's, which sends to any queue and says nothing where there is none."""
    is_test = event_body.get("Event") == "s3:TestEvent"
    bucket = f"arn:aws:s3:::{event_body['Bucket']}" if is_test else event_body["Records"][0]["s3"]["bucket"]["arn"]
    arn = f"arn:aws:sqs:{region_name}:{account_id}:{queue_name}"
    request = Request(
        Caller(arn="", account="", service="s3.amazonaws.com"),
        "sqs:SendMessage",
        arn,
        {"aws:SourceAccount": (account_id,), "aws:SourceArn": (bucket,), "aws:SecureTransport": ("true",)},
    )
    backend = sqs_backends[account_id][region_name]
    policies = PolicySet(resource=policies_of(account_id, region_name, queue_name))
    if queue_name in backend.queues and isinstance(evaluate(policies, request), Allowed):
        backend.send_message(queue_name=queue_name, message_body=json.dumps(event_body))
    elif is_test:
        raise UnreachableQueueError(arn)
    else:
        _log.warning("%s: may not send to %s: its news are lost, as on AWS", bucket, arn)


def _receive_message(original: Method) -> Method:
    def receive(
        backend: SQSBackend, queue_name: str, count: int, _wait_s: int, visibility_s: int, *names: object
    ) -> object:
        return original(backend, queue_name, count, 0, visibility_s, *names)

    return receive


def _set_attributes(original: Method) -> Method:
    def set_attributes(queue: Queue, attributes: dict[str, Any], *rest: object) -> None:
        document = attributes.get("Policy")
        if document:
            try:
                _parse(queue.name, document)
            except PolicyError as error:
                raise InvalidParameterValue(str(error)) from error
        elif "Policy" not in attributes and hasattr(queue, "_policy_json"):
            attributes = {**attributes, "Policy": queue.policy}  # moto would drop it at any other change
        original(queue, attributes, *rest)

    return set_attributes


def _parse(name: str, document: str) -> Policy:
    return parse_policy(document, kind=PolicyKind.RESOURCE, name=f"queue policy of {name}")
