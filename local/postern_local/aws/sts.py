"""STS inside moto: AssumeRole is decided by `assume_role`, and no other way to a session is open."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError
from moto.sts.models import AssumedRole, sts_backends
from moto.sts.responses import TokenResponse

from postern.types import Secret
from postern_local.aws import callers
from postern_local.aws.assume_role import AssumeRoleRequest, Assuming, FreshKeys, assume_role
from postern_local.aws.faults import Refused
from postern_local.aws.registry import SessionRegistry
from postern_local.aws.replacement import Method, replace
from postern_local.aws.roles import describe_role
from postern_local.aws.sessions import StsSession
from postern_local.iam import Caller

Clock = Callable[[], float]
_CLOSED = ("get_session_token", "get_federation_token", "assume_role_with_saml", "assume_role_with_web_identity")
_NOT_SERVED = ("PolicyArns.", "SerialNumber", "TokenCode", "ProvidedContexts.")


class StsRefusal(STSClientError):
    """A refusal in the form that moto turns into STS's answer."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code, refused.message)


def install(registry: SessionRegistry, clock: Clock) -> None:
    """Puts the decision in place. Call once, before the first request."""
    replace(TokenResponse, "assume_role", lambda _original: _assume_role(registry, clock))
    for name in _CLOSED:
        replace(TokenResponse, name, lambda _original: _refuse)


def assume_as_service(
    registry: SessionRegistry, request: AssumeRoleRequest, *, service: str, source_function_arn: str | None, now_s: int
) -> StsSession:
    """A session as an AWS service takes one for itself, for example Lambda for a function. Raises `Refused`."""
    # A service works here for the account of the role that it takes: there is one account.
    account = {"aws:SourceAccount": tuple(request.role_arn.split(":")[4:5])}
    assuming = Assuming(
        Caller(arn="", account="", service=service), context=account, source_function_arn=source_function_arn
    )
    return _issue(registry, request, assuming, now_s)


def _assume_role(registry: SessionRegistry, clock: Clock) -> Method:
    def answer(response: TokenResponse) -> ActionResult:
        try:
            session = _issue(registry, _read(response), _assuming(callers.current.get()), int(clock()))
        except Refused as refused:
            raise StsRefusal(refused) from refused
        result: dict[str, Any] = {
            "Credentials": {
                "AccessKeyId": session.access_key_id,
                "SecretAccessKey": session.secret_access_key.reveal(),
                "SessionToken": session.session_token.reveal(),
                "Expiration": datetime.fromtimestamp(session.expires_at_s, UTC),
            },
            "AssumedRoleUser": {"AssumedRoleId": f"AROALOCAL:{session.session_name}", "Arn": session.arn},
            "PackedPolicySize": 6,
        }
        if session.source_identity is not None:
            result["SourceIdentity"] = session.source_identity
        return ActionResult(result)

    return answer


def _issue(registry: SessionRegistry, request: AssumeRoleRequest, assuming: Assuming, now_s: int) -> StsSession:
    role = describe_role(request.role_arn)
    account = request.role_arn.split(":")[4] if role else ""
    session = assume_role(
        request, assuming, role, now_s=now_s, account=account, fresh_keys=lambda: _fresh_keys(account)
    )
    registry.add(session)
    _tell_moto(session)
    return session


def _assuming(signed: callers.Signed) -> Assuming:
    sender = signed.sender
    return Assuming(
        caller=sender.caller(),
        identity=sender.identity(),
        boundaries=sender.boundaries(),
        context=sender.context(),
        session=sender if isinstance(sender, StsSession) else None,
    )


def _fresh_keys(account: str) -> FreshKeys:
    key = iam_backends[account]["aws"].create_temp_access_key()
    return FreshKeys(key.access_key_id, Secret(secrets.token_hex(20)), Secret("local" + secrets.token_hex(400)))


def _tell_moto(session: StsSession) -> None:
    """Lets moto answer GetCallerIdentity for the session."""
    backend = sts_backends[session.account]["aws"]
    key = iam_backends[session.account]["aws"].access_keys[session.access_key_id]
    backend.assumed_roles.append(
        AssumedRole(
            account_id=session.account,
            region_name="us-east-1",
            access_key=key,
            role_session_name=session.session_name,
            role_arn=session.role_arn,
            policy=session.session_policy or "",
            duration=session.expires_at_s - session.issued_at_s,
            external_id="",
        )
    )


def _read(response: TokenResponse) -> AssumeRoleRequest:
    """The parameters from the form, read by ourselves: a list that is silently dropped would widen the session."""
    form = {name: values[0] for name, values in response.querystring.items() if isinstance(values, list) and values}
    for name in form:
        if name.startswith(_NOT_SERVED):
            raise Refused("ValidationError", f"{name}: not served by the local stack", 400)
    duration = form.get("DurationSeconds", "3600")
    if not duration.isdecimal() or len(duration) > 6:
        raise Refused("ValidationError", "DurationSeconds: expected a number", 400)
    return AssumeRoleRequest(
        role_arn=form.get("RoleArn", ""),
        session_name=form.get("RoleSessionName", ""),
        duration_s=int(duration),
        policy=form.get("Policy"),
        tags=tuple(zip(_members(form, "Tags", ".Key"), _members(form, "Tags", ".Value"), strict=True)),
        transitive_tag_keys=tuple(_members(form, "TransitiveTagKeys", "")),
        source_identity=form.get("SourceIdentity"),
        external_id=form.get("ExternalId"),
    )


def _members(form: dict[str, str], name: str, suffix: str) -> list[str]:
    """`<name>.member.1<suffix>`, 2, ... in order. Raises `Refused` where the numbers have a gap."""
    prefix = f"{name}.member."
    numbers = {part.removeprefix(prefix).split(".", 1)[0] for part in form if part.startswith(prefix)}
    expected = [str(number) for number in range(1, len(numbers) + 1)]
    if numbers != set(expected) or any(f"{prefix}{number}{suffix}" not in form for number in expected):
        raise Refused("ValidationError", f"{name}: expected members numbered from 1, each complete", 400)
    return [form[f"{prefix}{number}{suffix}"] for number in expected]


def _refuse(_response: TokenResponse) -> ActionResult:
    raise StsRefusal(Refused("AccessDenied", "the local stack issues sessions by AssumeRole only"))
