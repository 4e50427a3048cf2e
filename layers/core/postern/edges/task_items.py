"""The state table's items: a task is two of them, so that what changes with every statement stays small.

    pk task#<id>  sk task          state, owner, budgets, sequence, deadline: one small conditional write a statement
    pk task#<id>  sk scope         principal, purpose, grant, views: written when it opens and when its world stands
    pk task#<id>  sk idem#<name>   one a caller's Idempotency-Key: the command, the body's HMAC, what came of it
    pk deny       sk <kind>#<name> a denial (`denials.py`)
    pk approval#<id>               what was decided about the task: see `approval_items.py`

While a call runs, an attribute `held#<command id>` of `task` says what it took and which key it holds. Giving back
removes it and is conditional on it, so that it happens once, whoever does it and however often it is tried.

`version` counts the writes of `scope`; it stands in both items, so that a kept copy is known to be current.
Both indexes carry keys only: a statement's write does not reach them.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from postern.denials import DenialKey
from postern.errors import IntegrityError, TooLarge
from postern.ports import Settled
from postern.reaped import Hold
from postern.types import (
    AMOUNTS,
    Budgets,
    CommandId,
    DatabaseAddress,
    Grant,
    Principal,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
    View,
    amounts,
)

Item = dict[str, dict[str, Any]]

_HELD = "held#"
_KEY = "key"
# A closed task's items go by the table's time to live; the evidence stays. An open one has none: whatever its
# deadline, its role may stand, and only its items say so.
KEPT_AFTER_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a task that statements do not change."""

    principal: Principal
    purpose: str
    ticket: str | None
    grant: Grant
    created_at_s: int
    views: tuple[View, ...]
    server_major: int
    version: int
    ttl_s: int
    scope_digest: Sha256Hex | None
    scope_salt: str
    approvals_needed: int
    statements: tuple[str, ...]
    address: DatabaseAddress | None = None


_LARGEST_TEXT = 32_000_000  # of a scope, inflated: what is small may swell to anything
_LARGEST_SCOPE = 380_000  # bytes
_LONGEST_NAME = 900  # bytes; a sort key has 1,024
_SCOPE = msgspec.json.Decoder(Scope)


def task_key(task_id: str) -> Item:
    return {"pk": {"S": f"task#{task_id}"}, "sk": {"S": "task"}}


def scope_key(task_id: str) -> Item:
    return {"pk": {"S": f"task#{task_id}"}, "sk": {"S": "scope"}}


def idempotency_key(task_id: str, key: str) -> Item:
    return {"pk": {"S": f"task#{task_id}"}, "sk": {"S": f"idem#{key}"}}


def denial_key(denial: DenialKey) -> Item:
    """Its name, or where that is longer than a key may be, the name's digest."""
    name = denial.name
    if len(name.encode()) > _LONGEST_NAME:
        name = f"sha256#{hashlib.sha256(name.encode()).hexdigest()}"
    return {"pk": {"S": "deny"}, "sk": {"S": f"{denial.kind.value}#{name}"}}


def held_by(command_id: str) -> str:
    """The attribute that says what a running call took."""
    return f"{_HELD}{command_id}"


def format_hold(hold: Hold) -> dict[str, Any]:
    """Every amount by its name, those of 0 too: what a call turns out to need is added to them."""
    held = {name: {"N": str(amount)} for name, amount in amounts(hold.taken).items()}
    return {"M": held if hold.key is None else {**held, _KEY: {"S": hold.key}}}


def parse_holds(item: Mapping[str, Any]) -> dict[CommandId, Hold]:
    """What the calls of a task hold, by the id of each call's first command."""
    return {
        CommandId(name.removeprefix(_HELD)): _parse_hold(value["M"]) for name, value in item.items() if is_hold(name)
    }


def is_hold(attribute: str) -> bool:
    return attribute.startswith(_HELD)


def _parse_hold(held: Mapping[str, Any]) -> Hold:
    key = held.get(_KEY)
    return Hold(Budgets(**{name: int(held[name]["N"]) for name in AMOUNTS}), None if key is None else key["S"])


def deadline_partition(task_id: str) -> str:
    """One of sixteen partitions of the index by deadline: by the last digit, since a UUIDv7 begins with its time."""
    return f"open#{task_id[-1]}"


def task_of(key: Mapping[str, Any]) -> TaskId:
    """The task that one of its items, or an index, names."""
    return TaskId(str(key["pk"]["S"]).removeprefix("task#"))


