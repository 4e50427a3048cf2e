"""Asks the function that alone builds and drops worlds, and waits for its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from postern.edges.provision_contract import parse_error, parse_swept, parse_torn_down
from postern.errors import DatabaseUnavailable
from postern.ports import TornDown
from postern.sweep_ports import Swept
from postern.types import DatabaseName, TaskId

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class LambdaProvisioner:
    """Implements `Provisioner`, `run_ports.DryRunRoles` and `sweep_ports.RoleSweeper` by synchronous invocations."""

    client: LambdaClient
    function: str
    by: str = "principal"  # who or what asks, for the record of a teardown: or `timer`, `revocation`, `hold`

    def provision(self, task_id: TaskId) -> None:
        self._ask({"action": "provision", "task_id": task_id})

    def tear_down(self, task_id: TaskId) -> TornDown:
        return parse_torn_down(self._ask({"action": "tear_down", "task_id": task_id, "by": self.by}))

    def provision_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        self._ask({"action": "provision_dry_run", "task_id": task_id, "dry_run_id": dry_run_id})

    def tear_down_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        self._ask({"action": "tear_down_dry_run", "task_id": task_id, "dry_run_id": dry_run_id})

    def sweep(self, database: DatabaseName) -> Swept:
        return parse_swept(self._ask({"action": "sweep", "database": database}))

    def _ask(self, request: dict[str, str]) -> dict[str, Any]:
        try:
            answer = self.client.invoke(FunctionName=self.function, Payload=json.dumps(request).encode())
            payload = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:
            raise DatabaseUnavailable(
                "database.unavailable",
                f"{request['action']}: expected an answer of the provisioner, got none: try again",
            ) from error
        if "FunctionError" in answer or not isinstance(payload, dict) or payload.get("status") != "ok":
            raise parse_error(payload if isinstance(payload, dict) else {})
        return payload
