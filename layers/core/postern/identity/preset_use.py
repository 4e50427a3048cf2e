"""An entry of issuers.yaml that names a preset: the preset's tables and the operator's own, as one.

Every row of both must hold, so an operator's own rows narrow. What would widen is an error at its line: a value that
the preset does not accept, another meaning for a mapped attribute, an issuer's URL of another form. So is an entry
that does not say whose tokens it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import re2

from postern.identity.claim_rules import GroupRule, Pattern, Requirement, claims_of, node_of
from postern.identity.presets import Binding, Preset
from postern.identity.presets_ci import CI
from postern.identity.presets_directories import DIRECTORIES
from postern.identity.presets_workloads import WORKLOADS
from postern.yaml_lines import Node

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (*CI, *WORKLOADS, *DIRECTORIES)}

_WORD = re.compile(r"[A-Za-z0-9_-]+")
_MOST_WORDS = 12  # of a pattern, that strangers' values are made of


@dataclass(frozen=True, slots=True)
class Tables:
    """What an entry asks of a token's claims, and what it takes from them."""

    require: tuple[Requirement, ...] = ()
    match: tuple[Pattern, ...] = ()
    absent: tuple[str, ...] = ()
    attributes: Mapping[str, str] | None = None
    groups: tuple[GroupRule, ...] = ()
    on_behalf_of: str | None = None


def parse_preset(node: Node) -> Preset:
    """The preset that the node names. Raises `PolicyFileError`, as every function here does."""
    preset = PRESETS.get(node.text())
    if preset is None:
        raise node.wrong(f"expected one of {', '.join(sorted(PRESETS))}, got {node.text()[:60]!r}")
    return preset


def check_within(entry: Node, name: str, chosen: frozenset[str], allowed: frozenset[str], preset: Preset) -> None:
    """Raises where the entry's field `name` chose what the preset does not accept."""
    field = entry.optional(name)
    if field is not None and not chosen <= allowed:
        got = ", ".join(sorted(chosen - allowed))
        raise field.wrong(f"expected what preset `{preset.name}` accepts ({', '.join(sorted(allowed))}), got {got}")


def with_preset(own: Tables, preset: Preset, entry: Node, url: str, audience_claim: str) -> Tables:
    """The preset's tables and the entry's own rows, which must hold as well."""
    derived = _derived(preset, entry, url)
    required = (*preset.require, *derived)
    _check_values(own, required, preset, entry)
    attributes = _attributes(own, preset, entry)
    singles = preset.singles
    bound = [] if not preset.bind else _bound(own, preset, entry, audience_claim)
    also = [row for one in bound for row in one.also]
    if not preset.bind and not (own.require or own.match):
        raise entry.required("preset").wrong(f"preset `{preset.name}` asks nothing by itself: add `require` or `match`")
    return Tables(
        require=tuple(_single(row, singles) for row in (*required, *also, *own.require)),
        match=(*preset.match, *own.match),
        absent=tuple(dict.fromkeys((*preset.absent, *own.absent))),
        attributes=attributes,
        groups=tuple(replace(one, when=tuple(_single(row, singles) for row in one.when)) for one in own.groups),
        on_behalf_of=_person(own, preset, entry),
    )


def _derived(preset: Preset, entry: Node, url: str) -> tuple[Requirement, ...]:
    """What the issuer's URL says about its tokens' claims."""
    found = re2.compile(preset.issuers).fullmatch(url)
    if found is None:
        node = entry.optional("issuer") or entry.required("preset")
        raise node.wrong(f"expected an issuer of preset `{preset.name}`, such as {preset.example}, got {url}")
    return tuple(Requirement(claim, (value,), is_single=True) for claim, value in found.groupdict().items())


def _check_values(own: Tables, required: tuple[Requirement, ...], preset: Preset, entry: Node) -> None:
    """Values that the preset refuses would look like a permission and be none."""
    table = entry.optional("require")
    for row in own.require:
        node = node_of(table, row.claim) or entry
        for fixed in required:
            if fixed.claim == row.claim and not set(map(_typed, row.any_of)) <= set(map(_typed, fixed.any_of)):
                raise node.wrong(f"expected values that preset `{preset.name}` accepts ({fixed}), got others")
        for pattern in preset.match:
            if pattern.claim == row.claim and not all(isinstance(v, str) and pattern.matches(v) for v in row.any_of):
                raise node.wrong(f"expected values that preset `{preset.name}` accepts ({pattern}), got others")
    for claim in claims_of((*own.require, *own.match)) & set(preset.absent):
        node = node_of(table, claim) or node_of(entry.optional("match"), claim) or entry
        raise node.wrong(f"preset `{preset.name}` refuses tokens that have this claim: leave the row out")


def _typed(value: object) -> tuple[type, object]:
    return type(value), value  # in Python, True == 1


def _attributes(own: Tables, preset: Preset, entry: Node) -> dict[str, str]:
    mapped = dict(preset.attributes or {})
    for name, claim in (own.attributes or {}).items():
        if mapped.setdefault(name, claim) != claim:
            node = node_of(entry.optional("attributes"), name) or entry
            raise node.wrong(f"preset `{preset.name}` maps this attribute from `{mapped[name]}`: take another name")
    return mapped


def _person(own: Tables, preset: Preset, entry: Node) -> str | None:
    if own.on_behalf_of is None:
        return preset.persons[0] if preset.persons else None
    if preset.persons and own.on_behalf_of not in preset.persons:
        node = entry.required("on_behalf_of")
        raise node.wrong(f"expected one of preset `{preset.name}`'s ({', '.join(preset.persons)}), got another")
    return own.on_behalf_of


def _bound(own: Tables, preset: Preset, entry: Node, audience_claim: str) -> list[Binding]:
    """The bindings that the entry makes: never none."""
    required = claims_of(own.require)
    bound = [one for one in preset.bind if one.claim in required or one.claim == audience_claim]
    wide: list[Pattern] = []
    for one in preset.bind:
        for pattern in own.match:
            if pattern.claim == one.claim:
                stranger = next((value for value in _strangers(one, pattern.text) if pattern.matches(value)), None)
                (bound.append(one) if stranger is None else wide.append(pattern))
    if bound or (preset.namespaced_bind and any(claim.startswith("https://") for claim in required)):
        return bound
    if wide:
        node = node_of(entry.optional("match"), wide[0].claim) or entry
        raise node.wrong("expected a pattern that only your own tokens match, got one that a stranger's does as well")
    claims = ", ".join(one.claim for one in preset.bind)
    raise entry.required("preset").wrong(
        f"preset `{preset.name}` does not say whose tokens: `require` or `match` at least one of {claims};"
        " without it anybody with an account at this issuer would be let in"
    )


def _strangers(binding: Binding, pattern: str) -> Iterator[str]:
    """Values of others' tokens, those that look like the operator's among them."""
    words = list(dict.fromkeys(_WORD.findall(pattern.replace("\\", ""))))[:_MOST_WORDS]
    for template in binding.strangers:
        for chosen in product(words, repeat=template.count("{}")):
            value = template.format(*chosen)
            yield from (value, value.upper(), value.capitalize())


def _single(row: Requirement, singles: frozenset[str]) -> Requirement:
    return replace(row, is_single=True) if row.claim in singles else row
