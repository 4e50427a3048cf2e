"""Writes docs/permissions.md from the templates: `python -m scripts.generate_permissions_doc`, once rights changed.

What a role is for, what whoever steals its credentials could do, and why each statement stands there is written beside
the role in the template, as `Metadata: {Postern: {Does, Stolen, CouldNot, Why}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scripts.permissions_words import (
    ACCOUNT,
    DEPLOYMENT,
    LOG,
    REGION,
    STACK,
    conditions,
    general,
    listed,
    principal,
    resource,
)

from postern_local.model import Names
from postern_local.template import Template
from postern_local.transform import read_yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
# Every part of a deployment: literals sealed, functions in a VPC, an administrator of the key.
PARAMETERS = {
    "Deployment": DEPLOYMENT,
    "LogName": LOG,
    "LogEndsOn": "2026-12-31",
    "RetentionDays": "400",
    "LongestLockDays": "800",
    "DatabaseUserArns": f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:db-ONE",
    "EvidenceAdministratorArn": f"arn:aws:iam::{ACCOUNT}:role/aws-EvidenceAdministrator",
    "KeyAdministratorArn": f"arn:aws:iam::{ACCOUNT}:role/aws-KeyAdministrator",
    "StatementText": "sealed",
    "SubnetIds": "subnet-0123456789abcdef0",
    "SecurityGroupIds": "sg-0123456789abcdef0",
}
_WALLS = {
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}

_HEAD = """\
# Who may do what

Every right that a deployment has in AWS: function by function, with the reason, and what somebody could do with a
function's credentials who stole them. Credentials of a function last some hours and come from Lambda alone; stealing
them means running code in the function, or reading its memory.

