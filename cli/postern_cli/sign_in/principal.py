"""Who the gate takes a caller for: `GET /v1/principal`."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern_cli.gate.client import ApiClient
from postern_cli.gate.shapes import convert_answer

_PATH = "/v1/principal"


@dataclass(frozen=True, slots=True)
class May:
    """The databases where the caller may do each."""

    approve: list[str] = field(default_factory=list)
    revoke: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PrincipalAnswer:
    """The caller, as its token said and the gate understood."""

    principal: str
    issuer: str
    subject: str
    on_behalf_of: str | None
    groups: list[str]
    token_expires_at_s: int | None
    may: May


def fetch_principal(client: ApiClient) -> PrincipalAnswer:
    """Raises `Stop` where the gate does not take the token, or does not answer."""
    return convert_answer(client.call("GET", _PATH).body, PrincipalAnswer)
