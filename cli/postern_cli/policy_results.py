"""What came of a case, held against what its table expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from postern.identity.issuers import IssuerRules
from postern.policy.bundle import PolicyBundle
from postern.policy.requests import Decision, Denied, Granted, TaskRequest
from postern.types import Principal, Task
from postern_cli.policy_cases import Case, Expected, Given, Token
from postern_cli.policy_hearing import (
    Asked,
    Heard,
    NotAdmitted,
    ask_of_database,
    ask_of_task,
    hear,
    identify,
    waiting_task,
)

Outcome = Heard | Asked | NotAdmitted


@dataclass(frozen=True, slots=True)
class Result:
    """A case with what came of it; `wrong` says what was expected and is not so, empty where the case holds."""

    case: Case
    outcome: Outcome
    came: Expected
    why: tuple[str, ...]
    wrong: tuple[str, ...]


def run_case(bundle: PolicyBundle, case: Case) -> Result:
    """The case's result. Raises `PolicyFileError` where the table speaks of what the layer has not."""
    who = _identify(bundle, case.token, case)
    outcome: Outcome = who if isinstance(who, NotAdmitted) else _put(bundle, case, who)
    came, why = _came(outcome)
    wrong = _differences(case.expected, came)
    if isinstance(who, Principal):
        wrong += _principal_differences(case.given, who)
    return Result(case, outcome, came, why, wrong)


def _identify(bundle: PolicyBundle, token: Token, case: Case) -> Principal | NotAdmitted:
    return identify(token.claims, _issuer(bundle, token), now_s=case.at_us // 1_000_000)


def _put(bundle: PolicyBundle, case: Case, who: Principal) -> Heard | Asked:
    """The case's question, put to the layer."""
    if case.request is None:
        return ask_of_database(bundle, who, case.may or "", case.database or "", now_us=case.at_us)
    if case.may is None:
        return hear(bundle, who, case.request, now_us=case.at_us)
    return ask_of_task(bundle, who, case.may, _task(bundle, case, case.request), now_us=case.at_us)


def _task(bundle: PolicyBundle, case: Case, request: TaskRequest) -> Task:
    """The task that the case's opener asked for; a table that supposes one which policy refuses is wrong."""
    token = case.opened_by or case.token
    opener = _identify(bundle, token, case)
    if isinstance(opener, NotAdmitted):
        raise token.issuer.wrong(f"expected claims that are admitted, to open the task: {opener.why}")
    heard = hear(bundle, opener, request, now_us=case.at_us)
    task = waiting_task(heard, request, now_us=case.at_us)
    if task is None:
        _, why = _came(heard)
        raise token.issuer.wrong(f"expected a task that may be opened, got refused: {'; '.join(why)}")
    return task


def _came(outcome: Outcome) -> tuple[Expected, tuple[str, ...]]:
    """The outcome in a table's words, and why."""
    match outcome:
        case NotAdmitted(why=why, rules=rules):
            return Expected("not_admitted"), rules or (why,)
        case Asked(is_permitted=is_permitted, why=why):
            return Expected("permitted" if is_permitted else "forbidden"), (why,)
        case Heard(decision=decision, approvals=approvals):
            return _decided(decision, approvals)
        case _:
            assert_never(outcome)


def _decided(decision: Decision, approvals: int) -> tuple[Expected, tuple[str, ...]]:
    match decision:
        case Denied(refusals=refusals):
            parts = tuple(one.what for one in refusals)
            return Expected("refused", parts=parts), tuple(f"{one.what}: {one.reason}" for one in refusals)
        case Granted(reasons=reasons):
            why = (f"permitted by {', '.join(reasons)}",)
            return Expected("approval" if approvals else "granted", approvals=approvals or None), why
        case _:
            assert_never(decision)


def _differences(expected: Expected, came: Expected) -> tuple[str, ...]:
    if expected.outcome != came.outcome:
        return (f"expected {told(expected)}, got {told(came)}",)
    if expected.approvals is not None and expected.approvals != came.approvals:
        return (f"expected {told(expected)}, got {told(came)}",)
    if expected.parts is not None and sorted(expected.parts) != sorted(came.parts or ()):
        return (f"expected {told(expected)}, got {told(came)}",)
    return ()


def told(outcome: Expected) -> str:
    """An outcome in a line."""
    if outcome.parts is not None:
        return f"refused ({'; '.join(outcome.parts)})"
    return f"approval of {outcome.approvals}" if outcome.approvals is not None else outcome.outcome


def _principal_differences(given: Given, who: Principal) -> tuple[str, ...]:
    pairs: list[tuple[str, object, object]] = [
        ("id", given.id, who.id),
        ("on_behalf_of", given.on_behalf_of, who.on_behalf_of),
        ("groups", given.groups, who.groups),
    ]
    wrong = [f"{name}: expected {want}, got {got}" for name, want, got in pairs if want is not None and want != got]
    for name, value in (given.attributes or {}).items():
        if who.attributes.get(name) != value:
            wrong.append(f"attribute {name}: expected {value}, got {who.attributes.get(name, 'none')}")
    return tuple(wrong)


def _issuer(bundle: PolicyBundle, token: Token) -> IssuerRules:
    name = token.issuer.text()
    for issuer in bundle.issuers:
        if issuer.name == name:
            return issuer
    known = ", ".join(issuer.name for issuer in bundle.issuers) or "none"
    raise token.issuer.wrong(f"expected an issuer of issuers.yaml ({known}), got {name!r}")
