"""What is on record of revocations, holds and releases: who, of what, why; before the effect wherever that can be.

`revocation.time` is when it happened. The envelope's time is later where the record could not be written then.
"""

from __future__ import annotations

from collections.abc import Sequence

from postern.audit.bodies import Body, principal_member
from postern.audit.records import Record, RecordType
from postern.audit.times import format_time
from postern.types import CommandId, Principal, Sha256Hex


def revocation_event(
    event_id: CommandId,
    at_us: int,
    principal: Principal,
    *,
    revocation_id: CommandId,
    kind: str,
    name: str,
    reason: str,
    expires_at_s: int | None,
    policy_digest: Sha256Hex,
    policies: Sequence[str],
) -> Record:
    """The fact that an operator took access away: of a task, a principal, an issuer, a database; or holds a database.

    `revocation_id` is this event's own, or that of the denial which stood already and now lasts longer.
    """
    body: Body = {
        "principal": principal_member(principal),
        "revocation": {
            "id": revocation_id,
            "time": format_time(at_us),
            "of": {"kind": kind, "name": name},
            "reason": reason,
            "expires_at_s": expires_at_s,
        },
        "policy": policy_digest,
        "decision": {"result": "allow", "reasons": list(policies)},
    }
    return Record(RecordType.EVENT, "hold" if kind == "hold" else "revocation", event_id, at_us, body)


def release_event(
    event_id: CommandId,
    at_us: int,
    principal: Principal | None,
    *,
    revocation_id: CommandId,
    kind: str,
    name: str,
) -> Record:
    """The fact that a denial was lifted or a hold released; without a principal its time was up."""
    body: Body = {
        "principal": None if principal is None else principal_member(principal),
        "by": "timer" if principal is None else "principal",
        "revocation": {"id": revocation_id, "time": format_time(at_us), "of": {"kind": kind, "name": name}},
    }
    return Record(RecordType.EVENT, "release", event_id, at_us, body)
