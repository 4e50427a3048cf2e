"""Records of statements that run once: kind `run_once`, or `dry_run` where they are tried and rolled back.

They are acts on a database as statements are, and their records have the same members. What sets them apart is the
kind, on every record of theirs, and `approval` in the intent: which people's consent to which scope they ran under.
"""

from __future__ import annotations

from collections.abc import Mapping

from postern.audit.asides import Asides
from postern.audit.bodies import Body, principal_member, task_member
from postern.audit.records import Record, RecordType
from postern.audit.statements import Asked
from postern.types import CommandId, Sha256Hex, Task, TaskId

RUN_ONCE, DRY_RUN = "run_once", "dry_run"
RUN_KINDS = frozenset({RUN_ONCE, DRY_RUN})


def run_intent(
    kind: str,
    command_id: CommandId,
    time_us: int,
    task: Task,
    *,
    target: Body,
    asked: Asked,
    decision: Body,
    policy_digest: Sha256Hex,
    place: Body,
    approval: Body | None,
    by: str,
) -> Record:
    """What is about to run as the catalog's owner role, or with decision `refuse`, what will not.

    `place` says of which run the statement is: its first one's id, its own place from 0, how many they are, and whether
    it runs in a transaction. `by` is who asked for a dry run, and who opened the task otherwise.
    """
    asides = Asides()
    body: Body = {
        "principal": principal_member(task.principal),
        "task": {**task_member(task), "sequence": place["index"]},
        "target": target,
        "owner_role": task.grant.owner_role,
        "statement": asked.member(asides),
        "decision": {name: asides.fit(value) for name, value in decision.items()},
        "policy": policy_digest,
        "transaction": place,
        "by": by,
    }
    if approval is not None:
        body["approval"] = approval
    return Record(RecordType.INTENT, kind, command_id, time_us, body, tuple(asides.blobs))


def run_outcome(
    kind: str,
    command_id: CommandId,
    time_us: int,
    task_id: TaskId,
    intent: Sha256Hex,
    *,
    status: str,
    result: Mapping[str, object],
) -> Record:
    """What came of a statement; nothing that it returned is in it.

    `status`: `pending` in a transaction that is about to be committed, which a settlement follows; `ok`, `failed`,
    `rolled_back`, `not_run`, `lost`; `unknown` where it ran outside of a transaction and no answer came.
    """
    body: Body = {"task": {"id": task_id}, "intent": intent, "status": status, **result}
    return Record(RecordType.OUTCOME, kind, command_id, time_us, body)
