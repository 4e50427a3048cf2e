"""Which action an SQS request of a role's session needs, and on which queue. Pure.

Reference: "Actions, resources, and condition keys for Amazon SQS" (service authorization reference).
"""

from __future__ import annotations

import json
import re

from postern_local.aws.authorization import Operation
from postern_local.aws.faults import Refused

_TARGET = re.compile(r"AmazonSQS\.([A-Za-z]+)")
_QUEUE = re.compile(r"https?://[^/]+/(?P<account>[0-9]{12})/(?P<name>[A-Za-z0-9_-]{1,80})")
_ACTIONS = {
    "ChangeMessageVisibility": "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessage": "DeleteMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "GetQueueAttributes": "GetQueueAttributes",
    "ReceiveMessage": "ReceiveMessage",
    "SendMessage": "SendMessage",
    "SendMessageBatch": "SendMessage",
}


def operation(target: str, body: bytes, region: str) -> Operation:
    """The operation that the request needs. Raises `Refused` for every other request."""
    found = _TARGET.fullmatch(target)
    try:
        url = json.loads(body).get("QueueUrl") if found else None
    except (ValueError, AttributeError) as error:
        raise Refused("SerializationException", "body: expected an object", 400) from error
    queue = _QUEUE.fullmatch(url) if isinstance(url, str) else None
    if found is None or found[1] not in _ACTIONS or queue is None:
        raise Refused("AccessDeniedException", f"{target}: not served to a role's session by the local stack", 400)
    return Operation(f"sqs:{_ACTIONS[found[1]]}", f"arn:aws:sqs:{region}:{queue['account']}:{queue['name']}")
