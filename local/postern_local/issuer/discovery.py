"""What the issuer says of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2)."""

from __future__ import annotations

from collections.abc import Iterable

from postern_local.issuer.clients import Grant
from postern_local.issuer.pkce import METHOD

JWKS = "/jwks.json"
AUTHORIZE = "/authorize"
TOKEN = "/token"
DEVICE = "/device"
DEVICE_AUTHORIZATION = "/device_authorization"
PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def discovery(url: str, scopes: Iterable[str]) -> dict[str, object]:
    """The document at both of `PATHS`."""
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}{AUTHORIZE}",
        "token_endpoint": f"{url}{TOKEN}",
        "device_authorization_endpoint": f"{url}{DEVICE_AUTHORIZATION}",
        "jwks_uri": f"{url}{JWKS}",
        "scopes_supported": sorted(scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [grant.value for grant in Grant],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": [METHOD],
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
