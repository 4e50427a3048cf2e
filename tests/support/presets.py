"""For each preset: an entry as an operator would write it, and claims as the issuer documents them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from postern.errors import Unauthenticated
from postern.identity.issuers import IssuerRules, parse_issuers
from postern.identity.rules import admit
from postern.types import Principal, Sha256Hex

AUDIENCE = "https://postern.example.com"
TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
OBJECT = "99999999-8888-4777-8666-555555555555"
STS = "https://sts.amazonaws.com/"
STS_STEP = "/https:~1~1sts.amazonaws.com~1"
ABSENT = object()  # as a changed claim: leave it out


@dataclass(frozen=True)
class Sample:
    preset: str
    entry: tuple[str, ...]  # fields beside name, preset and audience
    claims: dict[str, Any]
    audience: str = AUDIENCE

    def yaml(self, *lines: str) -> str:
        """An issuers.yaml with this one entry; `lines` stand in place of its own fields where they are given."""
        fields = (f"name: {self.preset}", f"preset: {self.preset}", f"audience: {self.audience}")
        return "issuers:\n- " + "\n  ".join((*fields, *(lines or self.entry))) + "\n"

    def rules(self, *lines: str) -> IssuerRules:
        (rules,) = parse_issuers(self.yaml(*lines).encode(), file="issuers.yaml", local=None)
        return rules

    def changed(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The claims with others put in; a name with ` > ` leads into an object."""
        claims = deepcopy(self.claims)
        for path, value in changes.items():
            *way, last = path.split(" > ")
            inner = claims
            for step in way:
                inner = inner[step]
            if value is ABSENT:
                inner.pop(last, None)
            else:
                inner[last] = value
        return claims

    def admit(self, changes: dict[str, Any] | None = None, *lines: str) -> Principal:
        claims = self.changed(changes or {})
        return admit(claims, self.rules(*lines), token_sha256=Sha256Hex("0" * 64), expires_at_s=1)

    def admits(self, changes: dict[str, Any], *lines: str) -> bool:
        try:
            self.admit(changes, *lines)
        except Unauthenticated:
            return False
        return True


