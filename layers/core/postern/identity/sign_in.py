"""How people sign in with an issuer: what the console and `postern login` ask it for, and which token they send here.

    sign_in:
      client_id: 0oa1b2c3d4            # the public client that the operator registered at the issuer
      device_client_id: 0oa9z8y7x6     # optional: another one for `postern login`, where the issuer wants two
      scopes: [openid, offline_access] # default [openid]
      token: access_token              # default; or id_token
      audience_parameter: audience     # optional: audience or resource, where the issuer asks whom the token is for
      origins: [https://acme.auth.eu-west-1.amazoncognito.com]   # optional: where else its endpoints stand

Nothing here admits anybody: the token that comes of it is verified as any other. What is checked is that it can be
admitted, as far as the entry tells. An ID token is for the client that asked for it (OpenID Connect Core 1.0
section 2), so its client is the entry's audience; so is the client of an access token that names no other audience.
All of it is public: a client of people has no secret, and the gate tells the entry to whoever asks (RFC 9728).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from postern.identity.claim_rules import Pattern, Requirement
from postern.identity.presets import Preset
from postern.yaml_lines import Node

FIELDS = ("client_id", "device_client_id", "scopes", "token", "audience_parameter", "origins")
AUDIENCE_PARAMETERS = ("audience", "resource")  # the second is RFC 8707's
CLIENT_ID = r"[\x21-\x7e]{1,255}"  # RFC 6749 appendix A.1, without spaces
SCOPE = r"[\x21\x23-\x5b\x5d-\x7e]{1,255}"  # RFC 6749 appendix A.4
MAX_SCOPES = 20
MAX_ORIGINS = 4
ORIGIN = r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?"  # as a browser writes it (RFC 6454 section 6.2)
CLIENT_CLAIMS = ("client_id", "azp", "cid")  # where an access token names the client that asked for it
OPENID_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})

_CLIENT_FORM = "1 to 255 printable ASCII characters without spaces"


class SentToken(StrEnum):
    """Which of the issuer's tokens is sent to the gate."""

    ACCESS_TOKEN = "access_token"
    ID_TOKEN = "id_token"


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is asked of an issuer."""

    client_id: str
    device_client_id: str
    scopes: tuple[str, ...]
    token: SentToken
    audience_parameter: str | None  # of the authorization request; its value is the entry's audience
    origins: tuple[str, ...] = ()  # beside the issuer's own, those that a token may be asked at


@dataclass(frozen=True, slots=True)
class Expected:
    """What the rest of the entry expects of a token."""

    audience: str
    audience_claim: str
    types: frozenset[str]
    requires_proof: bool
    preset: Preset | None
    require: tuple[Requirement, ...]  # the preset's among them
    match: tuple[Pattern, ...]


def parse_sign_in(node: Node, expected: Expected) -> SignIn:
    """What the node says. Raises `PolicyFileError` at its line where no token that comes of it could be admitted."""
    node.only(FIELDS)
    client_id = _matching(node.required("client_id"), CLIENT_ID, _CLIENT_FORM)
    device = node.optional("device_client_id")
    sign_in = SignIn(
        client_id=client_id,
        device_client_id=client_id if device is None else _matching(device, CLIENT_ID, _CLIENT_FORM),
        scopes=_scopes(node),
        token=_token(node),
        audience_parameter=_audience_parameter(node, expected.preset),
        origins=_origins(node),
    )
    _check_people(node, sign_in, expected)
    _check_audience(node, sign_in, expected)
    if sign_in.token is SentToken.ACCESS_TOKEN:
        _check_clients(node, expected)
    return sign_in


def is_for_client(sign_in: SignIn, audience_claim: str) -> bool:
    """Whether the token that is sent names the client as whom it is for, so that the client is the entry's audience."""
    return sign_in.token is SentToken.ID_TOKEN or audience_claim in CLIENT_CLAIMS


def _matching(node: Node, pattern: str, expected: str) -> str:
    text = node.text()
    if re.fullmatch(pattern, text) is None:
        raise node.wrong(f"expected {expected}, got {text[:60]!r}")
    return text


