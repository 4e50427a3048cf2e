"""AssumeRole as STS decides it: the role's trust policy, the bounds of each parameter, and what chains carry.

Pure but for the random source of the new keys, which is handed in.
Reference: "AssumeRole" (STS API), "Pass session tags in AWS STS", "Monitor and control actions taken
with assumed roles" (source identity).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from postern.types import Secret
from postern_local.aws.faults import Refused
from postern_local.aws.roles import RoleDescription
from postern_local.aws.sessions import StsSession
from postern_local.iam import (
    Caller,
    Denied,
    Policy,
    PolicyError,
    PolicyKind,
    PolicySet,
    Request,
    evaluate,
    parse_policy,
)

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG = re.compile(r"[\w \u00a0-\U0010ffff_.:/=+\-@]*")  # letters, digits, spaces and these; never a wildcard
_MIN_DURATION_S = 900
_MAX_CHAINED_S = 3600
_MAX_POLICY_CHARACTERS = 2048
_MAX_TAGS = 50


@dataclass(frozen=True, slots=True)
class AssumeRoleRequest:
    """The parameters, parsed; absent ones are None or empty."""

    role_arn: str
    session_name: str
    duration_s: int = 3600
    policy: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Assuming:
    """Who assumes: an identity with its policies and context, the session it holds, or a service."""

    caller: Caller
    identity: tuple[Policy, ...] = ()
    boundaries: tuple[Policy, ...] = ()
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    session: StsSession | None = None
    source_function_arn: str | None = None


@dataclass(frozen=True, slots=True)
class FreshKeys:
    """The secrets of a new session."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret


def assume_role(
    request: AssumeRoleRequest,
    assuming: Assuming,
    role: RoleDescription | None,
    *,
    now_s: int,
    account: str,
    fresh_keys: Callable[[], FreshKeys],
) -> StsSession:
    """Decides and issues. Raises `Refused`: `AccessDenied`, `ValidationError`, `MalformedPolicyDocument`."""
    _check_parameters(request, assuming)
    if role is None:
        # The words for a role that is not there are those for one that may not be assumed.
        raise _denied(assuming.caller, "sts:AssumeRole", request.role_arn, "no policy allows it")
    if role.boundary is not None:
        raise _invalid("the role has a permissions boundary, which the local stack does not evaluate")
    inherited = _inherited_tags(request, assuming.session)
    _authorize(request, assuming, role, inherited)
    if request.duration_s > role.max_session_s:
        raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    keys = fresh_keys()
    return StsSession(
        access_key_id=keys.access_key_id,
        secret_access_key=keys.secret_access_key,
        session_token=keys.session_token,
        account=account,
        role_arn=role.arn,
        session_name=request.session_name,
        issued_at_s=now_s,
        expires_at_s=now_s + request.duration_s,
        tags=_overlaid(role.tags, inherited, dict(request.tags)),
        transitive_tags=tuple(sorted({*inherited, *request.transitive_tag_keys})),
        source_identity=request.source_identity or (assuming.session.source_identity if assuming.session else None),
        source_function_arn=assuming.source_function_arn,
        identity_policies=role.policies,
        session_policy=request.policy,
    )


def _check_parameters(request: AssumeRoleRequest, assuming: Assuming) -> None:
    if not _SESSION_NAME.fullmatch(request.session_name):
        raise _invalid("RoleSessionName: expected 2 to 64 of letters, digits and _+=,.@-")
    if request.source_identity is not None and not _SESSION_NAME.fullmatch(request.source_identity):
        raise _invalid("SourceIdentity: expected 2 to 64 of letters, digits and _+=,.@-")
    longest = _MAX_CHAINED_S if assuming.session is not None else 43_200
    if not _MIN_DURATION_S <= request.duration_s <= longest:
        raise _invalid(f"DurationSeconds: expected {_MIN_DURATION_S} to {longest}, got {request.duration_s}")
    _check_tags(request)
    if request.policy is not None:
        if len(request.policy) > _MAX_POLICY_CHARACTERS:
            raise _invalid(f"Policy: expected at most {_MAX_POLICY_CHARACTERS} characters, got {len(request.policy)}")
        try:
            parse_policy(request.policy, kind=PolicyKind.IDENTITY, name="session policy")
        except PolicyError as error:
            raise Refused("MalformedPolicyDocument", str(error), 400) from error


