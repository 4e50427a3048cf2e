"""What gives or takes access as an Authorize Session: grants, approvals, provisioning, teardowns, revocations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from postern_cli.evidence.held import Command
from postern_cli.evidence.members import Members
from postern_cli.evidence.record_text import maybe_shown, shown
from postern_cli.ocsf.endings import FAILURE, OTHER, SUCCESS, Ending, ending_of
from postern_cli.ocsf.kinds import MAPPED
from postern_cli.ocsf.parts import (
    HIGH,
    INFORMATIONAL,
    LOW,
    MEDIUM,
    actor,
    asked,
    endpoint,
    envelope,
    person,
    source,
    traced,
)

Json = dict[str, Any]
_MAX_SCOPE = 2000  # columns of one task that are named
_DONE: Final = Ending("done", SUCCESS, "Success")
_LEFT = ("sessions", "schemas", "roles", "keys")


@dataclass(frozen=True, slots=True)
class Access:
    """What one kind says: whose access, to what, how it went, and what stands in `unmapped` beside the rest."""

    user: Json
    privileges: list[str]
    ending: Ending
    severity_id: int
    told: Json
    code: str | None = None
    reason: str | None = None
    activity: str | None = None  # where it is not the kind's own


def session_event(command: Command) -> Json:
    """The event."""
    first, members = command.first, command.first.members
    mapped = MAPPED[first.type.value, first.kind]
    access = _KINDS[first.kind](command)
    activity = access.activity or mapped.activity_name or mapped.event_class.activities[mapped.activity_id]
    task, code = maybe_shown(members.inside("task").text("id")), maybe_shown(access.code)
    expires_s = members.inside("task").moment("expires_at_s")
    session = {"uid": task, "expiration_time": None if expires_s is None else expires_s * 1000}
    return {
        **envelope(command, access.ending, access.severity_id, mapped.activity_id, activity),
        "status_code": code or shown(access.ending.result),
        "status_detail": maybe_shown(access.reason),
        "message": f"{activity}: {shown(access.ending.result)}{f', {code}' if code else ''}",
        "actor": actor(first),
        "user": access.user,
        "privileges": access.privileges,
        "session": None if task is None else session,
        "src_endpoint": source(first),
        "dst_endpoint": endpoint(members.inside("target")),
        "unmapped": {
            **traced(command, access.ending),
            **asked(members.inside("request" if first.kind == "refusal" else "task")),
            "code": code,
            "reason": maybe_shown(access.reason),
            **access.told,
        },
    }


def _grant(command: Command) -> Access:
    members, decision = command.first.members, command.first.members.inside("decision")
    waits = decision.flag("needs_approval") is True
    return Access(
        user=_user(members),
        privileges=_privileges(members) or _of_task(members),
        ending=Ending("needs_approval", OTHER, "needs_approval") if waits else _DONE,
        severity_id=INFORMATIONAL,
        told={**_scope(members), "database": _named(members), "needed": decision.number("approvals_needed")},
    )


def _refusal(command: Command) -> Access:
    members = command.first.members
    refusals = members.inside("decision").objects("refusals")
    what = [shown(text) for one in refusals if (text := one.text("what")) is not None]
    database = maybe_shown(members.inside("request").text("database"))
    return Access(
        user=_user(members),
        privileges=what or [f"database {database}"],
        ending=Ending("refused", FAILURE, "Failure"),
        severity_id=LOW,
        told={"database": database},
        code=refusals[0].text("code") if refusals else None,
        reason=refusals[0].text("reason") if refusals else None,
    )


def _approval(command: Command) -> Access:
    members, decision = command.first.members, command.first.members.inside("decision")
    result = decision.text("result") or "unknown"
    requester = maybe_shown(members.inside("requester").text("id"))
    refused = result == "refuse"
    return Access(
        user={"uid": requester or "unknown"},
        privileges=_of_task(members),
        ending=Ending("refused", FAILURE, "Failure") if refused else _DONE,
        severity_id=LOW if result != "approve" else INFORMATIONAL,
        told={
            "database": _named(members),
            "needed": members.number("needed"),
            "comment": maybe_shown(members.text("comment")),
        },
        code=decision.text("code"),
        activity="Deny" if result == "deny" else None,
    )


def _world(command: Command) -> Access:
    """Provisioning or teardown. A teardown that left something behind is of high severity, as one that failed is."""
    members, ending = command.first.members, ending_of(command)
    approval, target = members.inside("approval"), members.inside("target")
    left = _left(command)
    bad = ending.status_id == FAILURE or (left or 0) > 0
    return Access(
        user=_user(members),
        privileges=_privileges(members) or _of_task(members),
        ending=ending,
        severity_id=HIGH if bad and command.first.kind == "teardown" else LOW if bad else INFORMATIONAL,
        told={
            **_scope(members),
            "database": maybe_shown(target.text("database")),
            "role": maybe_shown(target.text("role")),
            "needed": approval.number("needed"),
            "given": [shown(one) for one in approval.texts("given")] or None,
            "left": left,
        },
        code=members.inside("decision").text("code"),
    )


def _withdrawal(command: Command) -> Access:
    members = command.first.members
    revocation = members.inside("revocation")
    of = revocation.inside("of")
    kind, name = maybe_shown(of.text("kind")) or "unknown", maybe_shown(of.text("name")) or "unknown"
    return Access(
        user={"uid": name if kind == "principal" else f"{kind} {name}"},
        privileges=[f"{kind} {name}"],
        ending=_DONE,
        severity_id=INFORMATIONAL if command.first.kind == "release" else MEDIUM,
        told={"revocation": maybe_shown(revocation.text("id")), "of_kind": kind, "of_name": name},
        reason=revocation.text("reason"),
    )


_KINDS: Final[Mapping[str, Callable[[Command], Access]]] = {
    "grant": _grant,
    "refusal": _refusal,
    "approval": _approval,
    "provision": _world,
    "teardown": _world,
    "revocation": _withdrawal,
    "hold": _withdrawal,
    "release": _withdrawal,
}


def _user(members: Members) -> Json:
    """Whose access it is: the principal, or the task's role in the database where a sweep found nobody's."""
    role = maybe_shown(members.inside("target").text("role"))
    return person(members.inside("principal")) or {"uid": f"role {role}" if role else "unknown"}


def _privileges(members: Members) -> list[str]:
    """`select public.orders`, in the order of the scope."""
    named = [
        f"{shown(action)} {shown(table.text('table') or 'unknown')}"
        for table in members.objects("scope")
        for action in table.texts("actions")
    ]
    return named[:_MAX_SCOPE]


def _of_task(members: Members) -> list[str]:
    """Where a record has no scope of its own: whatever the task was granted."""
    return [f"task {maybe_shown(members.inside('task').text('id')) or 'unknown'}"]


def _scope(members: Members) -> Json:
    lines: list[Json] = []
    for table in members.objects("scope"):
        name, actions = maybe_shown(table.text("table")), [shown(one) for one in table.texts("actions")]
        for column in table.objects("columns"):
            words = {word: maybe_shown(column.text(word)) for word in ("class", "mask")}
            lines.append({"table": name, "actions": actions, "column": maybe_shown(column.text("name")), **words})
    return {"scope": lines[:_MAX_SCOPE] or None}


def _named(members: Members) -> str | None:
    return maybe_shown(members.text("database"))


def _left(command: Command) -> int | None:
    """What a teardown's proving query found, of all sorts; None where the outcome does not say."""
    if command.outcome is None:
        return None
    left = command.outcome.members.inside("left")
    told = [count for name in _LEFT if (count := left.number(name)) is not None]
    return sum(told) if told else None