What is not in a table is not allowed: IAM refuses what nothing allows. A row says what the role itself may. The
policies of [the bucket](#evidencebucketpolicy), [the keys](#signingkey) and the queue at the end may refuse it all the
same, and nothing that they refuse can be allowed elsewhere. Words: a *task* is one agent's access, a *world* the
database role and views made for it, a *record* one locked object under `wal/`, the *log* the signed Merkle tree over
records under `log/`.

*Why* and *stolen* are written beside each role in the template. This page is generated from it
(`scripts/generate_permissions_doc.py`). That no statement is wider than what is used, and that two evaluators read the
policies alike, is tested in `tests/infra/rights`; how is told in [ADR 28](adr/0028-rights.md).

"""


@dataclass(frozen=True, slots=True)
class Right:
    """One statement, and why it stands there."""

    sid: str
    content: Mapping[str, Any]
    why: str


class PermissionsError(Exception):
    """Raised when a statement has no reason, or a reason no statement."""


@cache
def _deployed() -> Template:
    return Template(ROOT / "template.yaml", PARAMETERS, Names(ACCOUNT, REGION, STACK))


_written = cache(read_yaml)


def page() -> str:
    """The whole page. Raises `PermissionsError`."""
    main = _deployed()
    found = list(main.all())
    roles = [(template, name) for template in found for name in template.of_type("AWS::IAM::Role")]
    sections = [_role(template, name, main) for template, name in roles]
    walls = [
        _wall(template, name, key)
        for template in found
        for kind, key in _WALLS.items()
        for name in template.of_type(kind)
    ]
    return _HEAD + _overview(roles) + "\n".join([*sections, _invokers(main), *walls])


def _metadata(template: Template, name: str) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = _written(template.path)["Resources"][name].get("Metadata", {}).get("Postern", {})
    return metadata


def _title(name: str) -> str:
    short = name.removesuffix("Role")
    return f"{short.lower()} (`{name}`)"


def _overview(roles: list[tuple[Template, str]]) -> str:
    rows = "".join(
        f"| [{name.removesuffix('Role').lower()}](#{name.removesuffix('Role').lower()}-{name.lower()}) | "
        f"{_metadata(template, name)['Does']} |\n"
        for template, name in roles
    )
    return f"| role | what it is for |\n|---|---|\n{rows}\n"


def _role(template: Template, name: str, main: Template) -> str:
    told = _metadata(template, name)
    rights = list(_rights(template, name))
    trusted = template.of_type("AWS::IAM::Role")[name]["AssumeRolePolicyDocument"]["Statement"]
    lines = "".join(f"| {_cells(right, main)} |\n" for right in rights)
    return (
        f"## {_title(name)}\n\n{told['Does']}\n\n"
        f"**What a stolen credential could do.** {told['Stolen']}\n\n**What it could not.** {told['CouldNot']}\n\n"
        f"Assumed by: {'; '.join(dict.fromkeys(_trusted(statement) for statement in trusted))}.\n\n"
        f"| right | actions | on | where | why |\n|---|---|---|---|---|\n{lines}"
    )


def _rights(template: Template, name: str) -> Iterator[Right]:
    """The role's own statements, then those of policies that several roles share."""
    own = template.of_type("AWS::IAM::Role")[name]
    documents = [(name, policy["PolicyDocument"]) for policy in own.get("Policies", [])]
    physical = template.physical_name(name)
    documents += [
        (name, policy["PolicyDocument"])
        for policy in template.of_type("AWS::IAM::RolePolicy").values()
        if policy["RoleName"] == physical
    ]
    for shared, policy in template.of_type("AWS::IAM::ManagedPolicy").items():
        if template.reference(shared) in own.get("ManagedPolicyArns", []) or physical in policy.get("Roles", []):
            documents.append((shared, policy["PolicyDocument"]))
    reasons: dict[str, set[str]] = {}
    for owner, document in documents:
        why = _metadata(template, owner).get("Why", {})
        for statement in document["Statement"]:
            reasons.setdefault(owner, set()).add(statement["Sid"])
            yield Right(statement["Sid"], statement, _reason(why, owner, statement["Sid"]))
    for owner, seen in reasons.items():
        _only(set(_metadata(template, owner)["Why"]), seen, owner)


def _reason(why: Mapping[str, str], owner: str, sid: str) -> str:
    if sid not in why:
        raise PermissionsError(f"{owner}: {sid}: expected a reason under Metadata.Postern.Why, got none")
    return " ".join(str(why[sid]).split())


def _only(reasons: set[str], seen: set[str], owner: str) -> None:
    if reasons - seen:
        raise PermissionsError(f"{owner}: expected a statement for each reason, got none for {sorted(reasons - seen)}")


def _cells(right: Right, main: Template) -> str:
    content = right.content
    effect = "**never** " if content["Effect"] == "Deny" else ""
    on = ", ".join(dict.fromkeys(resource(arn, _keys(main)) for arn in listed(content["Resource"])))
    actions = ", ".join(f"`{action}`" for action in listed(content["Action"]))
    return " | ".join((right.sid, f"{effect}{actions}", on, conditions(content.get("Condition", {})), right.why))


def _keys(main: Template) -> Mapping[str, str]:
    return {
        str(template.attribute(name, "Arn")): f"the key `{name}`"
        for template in main.all()
        for name in template.of_type("AWS::KMS::Key")
    }


def _trusted(statement: Mapping[str, Any]) -> str:
    bound = conditions(statement.get("Condition", {}))
    right = "" if statement["Action"] == "sts:AssumeRole" else f" (`{statement['Action']}`)"
    return f"{principal(statement['Principal'])}{right}" + (f", where {bound}" if bound else "")


def _invokers(main: Template) -> str:
    """Which services may invoke which function, each bound to one source."""
    rows = sorted(
        {
            f"| {resource(found['FunctionName'], {})} | `{found['Principal']}` | `{general(found['SourceArn'])}` |\n"
            for found in main.of_type("AWS::Lambda::Permission").values()
        }
    )
    return (
        "## Who may invoke a function\n\nBesides the roles above: these services, for this one source each.\n\n"
        f"| function | service | source |\n|---|---|---|\n{''.join(rows)}"
    )


def _wall(template: Template, name: str, key: str) -> str:
    kind, properties = template.resources[name]
    told = _metadata(template, name)
    statements = properties[key]["Statement"]
    written = {**told.get("Why", {})}
    rows = "".join(
        f"| {one['Sid']} | {'**denied**' if one['Effect'] == 'Deny' else 'allowed'} to {principal(one['Principal'])} | "
        f"{', '.join(f'`{action}`' for action in listed(one['Action']))} | {_where(one, kind)} | "
        f"{_reason(written, name, one['Sid'])} |\n"
        for one in statements
    )
    return (
        f"## {name}\n\n{' '.join(told['Does'].split())}\n\n"
        f"| rule | who | actions | where | why |\n|---|---|---|---|---|\n{rows}"
    )


def _where(statement: Mapping[str, Any], kind: str) -> str:
    parts = []
    if kind == "AWS::S3::BucketPolicy":
        apart = "NotResource" in statement
        on = ", ".join(
            dict.fromkeys(resource(arn, {}) for arn in listed(statement.get("NotResource") or statement["Resource"]))
        )
        parts.append(f"all but {on}" if apart else on)
    if bound := conditions(statement.get("Condition", {})):
        parts.append(bound)
    return "; ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
