"""`issuers.yaml`: whose tokens are accepted, and what each issuer's claims must say.

    issuers:
      - name: github                       # [a-z0-9-], at most 40; the first half of a principal's id
        preset: github-actions             # optional: a ready claim table, which this entry can only narrow
        issuer: https://token.actions.githubusercontent.com      # exactly the token's `iss`; or the word local
        audience: https://postern.example.com                    # exactly ours
        audience_claim: aud                # default aud
        algorithms: [RS256]                # default [RS256]; asymmetric only
        typ: [JWT, at+jwt]                 # default; the word absent admits tokens that carry no typ
        leeway_s: 30                       # default; 0 to 120
        require: {repository_owner: octo}  # each claim has the value, or one of a list of them
        match: {ref: "refs/heads/(main|release-.*)"}             # each claim matches as a whole, RE2
        absent: [base_ref]                 # no token that has one of these claims; null is not having it
        attributes: {repo: repository}     # principal attribute: claim
        groups: [{name: deployers, when: {environment: production}}]
        groups_claim: groups               # optional: a claim whose texts are groups
        on_behalf_of: actor                # optional: a claim that names the person the agent acts for
        dpop: required                     # default optional: a token that names a key comes with its proof (RFC 9449)
        sign_in: {client_id: 0oa1b2c3d4}   # optional: how people sign in here; see `sign_in`

How a claim inside an object is named stands in `claims`, what a preset gives and asks for in `preset_use`.
An issuer has one entry. With neither `require` nor `match` it admits nobody. `local` is the local stack's
issuer and is refused where there is none. Fields may be added to this format; none changes its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from postern.identity.claim_rules import (
    GroupRule,
    Pattern,
    Requirement,
    parse_absent,
    parse_groups,
    parse_patterns,
    parse_plain,
    parse_requirements,
)
from postern.identity.claims import check_claim_name, check_flat_claim
from postern.identity.issuer_url import LocalIssuer as LocalIssuer
from postern.identity.issuer_url import is_https
from postern.identity.names import is_issuer_name
from postern.identity.preset_use import Tables, check_within, parse_preset, with_preset
from postern.identity.presets import Preset
from postern.identity.sign_in import Expected, SignIn, parse_sign_in
from postern.yaml_lines import Node, load_lines

# RFC 7518 section 3.1 and RFC 8037, without `none` and without HMAC: a verifier must not be able to sign.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
)
TYP_ABSENT = "absent"
MAX_LEEWAY_S = 120

FIELDS = (
    *("name", "preset", "issuer", "audience", "audience_claim", "algorithms", "typ", "leeway_s"),
    *("require", "match", "absent", "attributes", "groups", "groups_claim", "on_behalf_of", "dpop"),
    "sign_in",
)
_DPOP = ("optional", "required")
_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYP = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+/-]{0,63}")

_T = TypeVar("_T")
_D = TypeVar("_D")


@dataclass(frozen=True, slots=True)
class IssuerRules:
    """One issuer, and the tables that say which of its tokens are accepted and as whom."""

    name: str
    issuer: str  # the token's `iss`, exactly
    is_local: bool
    audience: str
    audience_claim: str
    algorithms: frozenset[str]
    types: frozenset[str]  # lower case, without `application/`; may hold TYP_ABSENT
    leeway_s: int
    require: tuple[Requirement, ...]
    match: tuple[Pattern, ...]
    attributes: Mapping[str, str]  # attribute: claim
    groups: tuple[GroupRule, ...]
    groups_claim: str | None
    on_behalf_of: str | None
    absent: tuple[str, ...] = ()  # claims that a token must not have
    preset: str | None = None  # the preset whose rows are among those above
    requires_proof: bool = False  # a token must name a key; one that does needs its proof in any case
    sign_in: SignIn | None = None  # how people get a token of this issuer


def parse_issuers(text: bytes, *, file: str, local: LocalIssuer | None) -> tuple[IssuerRules, ...]:
    """Every issuer of the file, in its order. Raises `PolicyFileError` naming file and line."""
    root = load_lines(text, file)
    root.only(["issuers"])
    parsed: list[IssuerRules] = []
    for node in root.required("issuers").sequence():
        rules = _issuer(node, local)
        if any(rules.name == other.name for other in parsed):
            raise node.required("name").wrong(f"expected a name of its own, got `{rules.name}` again")
        if any(rules.issuer == other.issuer for other in parsed):
            raise node.required("issuer").wrong("expected one entry for an issuer, got a second")
        parsed.append(rules)
    return tuple(parsed)


def normal_typ(typ: str) -> str:
    """A media type as RFC 7515 section 4.1.9 compares it: lower case, `application/` left off where it may be."""
    lower = typ.lower()
    short = lower.removeprefix("application/")
    return lower if "/" in short else short


def _issuer(node: Node, local: LocalIssuer | None) -> IssuerRules:
    node.only(FIELDS)
    preset = _or_default(node, "preset", parse_preset, None)
    url = _issuer_url(node, local, preset)
    audience_claim = _audience_claim(node, preset)
    tables = _tables(node)
    if preset is not None:
        tables = with_preset(tables, preset, node, url, audience_claim)
    audience, types = parse_plain(node.required("audience")), _types(node, preset)
    requires_proof = _or_default(node, "dpop", _dpop, "optional") == "required"
    expected = Expected(audience, audience_claim, types, requires_proof, preset, tables.require, tables.match)
    return IssuerRules(
        name=_name(node.required("name")),
        issuer=url,
        is_local=_is_local(node),
        audience=audience,
        audience_claim=audience_claim,
        algorithms=_algorithms(node, preset),
        types=types,
        leeway_s=_or_default(node, "leeway_s", lambda leeway: leeway.integer(at_least=0, at_most=MAX_LEEWAY_S), 30),
        require=tables.require,
        match=tables.match,
        attributes=tables.attributes or {},
        groups=tables.groups,
        groups_claim=_or_default(node, "groups_claim", _claim, None),
        on_behalf_of=tables.on_behalf_of,
        absent=tables.absent,
        preset=None if preset is None else preset.name,
        requires_proof=requires_proof,
        sign_in=_or_default(node, "sign_in", lambda field: parse_sign_in(field, expected), None),
    )


def _tables(node: Node) -> Tables:
    return Tables(
        require=_or_default(node, "require", parse_requirements, ()),
        match=_or_default(node, "match", parse_patterns, ()),
        absent=_or_default(node, "absent", parse_absent, ()),
        attributes=_or_default(node, "attributes", _attributes, {}),
        groups=_or_default(node, "groups", parse_groups, ()),
        on_behalf_of=_or_default(node, "on_behalf_of", _claim, None),
    )


def _or_default(node: Node, name: str, parse: Callable[[Node], _T], default: _D) -> _T | _D:
    field = node.optional(name)
    return default if field is None else parse(field)


def _is_local(node: Node) -> bool:
    issuer = node.optional("issuer")
    return issuer is not None and issuer.value == "local"


def _issuer_url(entry: Node, local: LocalIssuer | None, preset: Preset | None) -> str:
    if preset is not None and preset.default_issuer is not None and entry.optional("issuer") is None:
        return preset.default_issuer
    node = entry.required("issuer")
    url = node.text()
    if url == "local":
        if preset is not None:
            raise node.wrong("the local stack's issuer signs what it is told: expected no preset beside `local`")
        if local is None:
            raise node.wrong("`local` is the local stack's issuer; expected an https URL, since none runs here")
        return local.url
    if not is_https(url):
        raise node.wrong("expected an https URL without user, query or fragment, or the word local")
    return url


def _audience_claim(entry: Node, preset: Preset | None) -> str:
    allowed = ("aud",) if preset is None else preset.audience_claims
    claim = _or_default(entry, "audience_claim", check_flat_claim, allowed[0])
    if preset is not None:
        check_within(entry, "audience_claim", frozenset({claim}), frozenset(allowed), preset)
    return claim


def _algorithms(entry: Node, preset: Preset | None) -> frozenset[str]:
    allowed = frozenset({"RS256"}) if preset is None else preset.algorithms
    expected = f"one of {', '.join(sorted(ALGORITHMS))}"
    node = entry.optional("algorithms")
    if node is None:
        return allowed
    chosen = _chosen(node, lambda text: text if text in ALGORITHMS else None, expected)
    if preset is not None:
        check_within(entry, "algorithms", chosen, allowed, preset)
    return chosen


def _types(entry: Node, preset: Preset | None) -> frozenset[str]:
    allowed = frozenset({"jwt", "at+jwt"}) if preset is None else preset.types
    node = entry.optional("typ")
    if node is None:
        return allowed
    chosen = _chosen(
        node, lambda text: typ if _TYP.fullmatch(typ := normal_typ(text)) else None, "a media type such as at+jwt"
    )
    if preset is not None:
        check_within(entry, "typ", chosen, allowed, preset)
    return chosen


def _chosen(node: Node, choose: Callable[[str], str | None], expected: str) -> frozenset[str]:
    chosen: set[str] = set()
    for item in node.sequence():
        choice = choose(item.text())
        if choice is None:
            raise item.wrong(f"expected {expected}, got {item.text()!r}")
        if choice in chosen:
            raise item.wrong(f"expected each once, got {item.text()!r} twice")
        chosen.add(choice)
    if not chosen:
        raise node.wrong("expected at least one, got an empty list")
    return frozenset(chosen)


def _dpop(node: Node) -> str:
    if node.text() not in _DPOP:
        raise node.wrong(f"expected {' or '.join(_DPOP)}, got {node.text()[:60]!r}")
    return node.text()


def _attributes(node: Node) -> Mapping[str, str]:
    attributes: dict[str, str] = {}
    for name, claim in node.mapping().items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise claim.wrong("expected an attribute's name of a-z, 0-9 and _, beginning with a letter")
        attributes[name] = _claim(claim)
    return attributes


def _claim(node: Node) -> str:
    return check_claim_name(node.text(), node)


def _name(node: Node) -> str:
    if not is_issuer_name(node.text()):
        raise node.wrong(f"expected 1 to 40 of a-z, 0-9 and -, got {node.text()[:60]!r}")
    return node.text()
