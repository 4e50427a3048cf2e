"""Who sent a request, by the access key in its credential.

A key that STS issued here is that session's, and must come with that session's token, unexpired. Any
other long-term key is the administrator's. A temporary key that is not known here, an unsigned
request and a signature of the old kind are refused.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from postern_local.aws.faults import Refused
from postern_local.aws.sessions import StsSession
from postern_local.iam import Caller, Policy, PolicyKind, parse_policy

# The same reading as the server's own router: anything else could be routed to a service that was not checked.
_CREDENTIAL = r"(?P<key>[\w.-]{1,128})/[0-9]{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request"
_AUTHORIZATION = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={_CREDENTIAL}, ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{{64}}"
)
_PRESIGNED = re.compile(_CREDENTIAL)
_TEMPORARY = "ASIA"

_EVERYTHING = parse_policy(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}},
    kind=PolicyKind.IDENTITY,
    name="administrator",
)


@dataclass(frozen=True, slots=True)
class Administrator:
    """Whoever runs the stack. Its own policies allow everything; a Deny of a bucket holds for it too."""

    account: str

    @property
    def arn(self) -> str:
        """The ARN that moto's GetCallerIdentity gives as well."""
        return f"arn:aws:iam::{self.account}:user/moto"

    def caller(self) -> Caller:
        return Caller(arn=self.arn, account=self.account)

    def identity(self) -> tuple[Policy, ...]:
        return (_EVERYTHING,)

    def boundaries(self) -> tuple[Policy, ...]:
        return ()

    def context(self) -> dict[str, tuple[str, ...]]:
        return {
            "aws:PrincipalArn": (self.arn,),
            "aws:PrincipalAccount": (self.account,),
            "aws:PrincipalType": ("User",),
            "aws:username": ("moto",),
        }


Sender = Administrator | StsSession


@dataclass(frozen=True, slots=True)
class Signed:
    """A request's sender with the service and region that its credential names."""

    sender: Sender
    service: str
    region: str


# One request at a time runs inside moto; its handlers read the sender from here.
current: ContextVar[Signed] = ContextVar("signed")


def identify(
    *,
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    account: str,
    session: Callable[[str], StsSession | None],
    now_s: float,
) -> Signed:
    """Finds the sender. `headers` are in lower case. Raises `Refused`."""
    found, token = _read_credential(headers, query)
    key = found["key"]
    known = session(key)
    if known is None:
        if key.startswith(_TEMPORARY):
            raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
        return Signed(Administrator(account), found["service"], found["region"])
    if not hmac.compare_digest(token.encode(), known.session_token.reveal().encode()):
        raise Refused("InvalidClientTokenId", "The security token included in the request is invalid.")
    if known.is_expired(now_s):
        raise Refused("ExpiredToken", "The security token included in the request is expired.")
    return Signed(known, found["service"], found["region"])


def _read_credential(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> tuple[re.Match[str], str]:
    authorization = headers.get("authorization")
    if authorization is not None:
        found = _AUTHORIZATION.fullmatch(authorization)
        if found is None:
            raise Refused("IncompleteSignature", "Authorization: expected one AWS4-HMAC-SHA256 credential.", 400)
        return found, headers.get("x-amz-security-token", "")
    presigned = query.get("X-Amz-Credential", [])
    if not presigned:
        raise Refused("MissingAuthenticationToken", "The request is not signed.")
    found = _PRESIGNED.fullmatch(presigned[0])
    # Without the header the server's router takes every request for S3's.
    if found is None or len(presigned) != 1 or found["service"] != "s3":
        raise Refused("IncompleteSignature", "X-Amz-Credential: expected one credential for s3.", 400)
    return found, query.get("X-Amz-Security-Token", [""])[0]
