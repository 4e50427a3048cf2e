"""Every policy of a deployment, by whom or what it is attached to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from postern_local.model import Deployment, Role

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Statement:
    """Where one statement stands: `kind` is identity, trust or resource; `owner` a role or an ARN."""

    kind: str
    owner: str
    policy: str
    index: int
    content: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.owner.rpartition(':')[2]}/{self.policy}/{self.content.get('Sid', self.index)}"


@dataclass(frozen=True)
class Rights:
    """Documents as JSON text: `identity` by role and name, `trust` by role, `resource` by the ARN it guards."""

    identity: Mapping[str, Mapping[str, str]]
    trust: Mapping[str, str]
    resource: Mapping[str, str]
    arns: Mapping[str, str]  # of the roles

    @cached_property
    def statements(self) -> list[Statement]:
        return [
            Statement(kind, owner, policy, index, content)
            for kind, owner, policy, document in self._documents()
            for index, content in enumerate(json.loads(document)["Statement"])
        ]

    def _documents(self) -> Iterator[tuple[str, str, str, str]]:
        """A policy that several roles share once, as its first role's."""
        seen: set[tuple[str, str]] = set()
        for role, policies in self.identity.items():
            for name, document in policies.items():
                if (name, document) not in seen:
                    seen.add((name, document))
                    yield "identity", role, name, document
        yield from (("trust", role, "trust", document) for role, document in self.trust.items())
        yield from (("resource", arn, "policy", document) for arn, document in self.resource.items())

    def with_statement(self, at: Statement, content: Mapping[str, Any] | None) -> Rights:
        """The same with one statement replaced, or taken out."""
        if at.kind == "identity":
            document = _replaced(self.identity[at.owner][at.policy], at.index, content)
            changed = {**self.identity[at.owner], at.policy: document}
            return replace(self, identity={**self.identity, at.owner: changed})
        if at.kind == "trust":
            return replace(self, trust={**self.trust, at.owner: _replaced(self.trust[at.owner], at.index, content)})
        document = _replaced(self.resource[at.owner], at.index, content)
        return replace(self, resource={**self.resource, at.owner: document})


def _replaced(document: str, index: int, content: Mapping[str, Any] | None) -> str:
    decoded = json.loads(document)
    decoded["Statement"][index : index + 1] = [] if content is None else [content]
    # A policy without a statement is none that AWS takes; one that matches nothing says the same.
    decoded["Statement"] = decoded["Statement"] or [_NOTHING | _subject(json.loads(document)["Statement"][0])]
    return json.dumps(decoded)


_NOTHING: dict[str, Any] = {"Sid": "Nothing", "Effect": "Deny", "Action": "s3:GetBucketAcl"}


def _subject(statement: Mapping[str, Any]) -> dict[str, Any]:
    subject = {"Resource": "arn:aws:s3:::nothing"} if "Resource" in statement or "NotResource" in statement else {}
    return subject | ({"Principal": statement["Principal"]} if "Principal" in statement else {})


def rights_of(deployed: Deployment) -> Rights:
    """Roles go by a short name: `tasks` for TasksRole."""
    roles = {short_name(role): role for role in deployed.roles}
    resource = {f"arn:aws:s3:::{bucket.name}": json.dumps(bucket.policy) for bucket in deployed.buckets}
    resource |= {f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key.id}": key.create["Policy"] for key in deployed.keys}
    resource |= {queue.arn: queue.attributes["Policy"] for queue in deployed.queues if "Policy" in queue.attributes}
    return Rights(
        identity={
            name: {policy: json.dumps(document) for policy, document in role.policies.items()}
            for name, role in roles.items()
        },
        trust={name: json.dumps(role.trust) for name, role in roles.items()},
        resource=resource,
        arns={name: role.arn for name, role in roles.items()},
    )


def short_name(role: Role) -> str:
    return role.name.rpartition("-")[2].removesuffix("Role").lower()
