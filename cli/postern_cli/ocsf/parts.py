"""Parts that events of both classes have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postern.audit.times import format_time
from postern_cli.evidence.held import Command, Held
from postern_cli.evidence.members import Members
from postern_cli.evidence.record_text import maybe_shown, shown
from postern_cli.ocsf.endings import Ending
from postern_cli.ocsf.kinds import MAPPED
from postern_cli.ocsf.schema import MAX_PORT, SEVERITIES, VERSION, EventClass

Json = dict[str, Any]
INFORMATIONAL, LOW, MEDIUM, HIGH = 1, 2, 3, 4
_VENDOR = "Postern"


def envelope(command: Command, ending: Ending, severity_id: int, activity_id: int, activity: str) -> Json:
    """Everything but what a class has of its own; members that are None are to be left out."""
    first = command.first
    event_class = MAPPED[first.type.value, first.kind].event_class
    last = command.settled or command.outcome
    return {
        **_classification(event_class, activity_id, activity),
        "time": first.time_ms,
        "start_time": None if last is None else first.time_ms,
        "end_time": None if last is None else max(first.time_ms, last.time_ms),  # clocks may differ by a minute
        "severity_id": severity_id,
        "severity": SEVERITIES[severity_id],
        "status_id": ending.status_id,
        "status": ending.status,
        "metadata": _metadata(first, event_class),
    }


def _classification(event_class: EventClass, activity_id: int, activity: str) -> Json:
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": event_class.category_uid,
        "category_name": event_class.category_name,
        "class_uid": event_class.uid,
        "class_name": event_class.caption,
        "type_uid": event_class.uid * 100 + activity_id,
        "type_name": f"{event_class.caption}: {event_class.activities[activity_id]}",
    }


def _metadata(first: Held, event_class: EventClass) -> Json:
    code = first.members.inside("code")
    profiles = sorted({one.profile for one in event_class.shape.attributes if one.profile is not None})
    return {
        "version": VERSION,
        "product": {
            "name": _VENDOR,
            "vendor_name": _VENDOR,
            "version": code.text("version"),
            "feature": {"name": code.text("function")},
        },
        "log_name": first.log,
        "log_provider": first.members.text("deployment"),
        "original_time": format_time(first.time_us),
        "correlation_uid": maybe_shown(first.members.inside("task").text("id")),
        "event_code": f"{first.type.value}.{first.kind}",
        "uid": f"{first.log}/{first.index}",
        "profiles": profiles or None,
    }


def person(principal: Members) -> Json | None:
    """The user who sent it; None where the record names none."""
    issuer, subject = principal.text("issuer"), principal.text("subject")
    if issuer is None or subject is None:
        return None
    groups = [{"name": shown(group)} for group in principal.texts("groups")]
    return {"name": shown(subject), "uid": shown(f"{issuer}|{subject}"), "groups": groups or None}


def actor(first: Held) -> Json:
    """Who did it: the principal with its token, or Postern by itself."""
    principal, decision = first.members.inside("principal"), first.members.inside("decision").text("result")
    policy = first.members.text("policy")
    authorization = {"decision": maybe_shown(decision), "policy": None if policy is None else {"uid": shown(policy)}}
    user = person(principal)
    if user is None:
        return {"app_name": _VENDOR, "authorizations": [authorization] if decision else None}
    expires_s = principal.moment("token_expires_at_s")
    return {
        "user": user,
        "idp": {"name": maybe_shown(principal.text("issuer")), "uid": maybe_shown(principal.text("issuer_url"))},
        "session": {
            "issuer": maybe_shown(principal.text("issuer_url")),
            "credential_uid": maybe_shown(principal.text("token_sha256")),
            "expiration_time": None if expires_s is None else expires_s * 1000,
        },
        "authorizations": [authorization] if decision else None,
    }


def source(first: Held) -> Json:
    """Where it came from, as far as a record says: the function that wrote it. Records hold no caller's address."""
    members = first.members
    return {"name": members.text("deployment"), "svc_name": members.inside("code").text("function")}


def endpoint(target: Members) -> Json | None:
    """The database server; None where the record names none."""
    host, port = target.text("host"), target.number("port")
    if host is None:
        return None
    return {"hostname": shown(host), "port": port if port is not None and port <= MAX_PORT else None}


def traced(command: Command, ending: Ending) -> Json:
    """What leads back to the records, and who asked for what: the head of `unmapped`."""
    first, members = command.first, command.first.members
    told: Json = {
        "log": first.log,
        "index": first.index,
        "key": first.key,
        "sha256": first.sha256,
        "kind": first.kind,
        "result": shown(ending.result),
        "on_behalf_of": maybe_shown(members.inside("principal").text("on_behalf_of")),
        "by": maybe_shown(members.text("by")),
    }
    for name, one in (("outcome", command.outcome), ("settled", command.settled)):
        if one is not None:
            told |= {f"{name}_index": one.index, f"{name}_key": one.key, f"{name}_sha256": one.sha256}
    return told


def asked(of: Members) -> Json:
    """Purpose and ticket of a task or of a request."""
    return {"purpose": maybe_shown(of.text("purpose")), "ticket": maybe_shown(of.text("ticket"))}


def without_none(value: Mapping[str, object]) -> Json:
    """The event as it is written: no attribute that there is nothing of, in it or in its objects."""
    return {name: _pruned(one) for name, one in value.items() if one is not None}


def _pruned(value: object) -> object:
    if isinstance(value, dict):
        return without_none(value)
    if isinstance(value, list):
        return [_pruned(one) for one in value]
    return value