_GITHUB = {
    "sub": "repo:acme@123456/shop@456789:ref:refs/heads/main",
    "repository": "acme/shop",
    "repository_id": "456789",
    "repository_owner": "acme",
    "repository_owner_id": "123456",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "sha": "1f2e3d",
    "run_id": "42",
    "run_attempt": "1",
    "event_name": "push",
    "actor": "mona",
    "actor_id": "7",
    "workflow_ref": "acme/shop/.github/workflows/agent.yml@refs/heads/main",
    "runner_environment": "github-hosted",
    "base_ref": "",
    "head_ref": "",
}
_GITLAB = {
    "sub": "project_path:acme/shop:ref_type:branch:ref:main",
    "namespace_id": "72",
    "namespace_path": "acme",
    "project_id": "20",
    "project_path": "acme/shop",
    "user_id": "1",
    "user_login": "mona",
    "user_email": "mona@acme.example",
    "user_identities": [{"provider": "github", "extern_uid": "1"}],
    "pipeline_id": "574",
    "pipeline_source": "push",
    "job_id": "302",
    "ref": "main",
    "ref_type": "branch",
    "ref_path": "refs/heads/main",
    "ref_protected": "true",
    "runner_id": 1,
    "runner_environment": "gitlab-hosted",
    "sha": "714a62",
}
_KUBERNETES = {
    "sub": "system:serviceaccount:agents:shop-agent",
    "kubernetes.io": {
        "namespace": "agents",
        "node": {"name": "node-1", "uid": "n"},
        "pod": {"name": "shop-agent-0", "uid": "p"},
        "serviceaccount": {"name": "shop-agent", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
    },
}
_OKTA_MACHINE = {"sub": "0oaAgent", "cid": "0oaAgent", "ver": 1, "scp": ["postern"]}
_ENTRA_MACHINE = {"sub": OBJECT, "oid": OBJECT, "azp": CLIENT, "azpacr": "1", "tid": TENANT, "ver": "2.0"}
_AUTH0_MACHINE = {"sub": "AgentClient1@clients", "azp": "AgentClient1", "gty": "client-credentials"}
_COGNITO_MACHINE = {"sub": "57cbishk", "client_id": "57cbishk", "token_use": "access", "scope": "postern/use"}
_EKS_URL = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
_ENTRA_URL = f"https://login.microsoftonline.com/{TENANT}/v2.0"
_COGNITO_URL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"

SAMPLES = {
    sample.preset: sample
    for sample in (
        Sample("github-actions", ('require: {repository_owner_id: "123456"}',), _GITHUB),
        Sample(
            "github-actions-pull-requests",
            ('require: {repository_id: "456789"}',),
            {**_GITHUB, "event_name": "pull_request", "ref": "refs/pull/7/merge", "sub": "repo:acme/shop:pull_request"},
        ),
        Sample("gitlab-ci", ('match: {project_path: "acme/.*"}',), _GITLAB),
        Sample(
            "gitlab-ci-merge-requests",
            ('require: {project_id: "20"}',),
            {**_GITLAB, "pipeline_source": "merge_request_event"},
        ),
        Sample(
            "kubernetes",
            ("issuer: https://k8s.acme.example", "require: {sub: system:serviceaccount:agents:shop-agent}"),
            _KUBERNETES,
        ),
        Sample("eks", (f"issuer: {_EKS_URL}", "require: {/kubernetes.io/namespace: agents}"), _KUBERNETES),
        Sample(
            "aws",
            (
                "issuer: https://abc123-def456.tokens.sts.global.api.aws",
                'require: {sub: "arn:aws:iam::123456789012:role/Agent"}',
            ),
            {
                "sub": "arn:aws:iam::123456789012:role/Agent",
                STS: {
                    "aws_account": "123456789012",
                    "source_region": "us-east-1",
                    "org_id": "o-abc1234567",
                    "principal_tags": {"team": "data"},
                    "lambda_source_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:agent",
                    "request_tags": {"job-id": "1"},
                },
            },
        ),
        Sample(
            "google",
            ("require: {email: agent@acme-prod.iam.gserviceaccount.com}",),
            {
                "sub": "104479897743394244856",
                "azp": "104479897743394244856",
                "email": "agent@acme-prod.iam.gserviceaccount.com",
                "email_verified": True,
                "google": {"compute_engine": {"project_id": "acme-prod", "instance_id": "61", "project_number": 40}},
            },
        ),
        Sample(
            "okta",
            ("issuer: https://acme.okta.com/oauth2/default", "require: {cid: [0oaAgent, 0oaCli]}"),
            _OKTA_MACHINE,
        ),
        Sample(
            "okta-people",
            ("issuer: https://acme.okta.com/oauth2/default", "require: {cid: [0oaAgent, 0oaCli]}"),
            {**_OKTA_MACHINE, "cid": "0oaCli", "uid": "00uMona", "sub": "mona@acme.example", "groups": ["dba"]},
        ),
        Sample("entra", (f"issuer: {_ENTRA_URL}", f"require: {{azp: {CLIENT}}}"), _ENTRA_MACHINE),
        Sample(
            "entra-people",
            (f"issuer: {_ENTRA_URL}", "require: {roles: Postern.Approve}"),
            {**_ENTRA_MACHINE, "scp": "access", "roles": ["Postern.Approve"], "name": "Mona"},
        ),
        Sample("auth0", ("issuer: https://acme.eu.auth0.com/", "require: {azp: AgentClient1}"), _AUTH0_MACHINE),
        Sample(
            "auth0-people",
            ("issuer: https://acme.eu.auth0.com/", "require: {https://acme.example/roles: approver}"),
            {"sub": "auth0|123", "azp": "Spa", "https://acme.example/roles": ["approver"]},
        ),
        Sample("cognito", (f"issuer: {_COGNITO_URL}",), _COGNITO_MACHINE, audience="57cbishk"),
        Sample(
            "cognito-people",
            (f"issuer: {_COGNITO_URL}", "require: {cognito:groups: dba}"),
            {**_COGNITO_MACHINE, "sub": OBJECT, "username": "mona", "cognito:groups": ["dba"], "origin_jti": OBJECT},
            audience="57cbishk",
        ),
        Sample("generic", ("issuer: https://i.acme.example", "require: {team: data}"), {"sub": "a", "team": "data"}),
    )
}