DEADLINE_PARTITIONS = tuple(f"open#{digit:x}" for digit in range(16))


def format_task(task: Task) -> Item:
    """The small item of a new task."""
    return {
        **task_key(task.id),
        "state": {"S": task.state.value},
        "owner": {"S": task.principal.owner},
        "principal": {"S": task.principal.id},
        "issuer": {"S": task.principal.issuer},
        "database": {"S": task.grant.database},
        **({"on_behalf_of": {"S": person}} if (person := task.principal.on_behalf_of) is not None else {}),
        **({"runs_once": {"BOOL": True}} if task.runs_once else {}),
        "expires_at_s": {"N": str(task.expires_at_s)},
        **{left_of(name): {"N": str(amount)} for name, amount in amounts(task.budgets).items()},
        "sequence": {"N": str(task.sequence)},
        "version": {"N": "0"},
        "gsi1pk": {"S": f"owner#{task.principal.owner}"},
        "gsi1sk": {"S": task.id},
        "gsi2pk": {"S": deadline_partition(task.id)},
        "gsi2sk": {"N": str(task.expires_at_s)},
    }


def format_scope(task: Task, version: int) -> Item:
    """The large item: one JSON text, deflated, since an item may have 400 KB and every column is named in it twice.

    Raises `TooLarge` where it has no room, or would have none once the views of its grant stand in it.
    """
    scope = Scope(
        principal=task.principal,
        purpose=task.purpose,
        ticket=task.ticket,
        grant=task.grant,
        created_at_s=task.created_at_s,
        views=task.views,
        server_major=task.server_major,
        version=version,
        ttl_s=task.ttl_s,
        scope_digest=task.scope_digest,
        scope_salt=task.scope_salt,
        approvals_needed=task.approvals_needed,
        statements=task.statements,
        address=task.address,
    )
    packed = zlib.compress(msgspec.json.encode(scope))
    if len(packed) > (_LARGEST_SCOPE if task.views or task.runs_once else _LARGEST_SCOPE // 4):
        raise TooLarge(
            "task.too_large", "the tables and columns, or the statements, are more than a task can hold: ask for fewer"
        )
    return {**scope_key(task.id), "scope": {"B": packed}}


def parse_scope(item: Mapping[str, Any]) -> Scope:
    """Raises `IntegrityError` where it is no such item: others than who opens tasks may write it."""
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(item["scope"]["B"], _LARGEST_TEXT)
        if not inflate.eof:
            raise IntegrityError("internal", f"scope: expected at most {_LARGEST_TEXT} bytes, got more")
        return _SCOPE.decode(text)
    except (KeyError, zlib.error, msgspec.DecodeError) as error:
        raise IntegrityError("internal", "scope: expected a task's, got something else") from error


def parse_task(item: Mapping[str, Any], scope: Scope) -> Task:
    """The task that both items describe."""
    ends_as = item.get("ends_as")
    return Task(
        id=task_of(item),
        state=TaskState(item["state"]["S"]),
        principal=scope.principal,
        purpose=scope.purpose,
        ticket=scope.ticket,
        grant=scope.grant,
        created_at_s=scope.created_at_s,
        expires_at_s=int(item["expires_at_s"]["N"]),
        budgets=parse_budgets(item),
        sequence=int(item["sequence"]["N"]),
        views=scope.views,
        ends_as=None if ends_as is None else TaskState(ends_as["S"]),
        server_major=scope.server_major,
        teardowns=int(item["teardowns"]["N"]) if "teardowns" in item else 0,
        worlds=int(item["version"]["N"]),
        address=scope.address,
        ttl_s=scope.ttl_s,
        scope_digest=scope.scope_digest,
        scope_salt=scope.scope_salt,
        approvals_needed=scope.approvals_needed,
        statements=scope.statements,
    )


def parse_budgets(item: Mapping[str, Any]) -> Budgets:
    return Budgets(**{name: int(item[left_of(name)]["N"]) for name in AMOUNTS})


def parse_settled(item: Mapping[str, Any]) -> Settled:
    ends_as = item.get("ends_as")
    return Settled(
        parse_budgets(item), TaskState(item["state"]["S"]), None if ends_as is None else TaskState(ends_as["S"])
    )


def left_of(amount: str) -> str:
    """The attribute that holds what is left of an amount."""
    return f"{amount}_left"
