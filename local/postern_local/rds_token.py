"""An RDS IAM token, verified as RDS verifies it: a presigned `connect` request whose signature is recomputed.

A token is `host:port/?Action=connect&DBUser=...&X-Amz-...`. The plan:

1. exactly the known parameters, each once;
2. Action, algorithm, signed headers, and a credential for `rds-db` in this region;
3. host and port are the front's own, DBUser is the user that connects;
4. the date is at most 15 minutes old, not past X-Amz-Expires, and not more than 5 minutes ahead;
5. the access key is a session's, its token is the one in the request, and it has not expired;
6. the signature is the one that the session's secret gives;
7. role policy and session policy allow `rds-db:connect` on exactly this user.

Reference: "Signature Version 4 signing process" (query parameters), "IAM database authentication" (RDS).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from postern_local.aws.sessions import StsSession
from postern_local.iam import Denied, PolicySet, Request, evaluate

_MAX_TOKEN_CHARACTERS = 8192
_MAX_AGE_S = 900
_MAX_AHEAD_S = 300
_SERVICE = "rds-db"
_PARAMETERS = frozenset(
    {
        *("Action", "DBUser", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature"),
    }
)
_CREDENTIAL = re.compile(r"([A-Z0-9]{16,128})/([0-9]{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EXPIRES = re.compile(r"[1-9][0-9]{0,3}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class TokenRefused(Exception):
    """Raised when a token does not let its user in. The message is for the front's log, never for the client."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is being connected to, as the front knows it."""

    host: str
    port: int
    user: str
    region: str
    account: str
    resource_id: str

    @property
    def arn(self) -> str:
        return f"arn:aws:rds-db:{self.region}:{self.account}:dbuser:{self.resource_id}/{self.user}"


def verify_token(
    token: str, target: Target, *, session: Callable[[str], StsSession | None], now_s: float
) -> StsSession:
    """Returns the session that the token proves. Raises `TokenRefused`."""
    authority, parameters = _parse(token)  # 1
    credential = _check_form(parameters, target.region)  # 2
    if authority != f"{target.host}:{target.port}":  # 3
        raise TokenRefused(f"host: expected {target.host}:{target.port}, got another")
    if parameters["DBUser"] != target.user:
        raise TokenRefused("DBUser: expected the user that connects, got another")
    _check_time(parameters, credential[2], now_s)  # 4
    held = session(credential[1])  # 5
    if held is None:
        raise TokenRefused("access key: expected a session's that was issued here")
    given = parameters["X-Amz-Security-Token"].encode()
    if not hmac.compare_digest(given, held.session_token.reveal().encode()):
        raise TokenRefused("session token: expected the session's own, got another")
    if held.is_expired(now_s):
        raise TokenRefused("session: expected one that has not expired")
    expected = _sign(authority, parameters, held.secret_access_key.reveal())  # 6
    if not hmac.compare_digest(expected, parameters["X-Amz-Signature"]):
        raise TokenRefused("signature: expected the one that the session's secret gives")
    _check_policy(held, target)  # 7
    return held


def _parse(token: str) -> tuple[str, dict[str, str]]:
    if len(token) > _MAX_TOKEN_CHARACTERS or not token.isascii():
        raise TokenRefused("token: expected a presigned request of bounded length")
    authority, slash, query = token.partition("/?")
    if not slash:
        raise TokenRefused("token: expected host:port/?query")
    parameters: dict[str, str] = {}
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not equals or name not in _PARAMETERS or name in parameters:
            raise TokenRefused("parameters: expected each known one once")
        try:
            parameters[name] = unquote(value, errors="strict")
        except UnicodeDecodeError as error:
            raise TokenRefused("parameters: expected UTF-8") from error
    if parameters.keys() != _PARAMETERS:
        raise TokenRefused("parameters: expected all known ones; a token of a long-term key is not accepted here")
    return authority, parameters


def _check_form(parameters: Mapping[str, str], region: str) -> re.Match[str]:
    for name, expected in (
        ("Action", "connect"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-SignedHeaders", "host"),
    ):
        if parameters[name] != expected:
            raise TokenRefused(f"{name}: expected {expected}, got another")
    credential = _CREDENTIAL.fullmatch(parameters["X-Amz-Credential"])
    if credential is None or credential[3] != region or credential[4] != _SERVICE:
        raise TokenRefused(f"credential: expected one for {_SERVICE} in {region}")
    if not _SIGNATURE.fullmatch(parameters["X-Amz-Signature"]):
        raise TokenRefused("signature: expected 64 hex digits")
    return credential


def _check_time(parameters: Mapping[str, str], credential_day: str, now_s: float) -> None:
    date, expires = parameters["X-Amz-Date"], parameters["X-Amz-Expires"]
    if not _DATE.fullmatch(date) or not _EXPIRES.fullmatch(expires) or int(expires) > _MAX_AGE_S:
        raise TokenRefused(f"date: expected a date and a lifetime of at most {_MAX_AGE_S} s")
    try:
        signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise TokenRefused("date: expected one of the calendar") from error
    if credential_day != date[:8]:
        raise TokenRefused("date: expected the credential's day")
    age_s = now_s - signed_at.timestamp()
    if age_s > int(expires):
        raise TokenRefused(f"age: expected at most {expires} s")
    if age_s < -_MAX_AHEAD_S:
        raise TokenRefused(f"date: expected at most {_MAX_AHEAD_S} s ahead")


def _sign(authority: str, parameters: Mapping[str, str], secret: str) -> str:
    """The signature of the request with these parameters, as hex."""
    pairs = sorted((_encode(n), _encode(v)) for n, v in parameters.items() if n != "X-Amz-Signature")
    query = "&".join(f"{name}={value}" for name, value in pairs)
    canonical = f"GET\n/\n{query}\nhost:{authority}\n\nhost\n{_EMPTY_SHA256}"
    scope = parameters["X-Amz-Credential"].split("/", 1)[1]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{parameters['X-Amz-Date']}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _check_policy(held: StsSession, target: Target) -> None:
    policies = PolicySet(identity=held.identity(), boundaries=held.boundaries())
    decision = evaluate(policies, Request(held.caller(), "rds-db:connect", target.arn, held.context()))
    if isinstance(decision, Denied):
        raise TokenRefused(f"policy: rds-db:connect on {target.arn}: {decision.reason}")
