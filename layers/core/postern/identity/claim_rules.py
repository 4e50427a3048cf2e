"""The rows of a claim table: a value that is required, a pattern that must match, a group.

`issuers.yaml` and the presets hold rows of the same kinds; `rules` asks them of a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import re2

from postern.identity.claims import check_claim_name
from postern.identity.names import is_plain
from postern.yaml_lines import Node

Wanted = str | int | bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """A claim that must have one of these values, of the same JSON type; one of a list claim's items will do.

    Not where the issuer is known to write this claim as one value: then a list is another claim than was meant.
    """

    claim: str
    any_of: tuple[Wanted, ...]
    is_single: bool = False

    def __str__(self) -> str:
        return f"require {self.claim}: {' or '.join(_shown(one) for one in self.any_of)}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text claim that must match as a whole; RE2, so that no token can make it slow."""

    claim: str
    text: str
    matches: Callable[[str], bool] = field(compare=False)

    def __str__(self) -> str:
        return f"match {self.claim}: {self.text}"


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A group that a principal is in when every requirement holds; there is at least one."""

    name: str
    when: tuple[Requirement, ...]


def pattern(claim: str, text: str) -> Pattern:
    """The row that holds where `text`, RE2, matches the whole claim. Raises `re2.error` where it does not compile."""
    options = re2.Options()
    options.log_errors = False
    compiled = re2.compile(text, options)
    return Pattern(claim, text, lambda value: compiled.fullmatch(value) is not None)


def parse_requirements(node: Node) -> tuple[Requirement, ...]:
    """`{claim: value or list of values}`. Raises `PolicyFileError`, as every parser here does."""
    return tuple(Requirement(check_claim_name(claim, value), _wanted(value)) for claim, value in node.mapping().items())


def parse_patterns(node: Node) -> tuple[Pattern, ...]:
    """`{claim: RE2}`."""
    return tuple(_pattern(check_claim_name(claim, value), value) for claim, value in node.mapping().items())


def parse_groups(node: Node) -> tuple[GroupRule, ...]:
    """`[{name, when: {claim: value}}]`."""
    groups: list[GroupRule] = []
    for item in node.sequence():
        item.only(["name", "when"])
        when = parse_requirements(item.required("when"))
        if not when:
            raise item.required("when").wrong("expected at least one claim, since an empty table would admit all")
        groups.append(GroupRule(parse_plain(item.required("name")), when))
    return tuple(groups)


def parse_absent(node: Node) -> tuple[str, ...]:
    """`[claim]`, each once."""
    names: list[str] = []
    for item in node.sequence():
        name = check_claim_name(item.text(), item)
        if name in names:
            raise item.wrong(f"expected each claim once, got `{name}` twice")
        names.append(name)
    return tuple(names)


def parse_plain(node: Node) -> str:
    """Text that may become a name in policy, records and terminals."""
    text = node.text()
    if not is_plain(text, max_length=255):
        raise node.wrong("expected 1 to 255 characters without control characters")
    return text


def claims_of(rows: Iterable[Requirement | Pattern]) -> frozenset[str]:
    """The claims that the rows ask about."""
    return frozenset(row.claim for row in rows)


def node_of(table: Node | None, claim: str) -> Node | None:
    """The line of a table that speaks of the claim."""
    return None if table is None else table.mapping().get(claim)


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


def _pattern(claim: str, node: Node) -> Pattern:
    text = node.text()
    try:
        return pattern(claim, text)
    except re2.error as error:
        raise node.wrong(f"expected an RE2 pattern, got one that does not compile: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _shown(value: Wanted) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
