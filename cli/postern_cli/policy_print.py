"""What the commands under `postern policy` print: lines for a person, JSON for a machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, assert_never

from rich.console import Console
from rich.text import Text

from postern.errors import PolicyFileError
from postern.identity.issuers import IssuerRules
from postern.identity.sign_in import SignIn, is_for_client
from postern.policy.requests import Denied, Granted
from postern.types import Grant, Principal
from postern_cli.policy_hearing import Heard, NotAdmitted, Question, reason
from postern_cli.policy_layer import Layer
from postern_cli.policy_results import Result, told
from postern_cli.terminal import printable

_Say = Callable[..., None]  # takes (text, style) pairs, which make one line


def print_layer(layer: Layer) -> None:
    """What the layer holds, and what is odd about it."""
    say = _printer()
    bundle = layer.bundle
    for issuer in bundle.issuers:
        rows = len(issuer.require) + len(issuer.match) + len(issuer.absent)
        preset = f", preset {issuer.preset}" if issuer.preset else ""
        say(("issuer    ", "dim"), (issuer.name, "bold"), (f"  {issuer.issuer}{preset}, {rows} claim rules", ""))
        if issuer.sign_in is not None:
            say(("sign-in   ", "dim"), (issuer.name, "bold"), (f"  {_sign_in(issuer, issuer.sign_in)}", ""))
    for name, catalog in sorted(bundle.catalogs.items()):
        counts = f"  {len(catalog.tables)} tables, {len(catalog.classes)} classes"
        say(("database  ", "dim"), (name, "bold"), (counts, ""))
    say(("policies  ", "dim"), (str(len(bundle.cedar.ids)), "bold"), (f"  {', '.join(bundle.cedar.ids)}", ""))
    for note in layer.notes:
        say(("note      ", "yellow"), (note, ""))
    say(("valid     ", "bold green"), (f"digest {bundle.digest}", ""))


def _sign_in(issuer: IssuerRules, asked: SignIn) -> str:
    """Who asks for which token, and for whom that must be: what the file alone cannot promise is said to be so."""
    clients = " and ".join(dict.fromkeys((asked.client_id, asked.device_client_id)))
    token = asked.token.replace("_", " ")
    told = f"by {clients}, for {' '.join(asked.scopes)}; the {token} is sent"
    if is_for_client(asked, issuer.audience_claim):
        return f"{told}, which is for the client, as `audience` says"
    return f"{told}; the issuer must write {issuer.audience_claim} {issuer.audience!r} into it"


def layer_json(layer: Layer) -> str:
    bundle = layer.bundle
    return _json(
        {
            "valid": True,
            "digest": bundle.digest,
            "files": list(layer.files),
            "issuers": [
                {
                    "name": one.name,
                    "issuer": one.issuer,
                    "preset": one.preset,
                    "sign_in": None if one.sign_in is None else asdict(one.sign_in),
                }
                for one in bundle.issuers
            ],
            "databases": sorted(bundle.catalogs),
            "policies": list(bundle.cedar.ids),
            "notes": list(layer.notes),
        }
    )


def invalid_json(error: PolicyFileError) -> str:
    return _json({"valid": False, "file": error.file, "line": error.line, "error": error.detail})


def print_results(results: Sequence[Result]) -> None:
    """A line for each case; what came instead, and why, where it does not hold."""
    say = _printer()
    for result in results:
        if not result.wrong:
            say(("holds   ", "green"), (result.case.name, ""), (f"  {told(result.came)}", "dim"))
            continue
        say(("fails   ", "bold red"), (result.case.name, "bold"), (f"  {result.case.place}", "dim"))
        for line in result.wrong:
            say((f"        {line}", ""))
        for line in result.why:
            say((f"        {line}", "italic"))
    failed = sum(bool(result.wrong) for result in results)
    say((f"{len(results) - failed} hold, {failed} fail", "bold"))


def results_json(results: Sequence[Result]) -> str:
    return _json(
        {
            "cases": [
                {
                    "name": result.case.name,
                    "place": result.case.place,
                    "holds": not result.wrong,
                    "expected": told(result.case.expected),
                    "came": told(result.came),
                    "wrong": list(result.wrong),
                    "why": list(result.why),
                }
                for result in results
            ],
            "failed": sum(bool(result.wrong) for result in results),
        }
    )


def print_explained(outcome: Principal | Heard | NotAdmitted) -> None:
    """Who it is, each question that the policies were asked, and the decision."""
    say = _printer()
    match outcome:
        case NotAdmitted():
            say(("not admitted", "bold red"), (f"  issuer {outcome.issuer}: {outcome.why}", ""))
            for rule in outcome.rules:
                say((f"    does not hold: {rule}", ""))
        case Principal():
            _print_principal(say, outcome)
        case Heard():
            _print_principal(say, outcome.principal)
            for question in outcome.questions:
                _print_question(say, question)
            for name in outcome.unknown:
                say((f"{'unknown':<14}", "yellow"), (f"{name}: the layer has none of this name", ""))
            _print_decision(say, outcome)
        case _:
            assert_never(outcome)


def explained_json(outcome: Principal | Heard | NotAdmitted) -> str:
    match outcome:
        case NotAdmitted():
            return _json(
                {"admitted": False, "issuer": outcome.issuer, "why": outcome.why, "rules": list(outcome.rules)}
            )
        case Principal():
            return _json({"admitted": True, "principal": _principal(outcome)})
        case Heard():
            return _json({"admitted": True, "principal": _principal(outcome.principal), **_heard(outcome)})
        case _:
            assert_never(outcome)


def _print_principal(say: _Say, who: Principal) -> None:
    say(("principal     ", "dim"), (who.id, "bold"))
    if who.on_behalf_of is not None:
        say(("on behalf of  ", "dim"), (who.on_behalf_of, ""))
    say(("groups        ", "dim"), (", ".join(who.groups) or "none", ""))
    for name, value in sorted(who.attributes.items()):
        say(("attribute     ", "dim"), (f"{name} = {value}", ""))


def _print_question(say: _Say, question: Question) -> None:
    verdict = question.verdict
    word, colour = ("permitted", "green") if verdict.is_permitted else ("refused", "red")
    say(
        (f"{word:<14}", colour),
        (f"{question.action} ", "bold"),
        (question.resource.id, ""),
        (f"  {reason(verdict)}", "dim"),
    )


def _print_decision(say: _Say, heard: Heard) -> None:
    match heard.decision:
        case Denied(refusals=refusals):
            say(("refused", "bold red"))
            for refusal in refusals:
                say((f"    {refusal.what}", "bold"), (f"  {refusal.reason}", ""))
        case Granted(grant=grant):
            waits = f"waits for the approval of {heard.approvals}" if heard.approvals else "granted"
            say((waits, "bold yellow" if heard.approvals else "bold green"))
            for line in _scope(grant):
                say((f"    {line}", ""))
        case _:
            assert_never(heard.decision)


def _scope(grant: Grant) -> list[str]:
    return [
        f"{table.qualified}: {', '.join(table.actions)}; "
        + ", ".join(f"{one.name}{f' ({one.mask.kind})' if one.mask else ''}" for one in table.columns)
        + (f"; rows where {table.row_filter.expression}" if table.row_filter else "")
        for table in grant.tables
    ]


def _principal(who: Principal) -> dict[str, Any]:
    return {
        "id": who.id,
        "on_behalf_of": who.on_behalf_of,
        "groups": list(who.groups),
        "attributes": dict(who.attributes),
    }


def _heard(heard: Heard) -> dict[str, Any]:
    questions = [_question(one) for one in heard.questions]
    answer: dict[str, Any] = {"questions": questions, "unknown": list(heard.unknown)}
    match heard.decision:
        case Denied(refusals=refusals):
            parts = [{"what": one.what, "code": one.code, "reason": one.reason} for one in refusals]
            return {**answer, "decision": "refused", "refusals": parts}
        case Granted(grant=grant, reasons=reasons):
            decision = "approval" if heard.approvals else "granted"
            said = {"decision": decision, "approvals": heard.approvals, "policies": list(reasons)}
            return {**answer, **said, "scope": _scope(grant)}
        case _:
            assert_never(heard.decision)


def _question(question: Question) -> dict[str, Any]:
    return {
        "action": question.action,
        "resource": {"type": question.resource.type, "id": question.resource.id},
        "permitted": question.verdict.is_permitted,
        "policies": list(question.verdict.policies),
        "failed": list(question.verdict.failed),
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def _printer() -> _Say:
    console = Console(soft_wrap=True, highlight=False)

    def say(*parts: tuple[str, str]) -> None:
        console.print(Text.assemble(*((printable(text), style) for text, style in parts)))

    return say
