"""The caller's token, taken out of its header to be sent on as it is. The gateway's authorizer has verified it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postern.edges import http
from postern.errors import BadRequest
from postern.types import Secret

if TYPE_CHECKING:
    from postern.edges.http import Event

MAX_TOKEN_CHARACTERS = 16_384
# RFC 6750 section 2.1. Nothing in it can end a header's line.
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")


def bearer_token(event: Event) -> Secret:
    """Raises `BadRequest` where the header does not hold one bearer token."""
    sent = http.header(event, "Authorization") or ""
    if sent[:5].lower() == "dpop ":
        # The proof that came with it is for the URL of /mcp and used up: no call of the API can be made with it.
        raise BadRequest(
            "request.invalid",
            "Authorization: expected Bearer, got DPoP: a token that is bound to a key cannot be sent on. Use the HTTPS"
            " API itself, or a token that is not bound",
        )
    found = _BEARER.fullmatch(sent)
    if found is None or len(found[1]) > MAX_TOKEN_CHARACTERS:
        raise BadRequest("request.invalid", "Authorization: expected Bearer and one token, got another form")
    return Secret(found[1])
