"""What anyone may read: that the gate answers, its contract, and which issuers it trusts (RFC 9728)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postern.edges import http, openapi
from postern.edges.authorizer import request_url
from postern.identity.issuers import ALGORITHMS

if TYPE_CHECKING:
    from postern.ports import PolicySource

PUBLIC = frozenset({"/healthz", "/openapi.json", "/.well-known/oauth-protected-resource"})


def public_answer(event: http.Event, policy: PolicySource) -> http.Response:
    """The answer to one of the public routes."""
    if event["resource"] == "/healthz":
        return http.json_answer(200, {"status": "ok"})
    if event["resource"] == "/openapi.json":
        return http.answer(200, openapi.description())
    issuers = policy.load().issuers
    return http.json_answer(
        200,
        {
            "resource": request_url(event).removesuffix(event["resource"]),
            "authorization_servers": [rules.issuer for rules in issuers],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": sorted(ALGORITHMS),
            "dpop_bound_access_tokens_required": all(rules.requires_proof for rules in issuers),
            "resource_name": "Postern",
        },
    )
