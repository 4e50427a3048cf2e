"""`issuers.yaml`: whose tokens are accepted, and what each issuer's claims must say.

    issuers:
      - name: github                       # [a-z0-9-], at most 40; the first half of a principal's id
        issuer: https://token.actions.githubusercontent.com      # exactly the token's `iss`; or the word local
        audience: https://postern.example.com                    # exactly ours
        audience_claim: aud                # default aud
        algorithms: [RS256]                # default [RS256]; asymmetric only
        typ: [JWT, at+jwt]                 # default; the word absent admits tokens that carry no typ
        leeway_s: 30                       # default; 0 to 120
        require: {repository_owner: octo}  # each claim has the value, or one of a list of them
        match: {ref: "refs/heads/(main|release-.*)"}             # each claim matches as a whole, RE2
        attributes: {repo: repository}     # principal attribute: claim
        groups: [{name: deployers, when: {environment: production}}]
        groups_claim: groups               # optional: a claim whose texts are groups
        on_behalf_of: actor                # optional: a claim that names the person the agent acts for

An issuer has one entry. With neither `require` nor `match` it admits nobody. `local` is the local stack's
issuer and is refused where there is none. Fields may be added to this format; none changes its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import re2

from postern.identity.issuer_url import is_https, is_loopback
from postern.identity.names import is_issuer_name, is_plain
from postern.yaml_lines import Node, load_lines

# RFC 7518 section 3.1 and RFC 8037, without `none` and without HMAC: a verifier must not be able to sign.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"},
)
TYP_ABSENT = "absent"
MAX_LEEWAY_S = 120

_FIELDS = (
    *("name", "issuer", "audience", "audience_claim", "algorithms", "typ", "leeway_s", "require", "match"),
    *("attributes", "groups", "groups_claim", "on_behalf_of"),
)
_ATTRIBUTE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYP = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+/-]{0,63}")

Wanted = str | int | bool
_T = TypeVar("_T")
_D = TypeVar("_D")


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """The local stack's issuer: the one that may be plain http, and only on the loopback interface."""

    url: str

    def __post_init__(self) -> None:
        if not is_loopback(self.url):
            raise ValueError("local issuer: expected a loopback URL such as http://127.0.0.1:8080, got another")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A claim that must have one of these values, of the same JSON type; one of a list claim's items will do."""

    claim: str
    any_of: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text claim that must match as a whole; RE2, so that no token can make it slow."""

    claim: str
    text: str
    matches: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A group that a principal is in when every requirement holds; there is at least one."""

    name: str
    when: tuple[Requirement, ...]


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
    node.only(_FIELDS)
    issuer = node.required("issuer")
    return IssuerRules(
        name=_name(node.required("name")),
        issuer=_issuer_url(issuer, local),
        is_local=issuer.value == "local",
        audience=_plain(node.required("audience")),
        audience_claim=_or_default(node, "audience_claim", _plain, "aud"),
        algorithms=_or_default(node, "algorithms", _algorithms, frozenset({"RS256"})),
        types=_or_default(node, "typ", _types, frozenset({"jwt", "at+jwt"})),
        leeway_s=_or_default(node, "leeway_s", lambda leeway: leeway.integer(at_least=0, at_most=MAX_LEEWAY_S), 30),
        require=_or_default(node, "require", _requirements, ()),
        match=_or_default(node, "match", _patterns, ()),
        attributes=_or_default(node, "attributes", _attributes, {}),
        groups=_or_default(node, "groups", _groups, ()),
        groups_claim=_or_default(node, "groups_claim", _plain, None),
        on_behalf_of=_or_default(node, "on_behalf_of", _plain, None),
    )


def _or_default(node: Node, name: str, parse: Callable[[Node], _T], default: _D) -> _T | _D:
    field = node.optional(name)
    return default if field is None else parse(field)


def _issuer_url(node: Node, local: LocalIssuer | None) -> str:
    url = node.text()
    if url == "local":
        if local is None:
            raise node.wrong("`local` is the local stack's issuer; expected an https URL, since none runs here")
        return local.url
    if not is_https(url):
        raise node.wrong("expected an https URL without user, query or fragment, or the word local")
    return url


def _algorithms(node: Node) -> frozenset[str]:
    return _chosen(node, lambda text: text if text in ALGORITHMS else None, f"one of {', '.join(sorted(ALGORITHMS))}")


def _types(node: Node) -> frozenset[str]:
    return _chosen(
        node, lambda text: typ if _TYP.fullmatch(typ := normal_typ(text)) else None, "a media type such as at+jwt"
    )


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


def _requirements(node: Node) -> tuple[Requirement, ...]:
    return tuple(Requirement(claim, _wanted(value)) for claim, value in node.mapping().items())


def _wanted(node: Node) -> tuple[Wanted, ...]:
    items: Iterable[Node] = node.sequence() if isinstance(node.value, list) else (node,)
    wanted = tuple(_scalar(item) for item in items)
    if not wanted:
        raise node.wrong("expected a value or a list of values, got an empty list")
    return wanted


def _scalar(node: Node) -> Wanted:
    if isinstance(node.value, bool | int):
        return node.value
    return node.text()


def _patterns(node: Node) -> tuple[Pattern, ...]:
    return tuple(_pattern(claim, value) for claim, value in node.mapping().items())


def _pattern(claim: str, node: Node) -> Pattern:
    options = re2.Options()
    options.log_errors = False
    text = node.text()
    try:
        compiled = re2.compile(text, options)
    except re2.error as error:
        raise node.wrong(f"expected an RE2 pattern, got one that does not compile: {_reason(error)}") from error
    return Pattern(claim, text, lambda value: compiled.fullmatch(value) is not None)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _attributes(node: Node) -> Mapping[str, str]:
    attributes: dict[str, str] = {}
    for name, claim in node.mapping().items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise claim.wrong("expected an attribute's name of a-z, 0-9 and _, beginning with a letter")
        attributes[name] = _plain(claim)
    return attributes


def _groups(node: Node) -> tuple[GroupRule, ...]:
    groups: list[GroupRule] = []
    for item in node.sequence():
        item.only(["name", "when"])
        when = _requirements(item.required("when"))
        if not when:
            raise item.required("when").wrong("expected at least one claim, since an empty table would admit all")
        groups.append(GroupRule(_plain(item.required("name")), when))
    return tuple(groups)


def _name(node: Node) -> str:
    if not is_issuer_name(node.text()):
        raise node.wrong(f"expected 1 to 40 of a-z, 0-9 and -, got {node.text()[:60]!r}")
    return node.text()


def _plain(node: Node) -> str:
    text = node.text()
    if not is_plain(text, max_length=255):
        raise node.wrong("expected 1 to 255 characters without control characters")
    return text
