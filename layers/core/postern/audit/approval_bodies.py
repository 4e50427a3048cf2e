"""What a record says of approvals: the event of kind `approval`, and what was decided about a task that is built."""

from __future__ import annotations

from collections.abc import Sequence

from postern.approvals import TaskApprovals
from postern.audit.asides import Asides
from postern.audit.bodies import Body, principal_member, task_member
from postern.audit.records import Record, RecordType
from postern.types import CommandId, Principal, Sha256Hex, Task


def approval_event(
    event_id: CommandId,
    time_us: int,
    approver: Principal,
    task: Task,
    approvals: TaskApprovals,
    *,
    result: str,
    comment: str,
    policies: Sequence[str],
    policy_digest: Sha256Hex,
    code: str | None = None,
) -> Record:
    """That somebody is about to approve (`approve`) or deny (`deny`) a task, or was refused to (`refuse`, with `code`).

    Written before it takes effect. `earlier` names the approvals that had counted by then, so that this is the one
    after them of `needed`; of two that come at once both name the same. Which counted, the intent of `provision` says.
    """
    asides = Asides()
    decision: Body = {"result": result, "policies": list(policies)}
    if code is not None:
        decision["code"] = code
    body: Body = {
        "principal": principal_member(approver),
        "task": task_member(task),
        "requester": {"id": task.principal.id, "on_behalf_of": task.principal.on_behalf_of},
        "database": task.grant.database,
        "scope_digest": approvals.digest,
        "comment": asides.fit(comment),
        "needed": approvals.needed,
        "earlier": [one.event_id for one in approvals.given],
        "policy": policy_digest,
        "decision": decision,
    }
    return Record(RecordType.EVENT, "approval", event_id, time_us, body, tuple(asides.blobs))


def decided_member(approvals: TaskApprovals) -> Body:
    """What was decided about a task: `given` names the records of the approvals that counted."""
    return {
        "scope_digest": approvals.digest,
        "needed": approvals.needed,
        "given": [one.event_id for one in approvals.given],
    }
