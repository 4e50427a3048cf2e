"""How people sign in, as the gate tells it: to the console in its configuration, to programs in its metadata."""

from __future__ import annotations

from collections.abc import Iterable

from postern.identity.issuers import IssuerRules


def sign_in_list(issuers: Iterable[IssuerRules]) -> list[dict[str, object]]:
    """How people sign in with each issuer that says so. `parameters` are added to an authorization request."""
    return [
        {
            "name": rules.name,
            "issuer": rules.issuer,
            "client_id": ask.client_id,
            "device_client_id": ask.device_client_id,
            "scopes": list(ask.scopes),
            "token": ask.token.value,
            "origins": list(ask.origins),
            "parameters": {} if ask.audience_parameter is None else {ask.audience_parameter: rules.audience},
        }
        for rules in issuers
        if (ask := rules.sign_in) is not None
    ]
