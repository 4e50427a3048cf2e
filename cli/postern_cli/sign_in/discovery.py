"""An issuer's endpoints, as its own discovery document names them (OpenID Connect Discovery 1.0, RFC 8414)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import msgspec

from postern_cli.gate.address import is_loopback, origin_of, parse_address
from postern_cli.gate.exchange import Reply, exchange
from postern_cli.stop import Exit, Stop

_PATH = "/.well-known/openid-configuration"
_SHOWN = 200  # characters of what an issuer says


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where an issuer takes requests; None for what it does not offer."""

    issuer: str
    token: SplitResult
    device: SplitResult | None
    revocation: SplitResult | None
    takes_basic: bool  # a client's secret in the Authorization header, as RFC 6749 wants it


def fetch_endpoints(issuer: str, origins: Collection[str] | None) -> Endpoints:
    """The endpoints of the issuer, at its own origin or one of `origins`; None takes any that the issuer names.

    Raises `Stop` where they cannot be had.

    A document that names another issuer is refused: who answers could otherwise have us send secrets of one issuer to
    another (RFC 8414, section 3.3; the mix-up attack).
    """
    base = parse_address(issuer)
    if base is None:
        raise Stop(Exit.REFUSED, f"issuer: expected an https address, got {issuer[:_SHOWN]!r}")
    reply = exchange("GET", base._replace(path=base.path.rstrip("/") + _PATH))
    if reply.status != 200:
        raise Stop(Exit.UNKNOWN, f"{issuer}: expected its discovery document, got status {reply.status}")
    document = _object(reply, issuer)
    if document.get("issuer") != issuer:
        raise Stop(
            Exit.REFUSED,
            f"{issuer}: expected its own discovery document, got one of {str(document.get('issuer'))[:_SHOWN]!r}",
        )
    allowed = None if origins is None else {origin_of(base), *origins}
    token = _endpoint(document, "token_endpoint", base, allowed)
    if token is None:
        raise Stop(Exit.REFUSED, f"{issuer}: expected a token_endpoint in its discovery document, got none")
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        issuer,
        token,
        _endpoint(document, "device_authorization_endpoint", base, allowed),
        _endpoint(document, "revocation_endpoint", base, allowed),
        takes_basic=isinstance(methods, list) and "client_secret_basic" in methods,
    )


def post_form(
    issuer: str, url: SplitResult, form: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object that the issuer answers to a form. Raises `Stop` where it answers none."""
    reply = send_form(url, form, headers)
    return reply.status, _object(reply, issuer)


def send_form(url: SplitResult, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Reply:
    """The answer to a form, whatever it is. Raises `Stop` where none came."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return exchange("POST", url, headers=sent, payload=urlencode(form).encode())


def refusal(issuer: str, said: Mapping[str, Any]) -> str:
    """Why an issuer refused, in its own words as far as they are short (RFC 6749, section 5.2)."""
    words = [said[name][:_SHOWN] for name in ("error", "error_description") if isinstance(said.get(name), str)]
    return f"{issuer}: refused: {': '.join(words) or 'it does not say why'}"


def _object(reply: Reply, issuer: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(reply.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Stop(
            Exit.UNKNOWN, f"{issuer}: expected a JSON object, got something else (status {reply.status})"
        ) from error


def _endpoint(
    document: Mapping[str, Any], name: str, base: SplitResult, allowed: Collection[str] | None
) -> SplitResult | None:
    """The endpoint, which is https as the issuer is; on this machine it may be http."""
    given = document.get(name)
    if given is None:
        return None
    parts = parse_address(given.partition("?")[0]) if isinstance(given, str) else None
    if parts is None or (is_loopback(parts) and not is_loopback(base)):
        raise Stop(Exit.REFUSED, f"{base.netloc}: expected an https address as {name}, got {str(given)[:_SHOWN]!r}")
    if allowed is not None and origin_of(parts) not in allowed:
        where = "at the issuer, or where its `sign_in.origins` allows"
        raise Stop(Exit.REFUSED, f"{base.netloc}: expected {name} {where}, got {origin_of(parts)}")
    return parts._replace(query=urlsplit(given).query)
