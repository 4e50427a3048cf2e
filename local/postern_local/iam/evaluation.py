"""The decision: which of all policies that apply has the last word.

1. A Deny that matches in any policy: denied.
2. A resource policy that allows the caller's session by its own ARN, or the service that calls: allowed.
3. Every boundary (the session policy) must allow; none means no bound.
4. The resource policy allows the caller's role or user, or everybody: allowed.
5. The caller's own policies allow: allowed; for a role that is to be assumed, and for a KMS key, only
   where its own policy names the account, which hands the decision over to the account's policies.
6. Otherwise denied.

Between two accounts both must allow: the resource policy, in whatever form it names the caller or its account, and
the caller's own policies.

Reference: "Policy evaluation logic" and "Cross-account policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from postern_local.iam.document import Policy, PolicyKind, Statement
from postern_local.iam.principal import PrincipalForm, PrincipalPattern


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `arn` is the role's or user's, `session_arn` the assumed role's, `service` a service's name."""

    arn: str
    account: str
    session_arn: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource. `context` holds condition keys in any case, each with its values.

    `resource_account` is the resource's where that is another than the caller's.
    """

    caller: Caller
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    resource_account: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies that bear on a request."""

    identity: tuple[Policy, ...] = ()
    boundaries: tuple[Policy, ...] = ()  # each must allow: the session policy, a permissions boundary
    resource: tuple[Policy, ...] = ()  # the bucket's, the queue's or the key's, or the role's trust policy


@dataclass(frozen=True, slots=True)
class Allowed:
    """`by` names the policy, and the statement where it has a name."""

    by: str


@dataclass(frozen=True, slots=True)
class Denied:
    """`reason` says whether something denied it or nothing allowed it."""

    reason: str
    explicit: bool


Decision = Allowed | Denied


def evaluate(policies: PolicySet, request: Request) -> Decision:
    """Decides one request. Never raises for a request: what matches nothing is denied."""
    context = {key.lower(): tuple(values) for key, values in request.context.items()}
    matcher = _Matcher(request, context)
    everything = (*policies.identity, *policies.boundaries, *policies.resource)
    if denial := matcher.first(everything, allow=False):
        return Denied(reason=f"denied by {denial}", explicit=True)
    if request.resource_account not in (None, request.caller.account) and request.caller.service is None:
        return _between_accounts(policies, matcher)
    if direct := matcher.first(policies.resource, allow=True, forms=_DIRECT):
        return Allowed(by=direct)
    if bound := _not_within(policies.boundaries, matcher):
        return bound
    if grant := matcher.first(policies.resource, allow=True, forms=_BOUNDED):
        return Allowed(by=grant)
    gates = [policy for policy in policies.resource if policy.kind in (PolicyKind.TRUST, PolicyKind.KEY)]
    if gates and matcher.first(gates, allow=True, forms=_DELEGATED) is None:
        return Denied(reason=f"{gates[0].name} does not allow it", explicit=False)
    return _by_own_policies(policies, matcher)


def _between_accounts(policies: PolicySet, matcher: _Matcher) -> Decision:
    if matcher.first(policies.resource, allow=True) is None:
        return Denied(reason="no policy of the other account allows it", explicit=False)
    return _not_within(policies.boundaries, matcher) or _by_own_policies(policies, matcher)


def _not_within(boundaries: Iterable[Policy], matcher: _Matcher) -> Denied | None:
    for boundary in boundaries:
        if matcher.first((boundary,), allow=True) is None:
            return Denied(reason=f"not allowed by {boundary.name}", explicit=False)
    return None


def _by_own_policies(policies: PolicySet, matcher: _Matcher) -> Decision:
    if grant := matcher.first(policies.identity, allow=True):
        return Allowed(by=grant)
    return Denied(reason="no policy allows it", explicit=False)


# How a principal is named decides how far an Allow for it reaches.
_SESSION, _SERVICE, _IDENTITY, _ANYBODY, _ACCOUNT = "session", "service", "identity", "anybody", "account"
_DIRECT = frozenset({_SESSION, _SERVICE})
_BOUNDED = frozenset({_IDENTITY, _ANYBODY})
_DELEGATED = frozenset({_ACCOUNT})


@dataclass(frozen=True, slots=True)
class _Matcher:
    request: Request
    context: Mapping[str, tuple[str, ...]]

    def first(self, policies: Iterable[Policy], *, allow: bool, forms: frozenset[str] | None = None) -> str | None:
        """The first statement of that effect that matches, by name; `forms` narrows how the caller is named."""
        for policy in policies:
            for statement in policy.statements:
                if statement.allow is allow and self._matches(statement, forms):
                    return f"{policy.name} ({statement.sid})" if statement.sid else policy.name
        return None

    def _matches(self, statement: Statement, forms: frozenset[str] | None) -> bool:
        return (
            self._principal(statement, forms)
            and any(p.matches(self.request.action, {}, ignore_case=True) for p in statement.actions)
            != statement.negated_actions
            and self._resource(statement)
            and all(condition.holds(self.context) for condition in statement.conditions)
        )

    def _resource(self, statement: Statement) -> bool:
        if not statement.resources:
            return True
        found = any(pattern.matches(self.request.resource, self.context) for pattern in statement.resources)
        return found != statement.negated_resources

    def _principal(self, statement: Statement, forms: frozenset[str] | None) -> bool:
        if not statement.principals:
            return True
        named = {form for pattern in statement.principals if (form := self._named_by(pattern)) is not None}
        if statement.negated_principals:
            # An Allow with NotPrincipal would reach the whole world: it never counts as one.
            return not named and not statement.allow
        return bool(named if forms is None else named & forms)

    def _named_by(self, pattern: PrincipalPattern) -> str | None:
        caller = self.request.caller
        match pattern.form:
            case PrincipalForm.ANYBODY:
                return _ANYBODY
            case PrincipalForm.ACCOUNT:
                return _ACCOUNT if caller.service is None and pattern.value == caller.account else None
            case PrincipalForm.SERVICE:
                return _SERVICE if pattern.value == caller.service else None
            case PrincipalForm.IDENTITY:
                if caller.session_arn is not None and pattern.value == caller.session_arn:
                    return _SESSION
                return _IDENTITY if caller.service is None and pattern.value == caller.arn else None
