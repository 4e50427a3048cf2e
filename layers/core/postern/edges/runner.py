"""Starts the function `run`: Lambda takes the event and answers before anything of it has run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postern.errors import DatabaseUnavailable
from postern.types import TaskId

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class LambdaRunner:
    """Implements `approval_ports.Runner` and `run_ports.DryRunner` by asynchronous invocations."""

    client: LambdaClient
    function: str

    def start(self, task_id: TaskId) -> None:
        self._send({"action": "run", "task_id": task_id})

    def start_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        self._send({"action": "dry_run", "task_id": task_id, "dry_run_id": dry_run_id})

    def _send(self, event: dict[str, str]) -> None:
        detail = f"{event['action']}: expected it to be started, it was not: try again"
        try:
            answer = self.client.invoke(
                FunctionName=self.function, InvocationType="Event", Payload=json.dumps(event).encode()
            )
        except (ClientError, BotoCoreError) as error:
            raise DatabaseUnavailable("database.unavailable", detail) from error
        if answer["StatusCode"] != _ACCEPTED:
            raise DatabaseUnavailable("database.unavailable", detail)
