"""What a record of each kind says: one builder a kind, from domain objects to plain JSON values.

Members that several kinds share have the same name and shape everywhere: `principal`, `task`, `target`,
`policy`, `decision`. No builder is handed a result row, a token or a raw parameter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

from postern.audit.records import Record, RecordType
from postern.errors import Refusal
from postern.types import (
    CommandId,
    DatabaseAddress,
    Grant,
    GrantedTable,
    Principal,
    Sha256Hex,
    Task,
    TaskId,
)

Body = dict[str, object]


def sha256_hex(data: bytes) -> Sha256Hex:
    return Sha256Hex(hashlib.sha256(data).hexdigest())


def keyed_digest(key: bytes, data: bytes) -> str:
    """HMAC-SHA-256 in hex: a digest that only the holder of the receipt can search by guessing."""
    return hmac.new(key, data, hashlib.sha256).hexdigest()


def format_key(key: bytes) -> str:
    """The receipt's form of a record's digest key: standard base64."""
    return base64.b64encode(key).decode("ascii")


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
    body: Body = {
        "principal": principal_member(task.principal),
        "task": task_member(task),
        "database": task.grant.database,
        "scope": scope_member(task.grant),
        "budgets": {"statements": task.budgets.statements, "rows": task.budgets.rows},
        "policy": task.grant.policy_digest,
        "decision": {"result": "allow", "needs_approval": needs_approval, "reasons": list(reasons)},
    }
    return Record(RecordType.EVENT, "grant", event_id, time_us, body)


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
    body: Body = {
        "principal": principal_member(principal),
        "request": {"database": database, "purpose": purpose, "ticket": ticket},
        "policy": policy_digest,
        "decision": {
            "result": "refuse",
            "refusals": [{"what": one.what, "code": one.code, "reason": one.reason} for one in refusals],
        },
    }
    return Record(RecordType.EVENT, "refusal", event_id, time_us, body)


def statement_member(
    sql: str, *, ran: str, fingerprint: str | None, key: bytes, parameters: Sequence[str | None]
) -> Body:
    """The statement as asked; `ran` is left out where it is the same text, byte for byte.

    Parameters appear as one keyed digest each: HMAC-SHA-256 of the text that was sent, null for NULL.
    """
    raw = sql.encode()
    member: Body = {
        "text": sql,
        "sha256": sha256_hex(raw),
        "bytes": len(raw),
        "fingerprint": fingerprint,
        "parameters": [None if text is None else keyed_digest(key, text.encode()) for text in parameters],
    }
    if ran != sql:
        member["ran"] = ran
    return member


def statement_intent(
    command_id: CommandId,
    time_us: int,
    principal: Principal,
    task: Task,
    *,
    target: Body,
    sequence: int,
    statement: Body,
    decision: Body,
    policy_digest: Sha256Hex,
) -> Record:
    """What is about to run, or with decision `refuse`, what will not: such an intent is final.

    `principal` is who sent the statement: the task's owner, under the token of this very call.
    """
    body: Body = {
        "principal": principal_member(principal),
        "task": {**task_member(task), "sequence": sequence},
        "target": target,
        "statement": statement,
        "decision": decision,
        "policy": policy_digest,
    }
    return Record(RecordType.INTENT, "statement", command_id, time_us, body)


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

    `status`: `ok`, `failed` (the database refused), `too_large`, `lost` (the session broke), `not_run`.
    """
    body: Body = {"task": {"id": task_id}, "intent": intent, "status": status, **result}
    return Record(RecordType.OUTCOME, "statement", command_id, time_us, body)


def world_intent(kind: str, command_id: CommandId, time_us: int, task: Task, *, target: Body, by: str) -> Record:
    """A world is about to be built (`provision`) or dropped (`teardown`); `by` says who or what asked."""
    body: Body = {
        "principal": principal_member(task.principal),
        "task": task_member(task),
        "target": target,
        "scope": scope_member(task.grant),
        "policy": task.grant.policy_digest,
        "decision": {"result": "allow"},
        "by": by,
    }
    return Record(RecordType.INTENT, kind, command_id, time_us, body)


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