def _check_tags(request: AssumeRoleRequest) -> None:
    names = [name for name, _ in request.tags]
    if len(names) > _MAX_TAGS or len({name.lower() for name in names}) != len(names):
        raise _invalid(f"Tags: expected at most {_MAX_TAGS}, each name once")
    for name, value in request.tags:
        if not 1 <= len(name) <= 128 or len(value) > 256 or not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise _invalid("Tags: expected names of 1 to 128 and values of up to 256 letters, digits, spaces, _.:/=+-@")
    if not set(request.transitive_tag_keys) <= set(names):
        raise _invalid("TransitiveTagKeys: expected names of tags of this request")


def _inherited_tags(request: AssumeRoleRequest, session: StsSession | None) -> dict[str, str]:
    """The transitive tags of the session that assumes; a request cannot change them."""
    if session is None:
        return {}
    inherited = {name: session.tags[name] for name in session.transitive_tags}
    if {name.lower() for name in inherited} & {name.lower() for name, _ in request.tags}:
        raise _invalid("Tags: a transitive tag of the calling session cannot be passed again")
    return inherited


def _authorize(
    request: AssumeRoleRequest, assuming: Assuming, role: RoleDescription, inherited: Mapping[str, str]
) -> None:
    session = assuming.session
    held = session.source_identity if session else None
    if held is not None and request.source_identity not in (None, held):
        raise _denied(assuming.caller, "sts:SetSourceIdentity", role.arn, "the session has another source identity")
    trust = parse_policy(role.trust_document, kind=PolicyKind.TRUST, name=f"trust policy of {role.arn}")
    policies = PolicySet(identity=assuming.identity, boundaries=assuming.boundaries, resource=(trust,))
    context = dict(assuming.context) | _context(request, inherited, held)
    actions = ["sts:AssumeRole"]
    if request.tags or inherited:
        actions.append("sts:TagSession")
    if request.source_identity is not None or held is not None:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        decision = evaluate(policies, Request(assuming.caller, action, role.arn, context))
        if isinstance(decision, Denied):
            raise _denied(assuming.caller, action, role.arn, decision.reason)


def _context(request: AssumeRoleRequest, inherited: Mapping[str, str], held: str | None) -> dict[str, tuple[str, ...]]:
    tags = dict(inherited) | dict(request.tags)
    context: dict[str, tuple[str, ...]] = {f"aws:RequestTag/{name}": (value,) for name, value in tags.items()}
    context["sts:RoleSessionName"] = (request.session_name,)
    if tags:
        context["aws:TagKeys"] = tuple(tags)
    if request.transitive_tag_keys:
        context["sts:TransitiveTagKeys"] = request.transitive_tag_keys
    if source_identity := request.source_identity or held:
        context["sts:SourceIdentity"] = (source_identity,)
    if request.external_id is not None:
        context["sts:ExternalId"] = (request.external_id,)
    return context


def _overlaid(*layers: Mapping[str, str]) -> dict[str, str]:
    """Tags of several layers, a later one over an earlier one; names are compared without regard to case."""
    tags: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.items():
            for existing in [other for other in tags if other.lower() == name.lower()]:
                del tags[existing]
            tags[name] = value
    return tags


def _denied(caller: Caller, action: str, role_arn: str, reason: str) -> Refused:
    who = caller.session_arn or caller.arn or caller.service
    return Refused(
        "AccessDenied", f"User: {who} is not authorized to perform: {action} on resource: {role_arn}: {reason}"
    )


def _invalid(message: str) -> Refused:
    return Refused("ValidationError", message, 400)
