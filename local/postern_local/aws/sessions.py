"""A session that STS issued, with everything that decides what it may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

from postern.types import Secret
from postern_local.iam import Caller, Policy, PolicyKind, parse_policy


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A policy document with the name that decisions call it by."""

    name: str
    document: str

    def parse(self) -> Policy:
        return _parse(self.name, self.document)


@dataclass(frozen=True, slots=True)
class StsSession:
    """A role's session. The policies are the role's as it stood when this was read."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    account: str
    role_arn: str
    session_name: str
    issued_at_s: int
    expires_at_s: int
    tags: Mapping[str, str] = field(default_factory=dict)  # principal tags: the role's, then the session's over them
    transitive_tags: tuple[str, ...] = ()
    source_identity: str | None = None
    source_function_arn: str | None = None  # set where Lambda assumed the role for a function
    identity_policies: tuple[NamedPolicy, ...] = ()
    session_policy: str | None = None

    @property
    def role_name(self) -> str:
        return self.role_arn.rsplit("/", 1)[-1]

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{self.account}:assumed-role/{self.role_name}/{self.session_name}"

    def is_expired(self, now_s: float) -> bool:
        return now_s >= self.expires_at_s

    def caller(self) -> Caller:
        return Caller(arn=self.role_arn, account=self.account, session_arn=self.arn)

    def identity(self) -> tuple[Policy, ...]:
        """The role's own policies, parsed. They were checked when they were stored."""
        return tuple(policy.parse() for policy in self.identity_policies)

    def boundaries(self) -> tuple[Policy, ...]:
        """The session policy, where there is one."""
        if self.session_policy is None:
            return ()
        return (NamedPolicy("session policy", self.session_policy).parse(),)

    def context(self) -> dict[str, tuple[str, ...]]:
        """The condition keys that speak of the caller."""
        context: dict[str, tuple[str, ...]] = {
            f"aws:PrincipalTag/{name}": (value,) for name, value in self.tags.items()
        }
        if self.source_identity is not None:
            context["aws:SourceIdentity"] = (self.source_identity,)
        if self.source_function_arn is not None:
            context["lambda:SourceFunctionArn"] = (self.source_function_arn,)
        return context | {
            "aws:PrincipalArn": (self.role_arn,),
            "aws:PrincipalAccount": (self.account,),
            "aws:PrincipalType": ("AssumedRole",),
            "aws:userid": (f"{self.role_name}:{self.session_name}",),
        }


def session_to_json(session: StsSession) -> str:
    """The session with its secrets, for the private channel between the server and its starter only."""
    values = {item.name: getattr(session, item.name) for item in fields(session)}
    values["secret_access_key"] = session.secret_access_key.reveal()
    values["session_token"] = session.session_token.reveal()
    values["identity_policies"] = [[policy.name, policy.document] for policy in session.identity_policies]
    return json.dumps(values)


def session_from_json(text: str | bytes) -> StsSession:
    """The reverse of `session_to_json`."""
    values = json.loads(text)
    values["secret_access_key"] = Secret(values["secret_access_key"])
    values["session_token"] = Secret(values["session_token"])
    values["transitive_tags"] = tuple(values["transitive_tags"])
    values["identity_policies"] = tuple(NamedPolicy(name, document) for name, document in values["identity_policies"])
    return StsSession(**values)


@lru_cache(maxsize=1024)
def _parse(name: str, document: str) -> Policy:
    return parse_policy(document, kind=PolicyKind.IDENTITY, name=name)
