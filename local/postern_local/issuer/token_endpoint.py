"""The token endpoint (RFC 6749 section 3.2): a grant in, tokens out, or an error in the standard's words.

A confidential client says who it is by its secret, in the header or the form, never both; a public one names itself and
must not have one. Everything that a grant is bound to is looked at where the grant is kept.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from postern_local.issuer.authorization import unknown_scopes
from postern_local.issuer.clients import Client, Grant
from postern_local.issuer.codes import Codes
from postern_local.issuer.consent import Consent
from postern_local.issuer.devices import Devices, Waiting
from postern_local.issuer.parameters import Parameters
from postern_local.issuer.people import Person
from postern_local.issuer.refresh import RefreshTokens

TTL_S = 3_600

Sign = Callable[[Person, str, Mapping[str, object], int], str]  # whom, the audience, further claims, seconds to live


class TokenError(Exception):
    """Raised when there is no token: an error of RFC 6749 section 5.2 or RFC 8628 section 3.5."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error, description, status)
        self.error, self.description, self.status = error, description, status


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """The endpoint, over what was granted."""

    clients: Mapping[str, Client]
    scopes: frozenset[str]
    audience: str
    codes: Codes
    devices: Devices
    refresh: RefreshTokens
    sign: Sign

    def answer(self, sent: Parameters, authorization: str | None) -> dict[str, object]:
        """The answer's body. Raises `TokenError`."""
        client = self.client(sent, authorization)
        match sent.get("grant_type"):
            case Grant.CODE:
                return self._for_person(client, self._by_code(client, sent))
            case Grant.DEVICE:
                return self._for_person(client, self._by_device(client, sent))
            case Grant.REFRESH:
                return self._for_person(client, self._by_refresh(client, sent))
            case Grant.CREDENTIALS:
                return self._for_client(client, sent)
            case _:
                raise TokenError("unsupported_grant_type", f"grant_type: expected one of {', '.join(Grant)}")

    def client(self, sent: Parameters, authorization: str | None) -> Client:
        """Who asks, shown to be who it says. Raises `TokenError`."""
        if sent.repeated:
            raise TokenError("invalid_request", "a parameter was sent more than once")
        client_id, secret = sent.get("client_id"), sent.get("client_secret")
        if authorization is not None:
            named = _basic(authorization)
            if named is None or secret is not None or client_id not in (None, named[0]):
                raise TokenError("invalid_client", "client: expected one way to say who asks, Basic or the form", 401)
            client_id, secret = named
        client = self.clients.get(client_id or "")
        if client is None or not client.is_authentic(secret):
            raise TokenError("invalid_client", "client: expected a known one, with its secret where it has one", 401)
        return client

    def _by_code(self, client: Client, sent: Parameters) -> Consent:
        _expect(client, Grant.CODE)
        code, redirect_uri, verifier = (sent.get(name) or "" for name in ("code", "redirect_uri", "code_verifier"))
        consent = self.codes.redeem(code, client_id=client.id, redirect_uri=redirect_uri, verifier=verifier)
        if consent is None:
            raise TokenError(
                "invalid_grant", "code: expected a fresh one of this client's, its redirect_uri and its code_verifier"
            )
        return consent

    def _by_device(self, client: Client, sent: Parameters) -> Consent:
        _expect(client, Grant.DEVICE)
        polled = self.devices.poll(sent.get("device_code") or "", client.id)
        if isinstance(polled, Waiting):
            raise TokenError(polled.value, _WAITING[polled])
        return polled

    def _by_refresh(self, client: Client, sent: Parameters) -> Consent:
        _expect(client, Grant.REFRESH)
        consent = self.refresh.redeem(sent.get("refresh_token") or "", client_id=client.id)
        if consent is None:
            raise TokenError("invalid_grant", "refresh_token: expected this client's latest: sign in again")
        if not set((sent.get("scope") or "").split()) <= set(consent.scopes):
            raise TokenError("invalid_scope", "scope: expected no more than was consented to")
        return consent

    def _for_person(self, client: Client, consent: Consent) -> dict[str, object]:
        answer = self._access(client, consent.person, consent.scopes)
        if "openid" in consent.scopes:
            about: dict[str, object] = {"auth_time": consent.given_at_s}
            if consent.nonce is not None:
                about["nonce"] = consent.nonce
            answer["id_token"] = self.sign(consent.person, client.id, about, TTL_S)
        if "offline_access" in consent.scopes and Grant.REFRESH in client.grants:
            answer["refresh_token"] = self.refresh.give(consent)
        return answer

    def _for_client(self, client: Client, sent: Parameters) -> dict[str, object]:
        _expect(client, Grant.CREDENTIALS)
        if client.secret is None or client.stands_for is None:  # RFC 6749 section 4.4: confidential clients only
            raise TokenError("unauthorized_client", "client_credentials: expected a client with a secret")
        if unknown_scopes(sent.get("scope"), self.scopes):
            raise TokenError("invalid_scope", f"scope: expected some of {' '.join(sorted(self.scopes))}")
        return self._access(client, client.stands_for, tuple((sent.get("scope") or "").split()))

    def _access(self, client: Client, person: Person, scopes: tuple[str, ...]) -> dict[str, object]:
        about: dict[str, object] = {"client_id": client.id}
        if scopes:
            about["scope"] = " ".join(scopes)
        return {
            "access_token": self.sign(person, self.audience, about, TTL_S),
            "token_type": "Bearer",
            "expires_in": TTL_S,
            "scope": " ".join(scopes),
        }


_WAITING = {
    Waiting.PENDING: "nobody has answered yet: ask again after the interval",
    Waiting.SLOW_DOWN: "asked too often: wait five seconds longer between two calls from now on",
    Waiting.EXPIRED: "nobody answered in time: begin anew",
    Waiting.DENIED: "the person said no",
    Waiting.UNKNOWN: "device_code: expected one of this client's, not yet used",
}


def _expect(client: Client, grant: Grant) -> None:
    if grant not in client.grants:
        raise TokenError("unauthorized_client", f"client: expected one that may use {grant.value}")


def _basic(authorization: str) -> tuple[str, str] | None:
    """Client and secret of HTTP Basic, each form-encoded as RFC 6749 section 2.3.1 has it."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (unquote_plus(name), unquote_plus(secret)) if colon else None
