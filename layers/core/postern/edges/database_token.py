"""IAM database tokens: one for exactly one role of a task, and one for the provisioner.

A task's token is signed with credentials of the connect role, assumed for this task with a session policy
and a session tag that name its role and nothing else. They stay in this environment's memory until
shortly before they end; they are in no answer, record or log.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from postern.errors import DatabaseUnavailable
from postern.types import DatabaseAddress, Secret, Task
from postern.world.names import role_name

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_sts import STSClient

TOKEN_S = 900  # what RDS accepts at most
SESSION_S = 900  # the shortest that STS gives; a task that lives on assumes the role anew
MARGIN_S = 120  # before their end, in which no new token is signed with a session's credentials


def session_policy(resource_arn: str) -> dict[str, Any]:
    """The second bound on the connect role's session: connecting as exactly one database user."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "rds-db:connect", "Resource": resource_arn}],
    }


def database_user_arn(account: str, address: DatabaseAddress, user: str) -> str:
    return f"arn:aws:rds-db:{address.region}:{account}:dbuser:{address.resource_id}/{user}"


def sign_token(credentials: Credentials, address: DatabaseAddress, user: str) -> Secret:
    """An IAM database token for one user of one address: a presigned `connect` request, good for 15 minutes.

    Signed offline. The same as the SDK's `generate_db_auth_token`, without the 30 ms that a client costs.
    """
    request = AWSRequest(
        method="GET",
        url=f"https://{address.host}:{address.port}/",
        params={"Action": "connect", "DBUser": user},
    )
    SigV4QueryAuth(credentials, "rds-db", address.region, expires=TOKEN_S).add_auth(request)
    return Secret(str(request.prepare().url).removeprefix("https://"))


@dataclass(slots=True)
class TaskTokens:
    """Mints tokens for one task's role. Raises `DatabaseUnavailable` where STS refuses or is away."""

    sts: STSClient
    connect_role_arn: str
    _kept: tuple[str, float, Credentials] | None = field(default=None, repr=False)

    def mint(self, task: Task, address: DatabaseAddress) -> Secret:
        user = role_name(task.id)
        account = self.connect_role_arn.split(":")[4]
        arn = database_user_arn(account, address, user)
        if self._kept is None or self._kept[0] != arn or self._kept[1] <= time.monotonic():
            self._kept = (arn, time.monotonic() + SESSION_S - MARGIN_S, self._assume(task, user, arn))
        return sign_token(self._kept[2], address, user)

    def _assume(self, task: Task, user: str, arn: str) -> Credentials:
        try:
            assumed = self.sts.assume_role(
                RoleArn=self.connect_role_arn,
                RoleSessionName=task.id,
                SourceIdentity=task.id,
                DurationSeconds=SESSION_S,
                Policy=json.dumps(session_policy(arn), separators=(",", ":")),
                Tags=[{"Key": "postern_user", "Value": user}],
            )["Credentials"]
        except (ClientError, BotoCoreError) as error:
            raise DatabaseUnavailable(
                "database.unavailable", "the task's database credentials cannot be had: try again"
            ) from error
        return Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])


@dataclass(frozen=True, slots=True)
class RoleTokens:
    """Mints tokens for one fixed database user with the function's own role."""

    session: Session
    user: str

    def mint(self, address: DatabaseAddress) -> Secret:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise DatabaseUnavailable(
                "database.unavailable", f"{self.user}: expected credentials to sign a token with, got none"
            )
        return sign_token(credentials, address, self.user)
