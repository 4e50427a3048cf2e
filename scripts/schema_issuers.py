"""The JSON schema of issuers.yaml, from the parser's own tables and the presets."""

from __future__ import annotations

import re
from typing import Any

from postern.identity.issuers import ALGORITHMS, FIELDS, MAX_LEEWAY_S
from postern.identity.preset_use import PRESETS
from postern.identity.presets import Preset
from postern.identity.sign_in import AUDIENCE_PARAMETERS, CLIENT_ID, MAX_ORIGINS, MAX_SCOPES, ORIGIN, SCOPE, SentToken
from postern.identity.sign_in import FIELDS as SIGN_IN_FIELDS

Schema = dict[str, Any]

_STEP = "([^~/]|~[01])+"
# As `identity.claims` has it: a plain name, a pointer of two steps or more, or one to a name that begins with a slash.
CLAIM = f"^([^/].*|/{_STEP}(/{_STEP})+|/~1([^~/]|~[01])*)$"
_NAMED = re.compile(r"\(\?P<[a-z_]+>")  # editors' patterns name no groups
_PLAIN = {"type": "string", "minLength": 1, "maxLength": 255}
_CLAIM = {"type": "string", "pattern": CLAIM, "maxLength": 255}
_SCALAR = {"type": ["string", "integer", "boolean"], "minLength": 1}
_VALUE = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
_TABLE = {"type": "object", "propertyNames": {"pattern": CLAIM, "maxLength": 255}}
_GROUP = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "when"],
    "properties": {
        "name": _PLAIN,
        "when": {**_TABLE, "additionalProperties": _VALUE, "minProperties": 1},
    },
}

_SIGN_IN: dict[str, Schema] = {
    "client_id": {
        "type": "string",
        "pattern": f"^{CLIENT_ID}$",
        "description": "The public client registered at the issuer. Where the token is for its client: the audience.",
    },
    "device_client_id": {
        "type": "string",
        "pattern": f"^{CLIENT_ID}$",
        "description": "The client of `postern login`, where it is another than the console's.",
    },
    "scopes": {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{SCOPE}$"},
        "minItems": 1,
        "maxItems": MAX_SCOPES,
        "uniqueItems": True,
        "description": "What is asked for; [openid] by default.",
    },
    "token": {
        "enum": [str(one) for one in SentToken],
        "description": "Which token is sent here; access_token by default.",
    },
    "audience_parameter": {
        "enum": list(AUDIENCE_PARAMETERS),
        "description": "Where the issuer asks whom the token is for: the parameter that says our audience.",
    },
    "origins": {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{ORIGIN}$"},
        "minItems": 1,
        "maxItems": MAX_ORIGINS,
        "uniqueItems": True,
        "description": "Where the issuer's endpoints stand beside its own origin: the console may ask there.",
    },
}

_ABOUT: dict[str, Schema] = {
    "name": {
        "type": "string",
        "pattern": "^[a-z0-9-]{1,40}$",
        "description": "The first half of a principal's id; each entry has one of its own.",
    },
    "preset": {
        "description": "A ready claim table, which this entry can only narrow.",
        "oneOf": [{"const": one.name, "description": one.about} for one in PRESETS.values()],
    },
    "issuer": {
        "type": "string",
        "pattern": r'^(local|https://[^\s"<>\\^`{|}?#@]+)$',
        "description": "Exactly the token's `iss`; or the word local. Left out where the preset knows it.",
    },
    "audience": {**_PLAIN, "description": "Exactly ours; a token for others beside us is refused."},
    "audience_claim": {
        "type": "string",
        "pattern": "^[^/]",
        "maxLength": 255,
        "description": "The claim that names the audience.",
    },
    "algorithms": {
        "type": "array",
        "items": {"enum": sorted(ALGORITHMS)},
        "minItems": 1,
        "uniqueItems": True,
        "description": "Asymmetric ones only.",
    },
    "typ": {
        "type": "array",
        "items": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+/-]{0,80}$"},
        "minItems": 1,
        "uniqueItems": True,
        "description": "Media types of the token's header; the word absent admits tokens that carry none.",
    },
    "leeway_s": {"type": "integer", "minimum": 0, "maximum": MAX_LEEWAY_S, "description": "Seconds; 30 by default."},
    "require": {
        **_TABLE,
        "additionalProperties": _VALUE,
        "description": "claim: the value it must have, or a list of values. /a/b names a claim inside an object.",
    },
    "match": {
        **_TABLE,
        "additionalProperties": {"type": "string", "minLength": 1},
        "description": "claim: an RE2 pattern that must match the whole text.",
    },
    "absent": {
        "type": "array",
        "items": _CLAIM,
        "uniqueItems": True,
        "description": "Claims that a token must not have.",
    },
    "attributes": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,62}$"},
        "additionalProperties": _CLAIM,
        "description": "attribute of the principal: claim. Row filters and policies use them.",
    },
    "groups": {"type": "array", "items": _GROUP, "description": "Groups by claims."},
    "groups_claim": {**_CLAIM, "description": "A claim whose texts are groups."},
    "on_behalf_of": {**_CLAIM, "description": "A claim that names the person the agent acts for."},
    "dpop": {
        "enum": ["optional", "required"],
        "description": "required: only tokens bound to a key, with its proof (RFC 9449).",
    },
    "sign_in": {
        "type": "object",
        "additionalProperties": False,
        "required": ["client_id"],
        "properties": _SIGN_IN,
        "description": "How people sign in with this issuer: the console and `postern login`. Public.",
    },
}


