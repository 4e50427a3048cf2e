"""A table of cases that operators keep beside their policy, and test it with.

    at: "2027-01-15T08:00:00Z"            # when everything here happens; a case may say otherwise
    cases:
      - name: an agent reads orders
        issuer: github                    # the entry of issuers.yaml that signed the token
        claims: {sub: "repo:acme/shop:ref:refs/heads/main", repository_owner_id: "123456"}
        request:                          # as the body of POST /v1/tasks
          database: shop
          purpose: weekly report
          access: [{tables: [orders], actions: [select]}]
        expect: granted                   # or not_admitted, refused, {refused: [part]}, approval, {approval: 2}
        gives: {groups: [ci]}             # optional: also attributes (those named), on_behalf_of, id
      - name: a lead may approve it
        issuer: okta
        claims: {sub: lead@acme.example, groups: [leads]}
        may: approve                      # of the task in `request`; also dryRun
        request: {database: shop, purpose: weekly report, access: [{tables: [orders], actions: [select]}]}
        opened_by: {issuer: github, claims: {…}}      # nobody approves what they asked for
        expect: permitted                 # or forbidden, not_admitted
      - {name: a lead may revoke, issuer: okta, claims: {…}, may: revoke, database: shop, expect: permitted}

`iss`, the audience and the dates are filled in where claims leave them out. Read as strictly as the layer itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from postern.errors import BadRequest
from postern.identity.strict_json import Json
from postern.policy.requests import TaskRequest
from postern.yaml_lines import Node, load_lines
from postern_cli.policy_hearing import parse_request

ABOUT_TASKS = ("approve", "dryRun")
ABOUT_DATABASES = ("revoke", "audit")
OPENING = ("granted", "approval", "refused", "not_admitted")
ALLOWING = ("permitted", "forbidden", "not_admitted")
CASE_FIELDS = ("name", "issuer", "claims", "request", "at", "expect", "gives", "may", "database", "opened_by")
GIVEN_FIELDS = ("id", "on_behalf_of", "groups", "attributes")

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class Expected:
    """How a case must end. `parts` None: whichever are refused; `approvals` None: however many are needed."""

    outcome: str
    parts: tuple[str, ...] | None = None
    approvals: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What the claims must make of the principal, as far as a case says so."""

    id: str | None = None
    on_behalf_of: str | None = None
    groups: tuple[str, ...] | None = None  # exactly
    attributes: Mapping[str, str] | None = None  # at least


@dataclass(frozen=True, slots=True)
class Token:
    """An entry of issuers.yaml and the claims that it signed."""

    issuer: Node
    claims: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Case:
    """One row: `may` None asks for a task, any other word whether that is permitted."""

    name: str
    place: str  # file:line
    token: Token
    at_us: int
    expected: Expected
    given: Given
    request: TaskRequest | None
    may: str | None = None
    database: str | None = None
    opened_by: Token | None = None


def parse_cases(text: bytes, *, file: str, now_us: int) -> tuple[Case, ...]:
    """The table's cases. Without a time they happen at `now_us`. Raises `PolicyFileError` naming file and line."""
    root = load_lines(text, file)
    root.only(["at", "cases"])
    at = root.optional("at")
    at_us = now_us if at is None else parse_time(at)
    cases: list[Case] = []
    for node in root.required("cases").sequence():
        case = _case(node, at_us)
        if any(case.name == other.name for other in cases):
            raise node.required("name").wrong(f"expected a name of its own, got {case.name!r} again")
        cases.append(case)
    if not cases:
        raise root.required("cases").wrong("expected at least one case, got none")
    return tuple(cases)


def parse_time(node: Node) -> int:
    """Microseconds since 1970 of `2027-01-15T08:00:00Z`."""
    text = node.text()
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") if _TIME.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise node.wrong(f"expected a time such as 2027-01-15T08:00:00Z, in quotes, got {text[:40]!r}")
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000


def _case(node: Node, at_us: int) -> Case:
    node.only(CASE_FIELDS)
    may = node.optional("may")
    action = None if may is None else _one_of(may, (*ABOUT_TASKS, *ABOUT_DATABASES))
    _check_fields(node, action)
    at = node.optional("at")
    request, opened_by = node.optional("request"), node.optional("opened_by")
    database = node.optional("database")
    name = node.required("name")
    return Case(
        name=name.text(),
        place=f"{name.file}:{name.line}",
        token=_token(node),
        at_us=at_us if at is None else parse_time(at),
        expected=_expected(node.required("expect"), OPENING if action is None else ALLOWING),
        given=_given(node.optional("gives")),
        request=None if request is None else _request(request),
        may=action,
        database=None if database is None else database.text(),
        opened_by=None if opened_by is None else _opener(opened_by),
    )


def _check_fields(node: Node, action: str | None) -> None:
    """A case has exactly the fields that its question needs."""
    wanted, unfit = ("request", ["database"]) if action not in ABOUT_DATABASES else ("database", ["request"])
    if action not in ABOUT_TASKS:
        unfit.append("opened_by")
    node.required(wanted)
    if action == "approve":
        node.required("opened_by")
    for name in unfit:
        field = node.optional(name)
        if field is not None:
            raise field.wrong(f"unknown field beside `{wanted}`{f' and `may: {action}`' if action else ''}")


def _opener(node: Node) -> Token:
    node.only(["issuer", "claims"])
    return _token(node)


def _token(node: Node) -> Token:
    claims = {name: _json(value) for name, value in node.required("claims").mapping().items()}
    issuer = node.required("issuer")
    issuer.text()
    return Token(issuer, claims)


def _json(node: Node) -> Json:
    match node.value:
        case dict() as entries:
            return {name: _json(value) for name, value in entries.items()}
        case list() as items:
            return [_json(item) for item in items]
        case value:
            return value


def _request(node: Node) -> TaskRequest:
    node.mapping()
    try:
        return parse_request(_json(node))
    except BadRequest as error:
        raise node.wrong(error.detail) from error


def _expected(node: Node, outcomes: tuple[str, ...]) -> Expected:
    if not isinstance(node.value, dict):
        return Expected(_one_of(node, outcomes))
    entries = node.only([name for name in ("refused", "approval") if name in outcomes])
    if len(entries) != 1:
        raise node.wrong("expected one outcome, got none or several")
    if "approval" in entries:
        return Expected("approval", approvals=entries["approval"].integer(at_least=1, at_most=10))
    return Expected("refused", parts=tuple(item.text() for item in entries["refused"].sequence()))


def _given(node: Node | None) -> Given:
    if node is None:
        return Given()
    node.only(GIVEN_FIELDS)
    groups, attributes = node.optional("groups"), node.optional("attributes")
    return Given(
        id=_text(node.optional("id")),
        on_behalf_of=_text(node.optional("on_behalf_of")),
        groups=None if groups is None else tuple(sorted(item.text() for item in groups.sequence())),
        attributes=None if attributes is None else {name: one.text() for name, one in attributes.mapping().items()},
    )


def _text(node: Node | None) -> str | None:
    return None if node is None else node.text()


def _one_of(node: Node, words: tuple[str, ...]) -> str:
    if node.text() not in words:
        raise node.wrong(f"expected one of {', '.join(words)}, got {node.text()[:40]!r}")
    return node.text()
