"""What anyone may read: that the gate answers, its contract, and which issuers it trusts (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from postern.edges import http
from postern.edges.authorizer import request_url
from postern.edges.sign_in_list import sign_in_list
from postern.identity.issuers import ALGORITHMS, IssuerRules

if TYPE_CHECKING:
    from postern.ports import PolicySource

# RFC 9728 section 3.1 puts a resource's own path behind the well-known one. API Gateway owns the root of its hosts,
# so both stand behind the stage; a client follows the URL that a 401 gives it.
METADATA = "/.well-known/oauth-protected-resource"
MCP = "/mcp"
PUBLIC = frozenset({"/healthz", "/openapi.json", METADATA, METADATA + MCP})


def public_answer(event: http.Event, policy: PolicySource) -> http.Response:
    """The answer to one of the public routes."""
    if event["resource"] == "/healthz":
        return http.json_answer(200, {"status": "ok"})
    if event["resource"] == "/openapi.json":
        from postern.edges import openapi  # every contract of the API: no other call needs them all

        return http.answer(200, openapi.description())
    resource = request_url(event).removesuffix(event["resource"]) + event["resource"].removeprefix(METADATA)
    return http.json_answer(200, _metadata(resource, policy.load().issuers))


def _metadata(resource: str, issuers: Iterable[IssuerRules]) -> dict[str, object]:
    listed = list(issuers)
    scopes = {scope for rules in listed if rules.sign_in is not None for scope in rules.sign_in.scopes}
    # What a client may ask for, so that this resource is open to it; how long it stays signed in is another matter.
    scopes.discard("offline_access")
    metadata: dict[str, object] = {
        "resource": resource,
        "authorization_servers": [rules.issuer for rules in listed],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": sorted(ALGORITHMS),
        "dpop_bound_access_tokens_required": all(rules.requires_proof for rules in listed),
        "resource_name": "Postern",
        "postern_sign_in": sign_in_list(listed),
    }
    return metadata | ({"scopes_supported": sorted(scopes)} if scopes else {})
