"""Which right an EventBridge request of a role's session needs, and on which bus. Pure.

Reference: "Actions, resources, and condition keys for Amazon EventBridge" (service authorization reference).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from postern_local.aws.authorization import Operation
from postern_local.aws.faults import Refused

_PUT = "AWSEvents.PutEvents"
_BUS = re.compile(r"(?:arn:aws:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?(?P<name>[A-Za-z0-9._-]{1,256})")


def operations(target: str, body: bytes, region: str, account: str) -> Iterator[Operation]:
    """One operation a bus that the request names. Raises `Refused` for anything but PutEvents."""
    try:
        entries = json.loads(body).get("Entries")
    except (ValueError, AttributeError) as error:
        raise Refused("SerializationException", "body: expected an object", 400) from error
    if target != _PUT or not isinstance(entries, list) or not entries:
        raise Refused("AccessDeniedException", f"{target}: not served to a role's session by the local stack", 400)
    for entry in entries:
        named = entry.get("EventBusName", "default") if isinstance(entry, dict) else None
        bus = _BUS.fullmatch(named) if isinstance(named, str) else None
        if bus is None:
            raise Refused("ValidationException", "EventBusName: expected a bus by its name or ARN", 400)
        yield Operation("events:PutEvents", f"arn:aws:events:{region}:{account}:event-bus/{bus['name']}")
