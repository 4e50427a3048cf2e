"""Row estimates: asked of a database by `provision`, and of `provision` by `tasks`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from postern.errors import DatabaseLost, DatabaseUnavailable, StatementFailed
from postern.types import DatabaseAddress, Grant, TaskId
from postern.world.row_estimates import parse_row_estimates, row_estimates_sql

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from postern.edges.postgres.wire import AgentConnection


@dataclass(frozen=True, slots=True)
class DatabaseRows:
    """Implements `approval_ports.RowCounts` over a session of its own: it is asked once a task, at most."""

    open_connection: Callable[[DatabaseAddress], AgentConnection]

    def rows(self, grant: Grant, address: DatabaseAddress) -> Mapping[str, int]:
        if not grant.tables:
            return {}
        connection = self.open_connection(address)
        try:
            answer = connection.fetch_constant(row_estimates_sql((one.schema, one.name) for one in grant.tables), ())
        except (DatabaseLost, StatementFailed) as error:
            raise _unavailable() from error
        finally:
            connection.close()
        return parse_row_estimates(zip(*answer.values, strict=True))


@dataclass(frozen=True, slots=True)
class LambdaEstimator:
    """Implements `approval_ports.Estimator` by a synchronous invocation; the client bounds how long it takes."""

    client: LambdaClient
    function: str

    def estimate(self, task_id: TaskId) -> Mapping[str, int]:
        request = json.dumps({"action": "estimate", "task_id": task_id}).encode()
        try:
            answer = self.client.invoke(FunctionName=self.function, Payload=request)
            payload = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:
            raise _unavailable() from error
        if "FunctionError" in answer or not isinstance(payload, dict) or payload.get("status") != "ok":
            raise _unavailable()
        return {str(table): int(rows) for table, rows in payload["rows"].items()}


def _unavailable() -> DatabaseUnavailable:
    return DatabaseUnavailable("database.unavailable", "row estimates: expected an answer, got none")
