"""Claim tables of directories that know people and machines: Okta, Entra ID, Auth0, Cognito; and the generic one.

Under its plain name a preset admits machines only: tokens that a client got with its own credentials. Under
`<name>-people` it admits people as well, for approvers; the operator's groups then say who is who.
"""

from __future__ import annotations

from dataclasses import replace

from postern.identity.claim_rules import Requirement, pattern
from postern.identity.presets import Binding, Preset

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GUID_STRANGERS = ("00000000-0000-4000-8000-00000000dead",)
_CLIENT = r"[A-Za-z0-9_-]+"
_STRANGER = ("stranger",)
_ACCESS = ("access_token",)  # their tables ask for claims that no ID token has
_PEOPLE = "; bind whom you mean, and tell agents from people by groups"

OKTA_PEOPLE = Preset(
    name="okta-people",
    about=f"Okta, access tokens of a custom authorization server, people too{_PEOPLE}",
    # Tokens of the org's own server are for Okta alone, and their key set may change without notice.
    issuers=r"https://[a-z0-9][a-z0-9.-]*/oauth2/[A-Za-z0-9]+",
    example="https://acme.okta.com/oauth2/default",
    algorithms=frozenset({"RS256"}),
    types=frozenset({"absent", "at+jwt"}),
    bind=(
        Binding("cid", _STRANGER),
        Binding("groups", ()),
        Binding("uid", _STRANGER),
        Binding(
            "sub",
            (
                *("stranger", "stranger@stranger.example", "{}@stranger.example"),
                *("stranger@stranger{}.{}", "stranger@stranger{}.{}.{}"),
            ),
        ),
    ),
    require=(Requirement("ver", (1,)),),
    match=(pattern("cid", _CLIENT),),  # an ID token has none
    attributes={"client": "cid", "uid": "uid"},
    lists=frozenset({"scp", "groups"}),
    people_tokens=_ACCESS,
)

OKTA = replace(
    OKTA_PEOPLE,
    name="okta",
    about="Okta, machines: access tokens of a custom authorization server by client credentials",
    bind=(Binding("cid", _STRANGER), Binding("sub", _STRANGER)),
    absent=("uid",),
    attributes={"client": "cid"},
    people_tokens=(),
)

ENTRA_PEOPLE = Preset(
    name="entra-people",
    about=f"Microsoft Entra ID, v2.0 access tokens, people too{_PEOPLE}",
    # A tenant by its id, so neither `common` nor `organizations`: those would be every tenant in the world.
    issuers=rf"https://login\.(microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn)/(?P<tid>{_GUID})/v2\.0",
    example="https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0",
    algorithms=frozenset({"RS256"}),
    types=frozenset({"jwt"}),
    bind=(
        Binding("azp", _GUID_STRANGERS),
        Binding("roles", ()),
        Binding("groups", ()),
        Binding("oid", _GUID_STRANGERS),
    ),
    require=(Requirement("ver", ("2.0",)),),
    match=(pattern("azp", _GUID), pattern("oid", _GUID)),  # an ID token has no `azp`
    # Where a person is in too many groups the token names none and points elsewhere: a `forbid` would not see them.
    absent=("_claim_names", "hasgroups"),
    attributes={"client": "azp", "object_id": "oid", "tenant": "tid", "preferred_username": "preferred_username"},
    lists=frozenset({"roles", "groups", "wids"}),
    people_tokens=_ACCESS,
    needs_api_scope=True,
)

ENTRA = replace(
    ENTRA_PEOPLE,
    name="entra",
    about="Microsoft Entra ID, machines: v2.0 access tokens by client credentials or managed identity",
    absent=(*ENTRA_PEOPLE.absent, "scp"),  # only tokens of a person have scopes
    attributes={"client": "azp", "object_id": "oid", "tenant": "tid"},
    people_tokens=(),
)

AUTH0_PEOPLE = Preset(
    name="auth0-people",
    about=f"Auth0, access tokens for an API, people too{_PEOPLE}",
    issuers=r"https://[a-z0-9][a-z0-9.-]*/",  # with the slash at its end, as Auth0 writes it
    example="https://acme.eu.auth0.com/",
    algorithms=frozenset({"RS256", "PS256"}),
    types=frozenset({"jwt", "at+jwt"}),
    # Not the client: where people may sign up by themselves, its tokens are anybody's.
    bind=(
        Binding("org_id", _STRANGER),
        Binding("permissions", ()),
        Binding("sub", ("auth0|stranger", "stranger@clients", "{}|stranger")),
    ),
    attributes={"client": "azp", "client_id": "client_id", "org_id": "org_id"},
    lists=frozenset({"permissions"}),
    namespaced_bind=True,
    people_tokens=_ACCESS,
    openid_adds_audience=True,
    audience_parameter="audience",  # without it the access token is opaque
)

AUTH0 = replace(
    AUTH0_PEOPLE,
    name="auth0",
    about="Auth0, machines: access tokens for an API by client credentials",
    bind=(Binding("azp", _STRANGER), Binding("client_id", _STRANGER), *AUTH0_PEOPLE.bind),
    # A person's subject is `connection|id`, so none can look like this.
    match=(pattern("sub", rf"{_CLIENT}@clients"),),
    people_tokens=(),
)

COGNITO_PEOPLE = Preset(
    name="cognito-people",
    about=f"Amazon Cognito user pool, access tokens, people too{_PEOPLE}",
    issuers=r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9-]+_[A-Za-z0-9]+",
    example="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
    algorithms=frozenset({"RS256"}),
    types=frozenset({"absent"}),
    # Access tokens name the client they were made for and no audience; a scope of our own does as well.
    audience_claims=("client_id", "scope"),
    bind=(Binding("cognito:groups", ()), Binding("username", _STRANGER), Binding("sub", _GUID_STRANGERS)),
    require=(Requirement("token_use", ("access",)),),
    match=(pattern("client_id", _CLIENT),),
    attributes={"client": "client_id", "username": "username"},
    lists=frozenset({"cognito:groups"}),
    people_tokens=_ACCESS,
)

COGNITO = replace(
    COGNITO_PEOPLE,
    name="cognito",
    about="Amazon Cognito user pool, machines: access tokens by client credentials",
    bind=(Binding("client_id", _STRANGER), Binding("sub", _STRANGER)),
    absent=("username", "cognito:groups", "origin_jti"),
    attributes={"client": "client_id"},
    people_tokens=(),
)

GENERIC = Preset(
    name="generic",
    about="any other issuer of JWTs: say yourself what its tokens must hold",
    issuers=r"https://.+",
    example="https://issuer.acme.example",
    algorithms=frozenset({"RS256", "PS256", "ES256", "EdDSA"}),
    types=frozenset({"jwt", "at+jwt"}),
    bind=(),
    people_tokens=("access_token", "id_token"),
)

DIRECTORIES = (OKTA, OKTA_PEOPLE, ENTRA, ENTRA_PEOPLE, AUTH0, AUTH0_PEOPLE, COGNITO, COGNITO_PEOPLE, GENERIC)