def issuers_schema() -> Schema:
    """The whole schema. Fails where the parser knows a field that is not described here, or the other way round."""
    if set(FIELDS) != _ABOUT.keys():
        raise ValueError(f"issuers.yaml: expected {sorted(FIELDS)} to be described, got {sorted(_ABOUT)}")
    if set(SIGN_IN_FIELDS) != _SIGN_IN.keys():
        raise ValueError(f"sign_in: expected {sorted(SIGN_IN_FIELDS)} to be described, got {sorted(_SIGN_IN)}")
    entry = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "audience"],
        "properties": _ABOUT,
        "if": {"required": ["preset"]},
        "else": {"required": ["issuer"]},
        "allOf": [_with_preset(preset) for preset in PRESETS.values()],
    }
    return {
        "title": "Postern: whose tokens are believed",
        "type": "object",
        "additionalProperties": False,
        "required": ["issuers"],
        "properties": {"issuers": {"type": "array", "items": entry}},
    }


def _with_preset(preset: Preset) -> Schema:
    """What an entry that names the preset may still say, and what it must."""
    allowed: Schema = {
        "algorithms": {"items": {"enum": sorted(preset.algorithms)}},
        "typ": {"items": {"pattern": _typ(preset)}},
        "audience_claim": {"enum": list(preset.audience_claims)},
        "issuer": {"pattern": f"^({_NAMED.sub('(', preset.issuers)})$", "examples": [preset.example]},
    }
    allowed["sign_in"] = (
        {"properties": {"token": {"enum": list(preset.people_tokens)}}} if preset.people_tokens else False
    )
    if preset.persons:
        allowed["on_behalf_of"] = {"enum": list(preset.persons)}
    hints = {one.claim: {"description": "says whose tokens are meant"} for one in preset.bind}
    if hints:
        allowed |= {table: {"properties": hints} for table in ("require", "match")}
    then: Schema = {"properties": allowed, **_bound(preset)}
    if preset.default_issuer is None:
        then["required"] = ["issuer"]
    return {"if": {"required": ["preset"], "properties": {"preset": {"const": preset.name}}}, "then": then}


def _typ(preset: Preset) -> str:
    """Whatever its case, and with `application/` where that may be left off."""
    names = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else f"[{c}]" for c in typ) for typ in sorted(preset.types))
    return f"^([Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]/)?({'|'.join(names)})$"


def _bound(preset: Preset) -> Schema:
    """At least one row about a claim that says whose the token is."""
    if preset.audience_claims[0] in {one.claim for one in preset.bind}:
        return {}  # the audience does, unless another claim stands for it: the parser asks
    if not preset.bind:
        return {"anyOf": [_has(table, {"minProperties": 1}) for table in ("require", "match")]}
    rows = [_has(table, {"required": [one.claim]}) for one in preset.bind for table in ("require", "match")]
    if preset.namespaced_bind:
        own = {"not": {"propertyNames": {"not": {"pattern": "^https://"}}}, "minProperties": 1}
        rows.append(_has("require", own))
    return {"anyOf": rows}


def _has(table: str, schema: Schema) -> Schema:
    return {"required": [table], "properties": {table: schema}}
