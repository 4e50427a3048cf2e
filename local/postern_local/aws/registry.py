"""The sessions that STS issued since the server started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from postern_local.aws.roles import RoleDescription
from postern_local.aws.sessions import StsSession


@dataclass(slots=True)
class SessionRegistry:
    """Issued sessions by access key id. They live as long as the process: expired ones are still told apart."""

    describe: Callable[[str], RoleDescription | None]
    _issued: dict[str, StsSession]

    @classmethod
    def empty(cls, describe: Callable[[str], RoleDescription | None]) -> SessionRegistry:
        return cls(describe, {})

    def add(self, session: StsSession) -> None:
        self._issued[session.access_key_id] = session

    def get(self, access_key_id: str) -> StsSession | None:
        """The session with its role's policies as they stand now; none where the role is gone."""
        issued = self._issued.get(access_key_id)
        if issued is None:
            return None
        role = self.describe(issued.role_arn)
        return replace(issued, identity_policies=role.policies if role else ())
