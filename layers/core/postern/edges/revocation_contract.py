"""The HTTP contract of revocations, and what the services say in its shapes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from postern.audit.times import format_time
from postern.denials import Denial, DenialKey, DenialKind
from postern.errors import BadRequest
from postern.ports import TornDown
from postern.types import TaskId
from postern.world.names import role_name

if TYPE_CHECKING:
    from postern.services.release import Released
    from postern.services.revoke import Revoked

Name = Annotated[str, Meta(min_length=1, max_length=2000)]
Id = Annotated[str, Meta(min_length=1, max_length=100)]  # the table takes no key of any length


class RevocationBody(Struct, forbid_unknown_fields=True, frozen=True):
    """What is taken away: exactly one of a task, a principal (`<issuer name>|<sub>`), an issuer's name, a database.

    With `hold` a database is not revoked but held for maintenance: its worlds are dropped, and its tasks go on later.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=2000, description="it is recorded")]
    task: Id | None = None
    principal: Name | None = None
    issuer: Name | None = None
    database: Name | None = None
    hold: bool = False
    expires_s: Annotated[int, Meta(ge=60, le=31_536_000, description="lifted by itself after so long")] | None = None


class StepsBody(Struct, frozen=True):
    """Milliseconds from the first request to the database until each was done."""

    nologin_ms: int
    terminated_ms: int
    dropped_ms: int
    verified_ms: int


class LeftBody(Struct, frozen=True):
    """What a query found after it."""

    sessions: int
    schemas: int
    roles: int
    keys: int


class EndedBody(Struct, frozen=True):
    """A task whose world is gone. The last three are null where another teardown came first; that one is on record."""

    task_id: str
    role: str
    state: str
    terminated: int | None
    steps: StepsBody | None
    left: LeftBody | None


class RemainingTask(Struct, frozen=True):
    """A task that runs nothing any more and whose world may still stand; `code` is what stopped its teardown."""

    task_id: str
    code: str


class RevocationAnswer(Struct, frozen=True):
    """What was ended, with proof. What remains, the reaper ends: each of them runs nothing any more.

    `whole` is false where not every live task was found, for time or for the state table; the reaper finds the others.
    `recorded` is false where the record could not be written yet; it is written later.
    """

    id: str
    kind: str
    name: str
    reason: str
    expires_at: str | None
    recorded: bool
    whole: bool
    tasks: list[EndedBody]
    remaining: list[RemainingTask]


class DenialBody(Struct, frozen=True):
    """A denial or a hold that stands."""

    id: str
    kind: str
    name: str
    reason: str
    by: str
    at: str
    expires_at: str | None


class RevocationsAnswer(Struct, frozen=True):
    """What stands, the oldest first."""

    revocations: list[DenialBody]


class ReleaseAnswer(Struct, frozen=True):
    """What stands no more. Of a held database, `rebuilt` are the tasks with a world again; `waiting` get one soon."""

    id: str
    kind: str
    name: str
    rebuilt: list[str]
    waiting: int


REVOCATION = msgspec.json.Decoder(RevocationBody)


def revoked_of(body: RevocationBody) -> TaskId | DenialKey:
    """What the body names. Raises `BadRequest` unless it is exactly one thing."""
    named = {name: value for name in ("task", "principal", "issuer", "database") if (value := getattr(body, name))}
    if len(named) != 1:
        raise BadRequest("request.invalid", "body: expected exactly one of `task`, `principal`, `issuer`, `database`")
    [(kind, name)] = named.items()
    if body.hold and kind != "database":
        raise BadRequest("request.invalid", f"hold: expected it of a database only, got it of a {kind}")
    if kind == "task":
        if body.expires_s is not None:
            raise BadRequest("request.invalid", "expires_s: expected none for a task, whose end is final")
        return TaskId(name)
    if kind == "principal" and "|" not in name:
        raise BadRequest("request.invalid", "principal: expected `<issuer name>|<sub>`, got no `|`")
    return DenialKey(DenialKind.HOLD if body.hold else DenialKind(kind), name)


def revocation_answer(revoked: Revoked) -> RevocationAnswer:
    kind, name = (revoked.of.kind.value, revoked.of.name) if isinstance(revoked.of, DenialKey) else ("task", revoked.of)
    return RevocationAnswer(
        id=revoked.id,
        kind=kind,
        name=name,
        reason=revoked.reason,
        expires_at=_instant(revoked.expires_at_s),
        recorded=revoked.is_recorded,
        whole=revoked.is_whole,
        tasks=[_ended(task_id, torn) for task_id, torn in revoked.ended.done],
        remaining=[RemainingTask(task_id, code) for task_id, code in revoked.ended.left],
    )


def _ended(task_id: TaskId, torn: TornDown) -> EndedBody:
    proof = torn.proof
    return EndedBody(
        task_id=task_id,
        role=role_name(task_id),
        state=torn.state.value,
        terminated=None if proof is None else proof.terminated,
        steps=None if proof is None else StepsBody(**asdict(proof.steps)),
        left=None if proof is None else LeftBody(proof.sessions, proof.schemas, proof.roles, proof.keys),
    )


def revocations_answer(denials: Iterable[Denial]) -> RevocationsAnswer:
    return RevocationsAnswer(
        [
            DenialBody(
                one.id,
                one.key.kind.value,
                one.key.name,
                one.reason,
                one.by,
                format_time(one.at_s * 1_000_000),
                _instant(one.expires_at_s),
            )
            for one in denials
        ]
    )


def release_answer(released: Released) -> ReleaseAnswer:
    key = released.denial.key
    return ReleaseAnswer(
        released.denial.id, key.kind.value, key.name, list(released.rebuilt.done), released.rebuilt.waiting
    )


def _instant(at_s: int | None) -> str | None:
    return None if at_s is None else format_time(at_s * 1_000_000)
