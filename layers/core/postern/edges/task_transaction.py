"""Writes on a task's items that happen together or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges.failed_conditions import is_conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_WAITS_S = (0.02, 0.05, 0.1, None)


def transact(client: DynamoDBClient, *writes: Mapping[str, Any]) -> None:
    """Makes all the writes. Raises the SDK's error where one of their conditions failed: nothing was written then."""
    for wait_s in _WAITS_S:
        try:
            client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type]
        except ClientError as error:
            # Another call of the task was at the same item: nothing was written.
            if wait_s is None or not is_conflict(error):
                raise
            time.sleep(wait_s)
        else:
            return
