"""The decision on one request: the sender's policies, the bucket's, and the request's context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from postern_local.aws.callers import Signed
from postern_local.aws.faults import Refused
from postern_local.iam import Denied, Policy, PolicySet, Request, evaluate


@dataclass(frozen=True, slots=True)
class Operation:
    """One action on one resource that a request needs; most need one, a copy needs more."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def authorize(
    signed: Signed, operation: Operation, *, now_s: float, resource_policies: tuple[Policy, ...] = ()
) -> None:
    """Returns where the operation is allowed. Raises `Refused` (`AccessDenied`) that says why not."""
    sender = signed.sender
    policies = PolicySet(identity=sender.identity(), boundaries=sender.boundaries(), resource=resource_policies)
    request = Request(
        caller=sender.caller(),
        action=operation.action,
        resource=operation.resource,
        context=_request_context(signed, now_s) | sender.context() | dict(operation.context),
    )
    decision = evaluate(policies, request)
    if isinstance(decision, Denied):
        who = request.caller.session_arn or request.caller.arn
        raise Refused(
            "AccessDenied",
            f"User: {who} is not authorized to perform: {operation.action} "
            f"on resource: {operation.resource}: {decision.reason}",
        )


def _request_context(signed: Signed, now_s: float) -> dict[str, tuple[str, ...]]:
    return {
        "aws:CurrentTime": (datetime.fromtimestamp(now_s, UTC).isoformat(),),
        "aws:EpochTime": (str(int(now_s)),),
        "aws:RequestedRegion": (signed.region,),
        "aws:ResourceAccount": (signed.sender.account,),
        # Loopback stands for TLS: nothing leaves the machine, and the templates deny plain HTTP.
        "aws:SecureTransport": ("true",),
        "aws:SourceIp": ("127.0.0.1",),
        "aws:ViaAWSService": ("false",),
        "aws:PrincipalIsAWSService": ("false",),
    }
