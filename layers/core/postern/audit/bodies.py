"""What a record of each kind says: one builder a kind, from domain objects to plain JSON values.

Members that several kinds share have the same name and shape everywhere: `principal`, `task`, `target`,
`policy`, `decision`. No builder is handed a result row, a token or a raw parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from postern.audit.asides import Asides
from postern.audit.digests import format_key as format_key
from postern.audit.digests import keyed_digest as keyed_digest
from postern.audit.digests import sha256_hex as sha256_hex
from postern.audit.records import Record, RecordType
from postern.audit.statements import Asked
from postern.audit.times import format_time
from postern.errors import Refusal
from postern.types import (
    CommandId,
    DatabaseAddress,
    Erasure,
    Grant,
    GrantedTable,
    Principal,
    Sha256Hex,
    Task,
    TaskId,
)

Body = dict[str, object]


def principal_member(principal: Principal) -> Body:
    return {
        "issuer": principal.issuer,
        "issuer_url": principal.issuer_url,
        "subject": principal.subject,
        "on_behalf_of": principal.on_behalf_of,
        "attributes": dict(principal.attributes),
        "groups": list(principal.groups),
        "token_sha256": principal.token_sha256,
        "token_expires_at_s": principal.expires_at_s,
    }


def task_member(task: Task) -> Body:
    return {
        "id": task.id,
        "purpose": task.purpose,
        "ticket": task.ticket,
        "expires_at_s": task.expires_at_s,
    }


def scope_member(grant: Grant) -> list[Body]:
    return [_table_member(table) for table in grant.tables]


def _table_member(table: GrantedTable) -> Body:
    reviewed: Body = {"triggers": list(table.triggers), "cascades": list(table.cascades)}
    return {
        "table": table.qualified,
        "actions": [action.value for action in table.actions],
        "columns": [
            {
                "name": column.name,
                "class": column.class_name,
                "mask": column.mask.kind.value if column.mask else None,
            }
            for column in table.columns
        ],
        "row_filter": None
        if table.row_filter is None
        else {"expression": table.row_filter.expression, "parameters": dict(table.row_filter.parameters)},
        **{name: listed for name, listed in reviewed.items() if listed},
    }


def target_member(address: DatabaseAddress, role: str) -> Body:
    return {
        "database": address.name,
        "host": address.host,
        "port": address.port,
        "dbname": address.dbname,
        "resource_id": address.resource_id,
        "role": role,
    }


def grant_event(
    event_id: CommandId, time_us: int, task: Task, *, needs_approval: bool, reasons: Sequence[str]
) -> Record:
    """The fact that policy granted a task; `reasons` are the policies that permitted."""
    asides = Asides()
    body: Body = {
        "principal": principal_member(task.principal),
        "task": task_member(task),
        "database": task.grant.database,
        "scope": asides.fit(scope_member(task.grant)),
        "budgets": asdict(task.budgets),
        "lookup": list(task.grant.lookups),
        "scope_digest": task.scope_digest,
        "policy": task.grant.policy_digest,
        "decision": {
            "result": "allow",
            "needs_approval": needs_approval,
            "approvals_needed": task.approvals_needed,
            "reasons": list(reasons),
        },
    }
    return Record(RecordType.EVENT, "grant", event_id, time_us, body, tuple(asides.blobs))


def refusal_event(
    event_id: CommandId,
    time_us: int,
    principal: Principal,
    *,
    database: str,
    purpose: str,
    ticket: str | None,
    refusals: Iterable[Refusal],
    policy_digest: Sha256Hex,
) -> Record:
    """The fact that a request for a task was refused, with each part and its reason."""
    asides = Asides()
    named = [{"what": one.what, "code": one.code, "reason": one.reason} for one in refusals]
    body: Body = {
        "principal": principal_member(principal),
        "request": {"database": database, "purpose": purpose, "ticket": ticket},
        "policy": policy_digest,
        "decision": {"result": "refuse", "refusals": asides.fit(named)},
    }
    return Record(RecordType.EVENT, "refusal", event_id, time_us, body, tuple(asides.blobs))


def statement_intent(
    command_id: CommandId,
    time_us: int,
    principal: Principal,
    task: Task,
    *,
    target: Body,
    sequence: int,
    asked: Asked,
    decision: Body,
    policy_digest: Sha256Hex,
    transaction: Body | None = None,
) -> Record:
    """What is about to run, or with decision `refuse`, what will not: such an intent is final.

    `principal` is who sent the statement: the task's owner, under the token of this very call. `transaction` says
    which statements it stands and falls with: the first one's id, its own place from 0, and how many they are.
    """
    asides = Asides()
    body: Body = {
        "principal": principal_member(principal),
        "task": {**task_member(task), "sequence": sequence},
        "target": target,
        "statement": asked.member(asides),
        "decision": {name: asides.fit(value) for name, value in decision.items()},
        "policy": policy_digest,
    }
    if transaction is not None:
        body["transaction"] = transaction
    return Record(RecordType.INTENT, "statement", command_id, time_us, body, tuple(asides.blobs))


def statement_outcome(
    command_id: CommandId,
    time_us: int,
    task_id: TaskId,
    intent: Sha256Hex,
    *,
    status: str,
    result: Mapping[str, object],
) -> Record:
    """What came of a statement; `result` holds counts, digests and masks, never rows.

    `status`: `ok`, `failed` (the database refused), `too_large`, `over_budget`, `lost` (the session broke), `not_run`,
    `rolled_back` (another of its transaction failed); `pending` for a write that is about to be committed, whose
    `transaction` names what to ask the database about, and which a settlement follows.
    """
    body: Body = {"task": {"id": task_id}, "intent": intent, "status": status, **result}
    return Record(RecordType.OUTCOME, "statement", command_id, time_us, body)


def statement_settled(
    command_id: CommandId,
    time_us: int,
    task_id: TaskId,
    outcome: Sha256Hex,
    *,
    status: str,
    result: Mapping[str, object],
    kind: str = "statement",
) -> Record:
    """What became of a pending outcome. `status`: `committed`, `rolled_back`, or `unknown` for ever.

    `kind` is that of the command's other records.
    """
    body: Body = {"task": {"id": task_id}, "outcome": outcome, "status": status, **result}
    return Record(RecordType.SETTLED, kind, command_id, time_us, body)


def world_intent(
    kind: str, command_id: CommandId, time_us: int, task: Task, *, target: Body, by: str, approval: Body | None = None
) -> Record:
    """A world is about to be built (`provision`) or dropped (`teardown`); `by` says who or what asked.

    `approval` says what was decided about the task that is built: see `approval_bodies`.
    """
    asides = Asides()
    body: Body = {
        "principal": principal_member(task.principal),
        "task": task_member(task),
        "target": target,
        "scope": asides.fit(scope_member(task.grant)),
        "policy": task.grant.policy_digest,
        "decision": {"result": "allow"},
        "by": by,
    }
    if approval is not None:
        body["approval"] = approval
    return Record(RecordType.INTENT, kind, command_id, time_us, body, tuple(asides.blobs))


def world_outcome(
    kind: str,
    command_id: CommandId,
    time_us: int,
    task_id: TaskId,
    intent: Sha256Hex,
    *,
    status: str,
    result: Mapping[str, object],
) -> Record:
    """What came of building or dropping a world; a teardown's `result` is what the proving query found."""
    body: Body = {"task": {"id": task_id}, "intent": intent, "status": status, **result}
    return Record(RecordType.OUTCOME, kind, command_id, time_us, body)


def erasure_event(event_id: CommandId, time_us: int, task_id: TaskId, erasure: Erasure) -> Record:
    """The fact that nothing opens a task's sealed texts any more; `by` is as who asked said."""
    asides = Asides()
    body: Body = {
        "task": {"id": task_id},
        "erasure": {
            "time": format_time(erasure.at_us),
            "by": erasure.by,
            "reason": erasure.reason,
            "keys": asides.fit(list(erasure.key_ids)),
            "count": len(erasure.key_ids),
        },
    }
    return Record(RecordType.EVENT, "erasure", event_id, time_us, body, tuple(asides.blobs))
