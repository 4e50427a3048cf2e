"""Roles as moto's IAM holds them, and the check that no policy is stored which cannot be evaluated."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import IAMBackend, ManagedPolicy, Role, iam_backends

from postern_local.aws.replacement import Method, replace
from postern_local.aws.sessions import NamedPolicy
from postern_local.iam import PolicyError, PolicyKind, parse_policy

_ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):role/(?:[\w+=,.@/-]+/)?(?P<name>[\w+=,.@-]{1,64})")


@dataclass(frozen=True, slots=True)
class RoleDescription:
    """What of a role decides: whom it trusts, what it may do, its tags and its longest session."""

    arn: str
    trust_document: str
    policies: tuple[NamedPolicy, ...]
    boundary: str | None  # ARN of a permissions boundary
    tags: dict[str, str]
    max_session_s: int


def describe_role(arn: str) -> RoleDescription | None:
    """The role as it stands, or None where there is none."""
    found = _ROLE_ARN.fullmatch(arn)
    if found is None:
        return None
    backend = iam_backends[found["account"]]["aws"]
    role: Role | None = next((role for role in backend.get_roles() if role.arn == arn), None)
    if role is None:
        return None
    inline = [NamedPolicy(f"{role.name}/{name}", _text(document)) for name, document in role.policies.items()]
    attached = [NamedPolicy(policy.name, _text(_default_document(policy))) for policy in role.managed_policies.values()]
    return RoleDescription(
        arn=role.arn,
        trust_document=_text(role.assume_role_policy_document),
        policies=(*inline, *attached),
        boundary=role.permissions_boundary_arn,
        tags={tag["Key"]: tag["Value"] for tag in role.tags},
        max_session_s=int(role.max_session_duration or 3600),
    )


def install() -> None:
    """Refuses, when it is stored, what the evaluator does not know. Call once, before the first request."""
    replace(IAMBackend, "create_role", lambda o: _checking(o, "assume_role_policy_document", 1, PolicyKind.TRUST))
    replace(IAMBackend, "update_assume_role_policy", lambda o: _checking(o, "policy_document", 1, PolicyKind.TRUST))
    replace(IAMBackend, "put_role_policy", lambda o: _checking(o, "policy_json", 2, PolicyKind.IDENTITY))
    replace(IAMBackend, "create_policy", lambda o: _checking(o, "policy_document", 2, PolicyKind.IDENTITY))
    replace(IAMBackend, "create_policy_version", lambda o: _checking(o, "policy_document", 1, PolicyKind.IDENTITY))
    for name in ("create_user", "create_group", "put_role_permissions_boundary"):
        replace(IAMBackend, name, _not_served)


def _checking(original: Method, argument: str, position: int, kind: PolicyKind) -> Method:
    """`original`, after its document was parsed; `position` counts arguments after `self`."""

    def checked(backend: IAMBackend, *values: object, **named: object) -> object:
        document = named[argument] if argument in named else values[position]
        try:
            parse_policy(_text(document), kind=kind, name=str(named.get("role_name") or (values or ("policy",))[0]))
        except PolicyError as error:
            raise MalformedPolicyDocument(str(error)) from error
        return original(backend, *values, **named)

    return checked


def _not_served(original: Method) -> Method:
    def refuse(*_values: object, **_named: object) -> object:
        raise MalformedPolicyDocument(f"{original.__name__}: the local stack knows roles only, without boundaries")

    return refuse


def _default_document(policy: ManagedPolicy) -> str:
    return next(version.document for version in policy.versions if version.version_id == policy.default_version_id)


def _text(document: object) -> str:
    """A document as JSON text; moto keeps some URL-encoded, some parsed."""
    if isinstance(document, str):
        return unquote(document) if document.lstrip().startswith("%7B") else document
    return json.dumps(document)
