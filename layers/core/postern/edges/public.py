"""What anyone may read: that the gate answers, its contract, and which issuers it trusts (RFC 9728)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postern.edges import http, openapi

if TYPE_CHECKING:
    from postern.ports import PolicySource

PUBLIC = frozenset({"/healthz", "/openapi.json", "/.well-known/oauth-protected-resource"})


def public_answer(event: http.Event, policy: PolicySource) -> http.Response:
    """The answer to one of the public routes."""
    if event["resource"] == "/healthz":
        return http.json_answer(200, {"status": "ok"})
    if event["resource"] == "/openapi.json":
        return http.answer(200, openapi.description())
    issuers = [rules.issuer for rules in policy.load().issuers]
    return http.json_answer(
        200,
        {
            "resource": _base_url(event),
            "authorization_servers": issuers,
            "bearer_methods_supported": ["header"],
            "resource_name": "Postern",
        },
    )


def _base_url(event: http.Event) -> str:
    context = event.get("requestContext") or {}
    scheme = http.header(event, "X-Forwarded-Proto") or "https"
    path, resource = context.get("path") or event["resource"], event["resource"]
    return f"{scheme}://{context.get('domainName', '')}{path.removesuffix(resource)}"
