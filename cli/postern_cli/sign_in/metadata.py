"""What a gate says of itself (RFC 9728): its own address, the issuers it believes, and how people sign in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import SplitResult

import msgspec
from msgspec import Meta

from postern_cli.gate.address import format_address, parse_address
from postern_cli.gate.exchange import exchange
from postern_cli.stop import Exit, Stop

_PATH = "/.well-known/oauth-protected-resource"
_Text = Annotated[str, Meta(min_length=1, max_length=1000)]


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people get a token of one issuer, and which of the tokens it is.

    `device_client_id` is the client for devices, where it is another; `parameters` are the issuer's own, which it wants
    beside those of the RFC. `origins` are where its endpoints may be besides its own.
    """

    name: _Text
    issuer: _Text
    client_id: _Text
    scopes: list[_Text]
    token: Literal["access_token", "id_token"]
    device_client_id: _Text | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    origins: list[_Text] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Metadata:
    """The gate's answer, as far as it is about signing in."""

    resource: str
    authorization_servers: list[str]
    postern_sign_in: list[SignIn] = field(default_factory=list)


def fetch_metadata(base: SplitResult) -> Metadata:
    """What the gate says. Raises `Stop` where it does not answer, or answers for another address (RFC 9728, 3.3)."""
    url = base._replace(path=base.path.rstrip("/") + _PATH)
    reply = exchange("GET", url)
    if reply.status != 200:
        raise Stop(
            Exit.UNKNOWN,
            f"{base.netloc}: expected what a gate says of itself, got status {reply.status}; is the address right?",
        )
    try:
        found = msgspec.json.decode(reply.body, type=Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Stop(Exit.UNKNOWN, f"{base.netloc}: expected what a gate says of itself, got something else") from error
    said = parse_address(found.resource)
    if said is None or format_address(said) != format_address(base):
        raise Stop(
            Exit.REFUSED,
            f"{base.netloc}: expected a gate of this address, got one that says it is {found.resource[:200]!r};"
            " give that address, if it is the one that you were told",
        )
    return found
