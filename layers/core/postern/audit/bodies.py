"""What a record of each kind says: one builder a kind, from domain objects to plain JSON values.

Members that several kinds share have the same name and shape everywhere: `principal`, `task`, `target`,
`policy`, `decision`. No builder is handed a result row, a token or a raw parameter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from postern.audit.canonical import canonical_bytes
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

INLINE_BYTES = 8 * 1024  # of canonical JSON: five such members fit into a record with room to spare
MAX_ASIDE_BYTES = 16 * 1024 * 1024  # a request's body is at most 1 MB, which JSON's escapes make six times longer


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


@dataclass(slots=True)
class _Asides:
    """What a record is too short for: stored beside it, and named in it by place, digest and length."""

    blobs: list[bytes] = field(default_factory=list)

    def fit(self, value: object) -> object:
        """The value, or the name of the blob that holds it: text as UTF-8, anything else as canonical JSON."""
        canonical = canonical_bytes(value, max_bytes=MAX_ASIDE_BYTES)
        if len(canonical) <= INLINE_BYTES:
            return value
        data = value.encode() if isinstance(value, str) else canonical
        self.blobs.append(data)
        return {"blob": len(self.blobs) - 1, "sha256": sha256_hex(data), "bytes": len(data)}


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
    asides = _Asides()
    body: Body = {
        "principal": principal_member(task.principal),
        "task": task_member(task),
        "database": task.grant.database,
        "scope": asides.fit(scope_member(task.grant)),
        "budgets": asdict(task.budgets),
        "lookup": list(task.grant.lookups),
        "policy": task.grant.policy_digest,
        "decision": {"result": "allow", "needs_approval": needs_approval, "reasons": list(reasons)},
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
    asides = _Asides()
    named = [{"what": one.what, "code": one.code, "reason": one.reason} for one in refusals]
    body: Body = {
        "principal": principal_member(principal),
        "request": {"database": database, "purpose": purpose, "ticket": ticket},
        "policy": policy_digest,
        "decision": {"result": "refuse", "refusals": asides.fit(named)},
    }
    return Record(RecordType.EVENT, "refusal", event_id, time_us, body, tuple(asides.blobs))


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement as it was asked, the text that runs for it, and its parameters as they are sent.

    `key` is the record's digest key: parameters appear as one HMAC-SHA-256 over the canonical JSON of their texts.
    A parameter that is looked up has no text here; `lookups` names its class by its number, from 1.
    """

    sql: str
    ran: str
    fingerprint: str | None
    parameters: Sequence[str | None]
    key: bytes
    lookups: Mapping[int, str] = field(default_factory=dict)

    def member(self, asides: _Asides) -> Body:
        """`ran` is left out where it is the same text, byte for byte."""
        raw = self.sql.encode()
        sent = canonical_bytes(list(self.parameters), max_bytes=MAX_ASIDE_BYTES)
        member: Body = {
            "text": asides.fit(self.sql),
            "sha256": sha256_hex(raw),
            "bytes": len(raw),
            "fingerprint": self.fingerprint,
            "parameters": {"count": len(self.parameters), "hmac_sha256": keyed_digest(self.key, sent)},
        }
        if self.lookups:
            named = [{"parameter": number, "class": class_} for number, class_ in sorted(self.lookups.items())]
            member["lookups"] = asides.fit(named)
        if self.ran != self.sql:
            member["ran"] = asides.fit(self.ran)
        return member


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
    asides = _Asides()
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
) -> Record:
    """What became of a pending outcome. `status`: `committed`, `rolled_back`, or `unknown` for ever."""
    body: Body = {"task": {"id": task_id}, "outcome": outcome, "status": status, **result}
    return Record(RecordType.SETTLED, "statement", command_id, time_us, body)


def world_intent(kind: str, command_id: CommandId, time_us: int, task: Task, *, target: Body, by: str) -> Record:
    """A world is about to be built (`provision`) or dropped (`teardown`); `by` says who or what asked."""
    asides = _Asides()
    body: Body = {
        "principal": principal_member(task.principal),
        "task": task_member(task),
        "target": target,
        "scope": asides.fit(scope_member(task.grant)),
        "policy": task.grant.policy_digest,
        "decision": {"result": "allow"},
        "by": by,
    }
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
