"""An authorization request (RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2.1) as RFC 9700 wants it.

1. The client is known and the redirect URI is, letter for letter, one of its own. Otherwise nobody is sent anywhere.
2. What else is wrong is told to the client, by the redirect.
3. `code` only, and never without PKCE by S256: no way leads to a code that can be used without its verifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from postern_local.issuer.clients import Client, Grant
from postern_local.issuer.parameters import Parameters
from postern_local.issuer.pkce import METHOD, is_challenge

_MAX_TEXT = 2_048  # of state and nonce, which are kept


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a person may answer."""

    client: Client
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is told to the client instead."""

    redirect_uri: str
    state: str | None
    error: str  # RFC 6749 section 4.1.2.1
    description: str


class Unaddressed(Exception):
    """Raised when a request names nobody to whom an answer could go. The text is for the person."""


def parse_authorization(sent: Parameters, clients: Mapping[str, Client], scopes: frozenset[str]) -> Asked | Refusal:
    """What the request asks, of these clients and scopes. Raises `Unaddressed`."""
    client = clients.get(sent.get("client_id") or "")
    if client is None or Grant.CODE not in client.grants:
        raise Unaddressed("client_id: expected a client that people sign in to, got another")
    redirect_uri = sent.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise Unaddressed("redirect_uri: expected one that is registered for this client, letter for letter")
    state = sent.get("state")
    wrong = _wrong(sent, scopes)
    if wrong is not None:
        return Refusal(redirect_uri, state if len(state or "") <= _MAX_TEXT else None, *wrong)
    return Asked(
        client=client,
        redirect_uri=redirect_uri,
        challenge=sent.get("code_challenge") or "",
        scopes=tuple((sent.get("scope") or "").split()),
        state=state,
        nonce=sent.get("nonce"),
    )


def with_answer(redirect_uri: str, state: str | None, issuer: str, answer: Mapping[str, str]) -> str:
    """Where the person is sent: the answer, the client's own state, and who answers (RFC 9207)."""
    echoed = {} if state is None else {"state": state}
    joint = "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{joint}{urlencode({**answer, **echoed, 'iss': issuer})}"


def unknown_scopes(scope: str | None, known: frozenset[str]) -> bool:
    """Whether any of the scopes asked for is none of these."""
    return not known.issuperset((scope or "").split())


def _wrong(sent: Parameters, scopes: frozenset[str]) -> tuple[str, str] | None:
    """An error and its description, in the order in which a client would want to know."""
    if sent.repeated:
        return "invalid_request", "a parameter was sent more than once"
    if len(sent.get("state") or "") > _MAX_TEXT or len(sent.get("nonce") or "") > _MAX_TEXT:
        return "invalid_request", f"state and nonce: expected at most {_MAX_TEXT} characters"
    if sent.get("request") is not None:
        return "request_not_supported", "request: expected parameters, got a request object"
    if sent.get("request_uri") is not None:
        return "request_uri_not_supported", "request_uri: expected parameters, got a reference"
    if sent.get("response_type") != "code":
        return "unsupported_response_type", "response_type: expected code"
    if sent.get("response_mode") not in (None, "query"):
        return "invalid_request", "response_mode: expected query"
    if sent.get("code_challenge_method") != METHOD or not is_challenge(sent.get("code_challenge") or ""):
        return "invalid_request", "code_challenge: expected one of 43 characters, with code_challenge_method=S256"
    if unknown_scopes(sent.get("scope"), scopes):
        return "invalid_scope", f"scope: expected some of {' '.join(sorted(scopes))}"
    if "none" in (sent.get("prompt") or "").split():
        return "login_required", "prompt: nobody stays signed in here, expected to be able to ask"
    return None
