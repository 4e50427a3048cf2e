"""CodeDeploy's question before traffic moves, and the answer to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from postern.errors import StateUnavailable

_DEPLOYMENT = re.compile(r"d-[A-Z0-9]{1,40}")
_MAX_EXECUTION_ID = 4096


class CodeDeployClient(Protocol):
    """CodeDeploy, as far as it is used here."""

    # The names are the SDK's.
    def put_lifecycle_event_hook_execution_status(
        self,
        *,
        deploymentId: str,  # noqa: N803
        lifecycleEventHookExecutionId: str,  # noqa: N803
        status: str,
    ) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. The execution id is a secret of a kind: who has it can answer."""

    deployment_id: str
    execution_id: str


def parse_question(event: Mapping[str, Any]) -> Asked | None:
    """CodeDeploy's question; None where the event is none. Raises `ValueError` for one that has not the form."""
    if "DeploymentId" not in event and "LifecycleEventHookExecutionId" not in event:
        return None
    deployment, execution = event.get("DeploymentId"), event.get("LifecycleEventHookExecutionId")
    if not isinstance(deployment, str) or _DEPLOYMENT.fullmatch(deployment) is None:
        raise ValueError("DeploymentId: expected one of CodeDeploy's, got another form")
    if not isinstance(execution, str) or not 0 < len(execution) <= _MAX_EXECUTION_ID:
        raise ValueError("LifecycleEventHookExecutionId: expected text, got another form")
    return Asked(deployment, execution)


@dataclass(frozen=True, slots=True)
class CodeDeployHook:
    """Implements `deploy_ports.Hook`."""

    client: CodeDeployClient

    def answer(self, deployment_id: str, execution_id: str, *, may_go_on: bool) -> None:
        try:
            self.client.put_lifecycle_event_hook_execution_status(
                deploymentId=deployment_id,
                lifecycleEventHookExecutionId=execution_id,
                status="Succeeded" if may_go_on else "Failed",
            )
        except (ClientError, BotoCoreError) as error:
            raise StateUnavailable(
                "state.unavailable", "CodeDeploy: expected it to take the answer: try again"
            ) from error
