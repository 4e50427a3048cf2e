"""Asks the function that alone builds and drops worlds, and waits for its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postern.edges.provision_contract import parse_error
from postern.errors import DatabaseUnavailable
from postern.types import TaskId

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class LambdaProvisioner:
    """Implements `ports.Provisioner` by a synchronous invocation."""

    client: LambdaClient
    function: str
    by: str = "principal"  # who or what asks, for the record of a teardown: or `timer`

    def provision(self, task_id: TaskId) -> None:
        self._ask({"action": "provision", "task_id": task_id})

    def tear_down(self, task_id: TaskId) -> None:
        self._ask({"action": "tear_down", "task_id": task_id, "by": self.by})

    def _ask(self, request: dict[str, str]) -> None:
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
