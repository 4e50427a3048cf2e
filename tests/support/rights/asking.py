"""One question to an evaluator, and the two evaluators that answer it: ours, and @cloud-copilot/iam-simulate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from postern_local.iam import Allowed, Caller, Policy, PolicyKind, PolicySet, Request, evaluate, parse_policy

from .documents import ACCOUNT

PROJECT = Path(__file__).resolve().parents[3]
EVALUATOR = PROJECT / "tests" / "support" / "evaluator"
FETCHED = PROJECT / ".postern" / "evaluator"
TIMEOUT_S = 120

Context = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ask:
    """An action on a resource. `explained`: why the Service Authorization Reference is not held against it."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    explained: str = ""

    def __str__(self) -> str:
        told = "".join(f" {key.partition(':')[2]}={','.join(values)}" for key, values in sorted(self.context.items()))
        return f"{self.action} {self.resource.split(':', 5)[-1]}{told}"


@dataclass(frozen=True, slots=True)
class Case:
    """An ask by a caller under documents. `kind` says what the resource's document is."""

    ask: Ask
    caller: str  # a role's ARN, or a service's name
    identity: tuple[str, ...] = ()
    session: str | None = None
    resource: str | None = None
    kind: PolicyKind = PolicyKind.RESOURCE
    account: str = ACCOUNT  # of the caller
    owner: str = ACCOUNT  # of the resource


@dataclass(frozen=True, slots=True)
class Answer:
    """`ignored`: condition keys of the ask that the evaluator's reference does not have for the action."""

    allowed: bool
    ignored: tuple[str, ...] = ()
    error: str | None = None


@lru_cache(maxsize=4096)
def _parsed(document: str, kind: PolicyKind) -> Policy:
    return parse_policy(document, kind=kind, name="policy")


def ours(case: Case) -> bool:
    """What postern_local.iam decides."""
    service = case.caller.endswith(".amazonaws.com")
    caller = (
        Caller(arn="", account="", service=case.caller)
        if service
        else Caller(case.caller, case.account, session_arn=session_arn(case.caller))
    )
    policies = PolicySet(
        identity=tuple(_parsed(document, PolicyKind.IDENTITY) for document in case.identity),
        boundaries=() if case.session is None else (_parsed(case.session, PolicyKind.IDENTITY),),
        resource=() if case.resource is None else (_parsed(case.resource, case.kind),),
    )
    request = Request(caller, case.ask.action, case.ask.resource, _context(case), case.owner)
    return isinstance(evaluate(policies, request), Allowed)


def session_arn(role: str) -> str:
    return role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/session"


def _context(case: Case) -> dict[str, tuple[str, ...]]:
    principal = {} if case.caller.endswith(".amazonaws.com") else {"aws:PrincipalArn": (case.caller,)}
    return {**principal, **case.ask.context}


def theirs(cases: Sequence[Case]) -> list[Answer]:
    """What iam-simulate decides, in one process. Skips, loudly, where it was not fetched; fails in CI."""
    node = _node()
    places: dict[str, int] = {}
    requests = [_request(case, places) for case in cases]
    told = json.dumps({"documents": [json.loads(text) for text in places], "requests": requests})
    done = subprocess.run(
        [node, str(EVALUATOR / "evaluate.mjs"), str(FETCHED)],
        input=told, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Answer(one["allowed"], tuple(one["ignored"]), one["error"]) for one in json.loads(done.stdout)]


def _node() -> str:
    """Node.js, with the packages that are pinned now."""
    node, name = shutil.which("node"), "package-lock.json"
    is_there = (FETCHED / "node_modules").is_dir() and (FETCHED / name).is_file()
    if node and is_there and (FETCHED / name).read_bytes() == (EVALUATOR / name).read_bytes():
        return node
    missing = "the policy evaluator is missing or another than the pinned one: run `make evaluator` (needs npm)"
    assert not os.environ.get("CI"), missing
    pytest.skip(missing)


def _request(case: Case, places: dict[str, int]) -> dict[str, Any]:
    def place(document: str | None) -> int | None:
        return None if document is None else places.setdefault(document, len(places))

    is_service = case.caller.endswith(".amazonaws.com")
    return {
        "principal": case.caller if is_service else session_arn(case.caller),
        "action": case.ask.action,
        "resource": case.ask.resource,
        "account": case.owner,
        "context": {name: list(values) for name, values in _context(case).items()},
        "identity": [place(document) for document in case.identity],
        "session": place(case.session),
        "resourcePolicy": place(case.resource),
        "kind": case.kind.value,
        "explained": bool(case.ask.explained),
    }
