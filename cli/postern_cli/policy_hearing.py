"""What policy says to a token's claims and a request, and each question it was asked on the way.

Nothing is decided here: the claims go through `verify_use` and `admit`, the request through the contract's decoder
and `decide`, as they do in production. The policies are only listened to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from postern.errors import RefusedByPolicy, Unauthenticated
from postern.identity.issuers import IssuerRules
from postern.identity.rules import admit, broken_rules
from postern.identity.strict_json import Json
from postern.identity.tokens import SignedClaims, verify_use
from postern.masking.detectors import redact_text
from postern.policy.approvals import needed_approvals
from postern.policy.approving import is_own, may_approve
from postern.policy.bundle import PolicyBundle
from postern.policy.cedar import CedarPolicies, ContextValue, Inquiry, Verdict
from postern.policy.decide import decide
from postern.policy.decide_statements import check_dry_run
from postern.policy.entities import Entity, database_entity
from postern.policy.requests import Denied, Granted, TaskRequest
from postern.policy.task_context import time_context
from postern.types import DatabaseName, Principal, Sha256Hex, Task, TaskId, TaskState

_TOKEN_LIFE_S = 300
_NO_TOKEN = Sha256Hex("0" * 64)  # claims in a file are no token's


@dataclass(frozen=True, slots=True)
class Question:
    """One question that the policies were asked, and their verdict."""

    action: str
    resource: Entity
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """The claims open nothing: what they were refused for, and each row of the issuer's tables that does not hold."""

    issuer: str
    why: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """Whom the claims name, what was decided, and every question on the way.

    `approvals` people must still approve. `unknown` are names in the request that the layer has not: an agent is told
    of them in the words of what is closed.
    """

    principal: Principal
    decision: Granted | Denied
    questions: tuple[Question, ...]
    approvals: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom the claims name, whether they may do one thing, and why or why not."""

    principal: Principal
    is_permitted: bool
    why: str


def identify(claims: Mapping[str, Json], issuer: IssuerRules, *, now_s: int) -> Principal | NotAdmitted:
    """Who a token with these claims would be at that time, if the issuer had signed it.

    What every token of the issuer says is filled in where it is left out: `iss`, the audience and the dates.
    """
    usual: dict[str, Json] = {
        "iss": issuer.issuer,
        issuer.audience_claim: issuer.audience,
        "iat": now_s,
        "exp": now_s + _TOKEN_LIFE_S,
    }
    whole = {**usual, **claims}
    if whole["iss"] != issuer.issuer:
        return NotAdmitted(issuer.name, f"iss: expected {issuer.issuer}, got another", ())
    try:
        expires_at_s = verify_use(SignedClaims(issuer, whole, _NO_TOKEN), now_s=now_s)
        return admit(whole, issuer, token_sha256=_NO_TOKEN, expires_at_s=expires_at_s)
    except Unauthenticated as error:
        return NotAdmitted(issuer.name, error.detail, _broken(whole, issuer))


def hear(bundle: PolicyBundle, principal: Principal, request: TaskRequest, *, now_us: int) -> Heard:
    """The decision over the request, as opening a task would take it."""
    cedar = _listened(bundle.cedar)
    decision = decide(replace(bundle, parse_cedar=lambda: cedar), principal, as_recorded(request), now_us=now_us)
    needed = 0
    if isinstance(decision, Granted) and decision.needs_approval:
        needed = needed_approvals(bundle.approvals, decision.grant, request.statements)
    return Heard(principal, decision, tuple(cedar.questions), needed, _unknown(bundle, request))


def ask_of_database(bundle: PolicyBundle, principal: Principal, action: str, database: str, *, now_us: int) -> Asked:
    """Whether the principal may `revoke` on the database, or `audit` it."""
    catalog = bundle.catalogs.get(DatabaseName(database))
    if catalog is None:
        return Asked(principal, False, f"the layer has no catalog of {database}")
    verdict = bundle.cedar.asked_by(principal, time_context(now_us)).may(action, database_entity(catalog))
    return Asked(principal, verdict.is_permitted, reason(verdict))


def ask_of_task(bundle: PolicyBundle, principal: Principal, action: str, task: Task, *, now_us: int) -> Asked:
    """Whether the principal may `approve` the waiting task, or try its statements (`dryRun`)."""
    cedar = _listened(bundle.cedar)
    bundle = replace(bundle, parse_cedar=lambda: cedar)
    if action == "approve":
        verdict = may_approve(bundle, principal, task, now_us=now_us)
        if verdict.is_permitted and is_own(principal, task):
            return Asked(principal, False, "four eyes: this may be the person who asked for the task")
        return Asked(principal, verdict.is_permitted, reason(verdict))
    try:
        check_dry_run(bundle, principal, task, now_us=now_us)
    except RefusedByPolicy as error:
        return Asked(principal, False, "; ".join(one.reason for one in error.refusals))
    return Asked(principal, True, reason(cedar.questions[-1].verdict))


def waiting_task(heard: Heard, request: TaskRequest, *, now_us: int) -> Task | None:
    """The task that waits after this decision, as far as policies are told of it; None where it opened none."""
    if isinstance(heard.decision, Denied):
        return None
    request = as_recorded(request)
    return Task(
        id=TaskId("0" * 32),
        state=TaskState.PENDING_APPROVAL,
        principal=heard.principal,
        purpose=request.purpose,
        ticket=request.ticket,
        grant=heard.decision.grant,
        created_at_s=now_us // 1_000_000,
        expires_at_s=now_us // 1_000_000,
        budgets=request.budgets,
        ttl_s=request.ttl_s,
        approvals_needed=heard.approvals,
        statements=request.statements,
    )


def reason(verdict: Verdict) -> str:
    """Which policies decided, in a line."""
    if verdict.failed:
        return f"policies that could not be evaluated: {', '.join(verdict.failed)}"
    if verdict.policies:
        return f"{'permitted' if verdict.is_permitted else 'forbidden'} by {', '.join(verdict.policies)}"
    return "no policy permits it"


def parse_request(body: Json) -> TaskRequest:
    """The request that a body of `POST /v1/tasks` makes. Raises `BadRequest` naming the field that is wrong."""
    from postern.edges import contract, http, presenters

    return presenters.task_request(http.parse_body(json.dumps(body).encode(), contract.OPEN_TASK))


def as_recorded(request: TaskRequest) -> TaskRequest:
    """The request as policies see it: purpose and ticket pass the detectors before anything looks at them."""
    ticket = None if request.ticket is None else redact_text(request.ticket)
    return replace(request, purpose=redact_text(request.purpose), ticket=ticket)


def _unknown(bundle: PolicyBundle, request: TaskRequest) -> tuple[str, ...]:
    catalog = bundle.catalogs.get(request.database)
    if catalog is None:
        return (f"database {request.database}",)
    tables = dict.fromkeys(table for part in request.access for table in part.tables)
    classes = dict.fromkeys((*request.unmask, *request.lookup))
    return (
        *(f"table {table}" for table in tables if catalog.find(table) is None),
        *(f"class {name}" for name in classes if name not in catalog.classes),
    )


def _broken(claims: Mapping[str, Json], issuer: IssuerRules) -> tuple[str, ...]:
    try:
        return broken_rules(claims, issuer)
    except Unauthenticated as error:
        return (error.detail,)


@dataclass(frozen=True, slots=True, eq=False)
class _ListenedPolicies(CedarPolicies):
    """The same policies; every question and its verdict is kept."""

    questions: list[Question] = field(default_factory=list)

    def asked_by(self, principal: Principal, context: Mapping[str, ContextValue]) -> Inquiry:
        inquiry = CedarPolicies.asked_by(self, principal, context)
        return _ListenedInquiry(inquiry.cedar, inquiry.entities, inquiry.principal, inquiry.context, self.questions)


@dataclass(frozen=True, slots=True, eq=False)
class _ListenedInquiry(Inquiry):
    questions: list[Question]

    def may(self, action: str, resource: Entity) -> Verdict:
        verdict = Inquiry.may(self, action, resource)
        self.questions.append(Question(action, resource, verdict))
        return verdict


def _listened(policies: CedarPolicies) -> _ListenedPolicies:
    return _ListenedPolicies(policies.policies, policies.schema, policies.entities, policies.ids)