def _scopes(node: Node) -> tuple[str, ...]:
    field = node.optional("scopes")
    if field is None:
        return ("openid",)
    scopes: list[str] = []
    for item in field.sequence():
        scope = _matching(item, SCOPE, "a scope of RFC 6749: printable ASCII, no spaces, quotes or backslashes")
        if scope in scopes:
            raise item.wrong(f"expected each scope once, got {scope!r} twice")
        scopes.append(scope)
    if not 1 <= len(scopes) <= MAX_SCOPES:
        raise field.wrong(f"expected 1 to {MAX_SCOPES} scopes, got {len(scopes)}")
    return tuple(scopes)


def _token(node: Node) -> SentToken:
    field = node.optional("token")
    if field is None:
        return SentToken.ACCESS_TOKEN
    if field.text() not in set(SentToken):
        raise field.wrong(f"expected {' or '.join(SentToken)}, got {field.text()[:60]!r}")
    return SentToken(field.text())


def _audience_parameter(node: Node, preset: Preset | None) -> str | None:
    field = node.optional("audience_parameter")
    if field is None:
        return None if preset is None else preset.audience_parameter
    if field.text() not in AUDIENCE_PARAMETERS:
        raise field.wrong(f"expected {' or '.join(AUDIENCE_PARAMETERS)}, got {field.text()[:60]!r}")
    return field.text()


def _origins(node: Node) -> tuple[str, ...]:
    """Where the console's page may send a code to: each is one more that could keep it, so each is named."""
    field = node.optional("origins")
    if field is None:
        return ()
    origins = tuple(
        _matching(item, ORIGIN, "an https origin such as https://login.acme.example") for item in field.sequence()
    )
    if len(set(origins)) != len(origins) or not 1 <= len(origins) <= MAX_ORIGINS:
        raise field.wrong(f"expected 1 to {MAX_ORIGINS} origins, each once, got {len(origins)}")
    return origins


def _check_people(node: Node, sign_in: SignIn, expected: Expected) -> None:
    """Whether a person's token can pass at all."""
    if expected.requires_proof:
        raise node.wrong(
            "`dpop: required` refuses tokens without a key, and those of a sign-in have none: leave one out"
        )
    preset = expected.preset
    if preset is None:
        return
    if not preset.people_tokens:
        raise node.wrong(f"preset `{preset.name}` admits no people: expected no sign_in, or a preset that admits them")
    if sign_in.token not in preset.people_tokens:
        accepted = " or ".join(preset.people_tokens)
        raise (node.optional("token") or node).wrong(
            f"expected what preset `{preset.name}` admits ({accepted}), got another"
        )
    if preset.openid_adds_audience and "openid" in sign_in.scopes:
        raise (node.optional("scopes") or node).wrong(
            "with `openid` the token is for the directory too, and refused: expected scopes of your API alone"
        )
    if preset.needs_api_scope and OPENID_SCOPES.issuperset(sign_in.scopes):
        raise (node.optional("scopes") or node).wrong(
            "expected a scope of your API among them: with these alone the token is for the directory's own API"
        )


def _check_clients(node: Node, expected: Expected) -> None:
    """Whether the entry's rows about the client admit the clients that people sign in by."""
    for name in ("client_id", "device_client_id"):
        field = node.optional(name)
        if field is None:
            continue
        broken = [str(row) for row in expected.require if row.claim in CLIENT_CLAIMS and field.text() not in row.any_of]
        broken += [str(row) for row in expected.match if row.claim in CLIENT_CLAIMS and not row.matches(field.text())]
        if broken:
            raise field.wrong(f"expected a client that the entry admits ({broken[0]}), got another")


def _check_audience(node: Node, sign_in: SignIn, expected: Expected) -> None:
    """Whether the token's audience can be the entry's."""
    if sign_in.token is SentToken.ID_TOKEN:
        if expected.audience_claim != "aud":
            raise node.required("token").wrong(
                "an ID token names its audience in `aud`: expected no other audience_claim"
            )
        if not expected.types & {"jwt", "absent"}:
            raise node.required("token").wrong("an ID token's `typ` is JWT or none: expected one of them in `typ`")
    if expected.audience_claim == "scope" and sign_in.scopes != (expected.audience,):
        detail = "the token's whole `scope` is its audience: expected the entry's audience and no other scope"
        raise (node.optional("scopes") or node).wrong(detail)
    if not is_for_client(sign_in, expected.audience_claim):
        return
    for name in ("client_id", "device_client_id"):
        field = node.optional(name)
        if field is not None and field.text() != expected.audience:
            raise field.wrong(
                f"this {sign_in.token} is for the client that asked for it:"
                " expected the entry's `audience`, got another (or make the client the audience)"
            )
