"""SDK clients of the stack's own parts, all of one session: it reads each service's model once, which takes longest."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from postern_local.aws.sessions import StsSession

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

ADMINISTRATOR_KEY = "local"  # any key that STS did not issue is the administrator's
_making = threading.Lock()  # a session may not make two clients at once; clients may be used as one likes


def make_client(service: str, *, endpoint_url: str, region: str, role: StsSession | None = None) -> Any:  # noqa: ANN401 - of the service
    """A client of whoever runs the stack, or of a role's session. It tries once: the server is on this machine."""
    keys = {"aws_access_key_id": ADMINISTRATOR_KEY, "aws_secret_access_key": ADMINISTRATOR_KEY}
    if role is not None:
        keys = {
            "aws_access_key_id": role.access_key_id,
            "aws_secret_access_key": role.secret_access_key.reveal(),
            "aws_session_token": role.session_token.reveal(),
        }
    with _making:
        return _session().client(service, endpoint_url=endpoint_url, region_name=region, config=_once(), **keys)  # type: ignore[call-overload]


@cache
def _once() -> Config:
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1})


@cache
def _session() -> Session:
    import boto3

    return boto3.Session()  # nothing of the user's own settings is in it: see `surroundings`
