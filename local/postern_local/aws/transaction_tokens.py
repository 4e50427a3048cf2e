"""DynamoDB transactions that are sent again with the same token, as an SDK does after a lost answer.

Correction of moto 5.2.5, which runs them again, so that their own conditions fail: for ten minutes a transaction that
was made answers its token as it did at first, and the token with another transaction is refused.
Reference: TransactWriteItems, `ClientRequestToken` (DynamoDB API reference).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.responses import DynamoHandler

from postern_local.aws.replacement import Method, replace

_KEPT_S = 600.0

Key = tuple[str, str, str]


class TokenMismatchError(DynamodbException):
    """The token stands for another transaction."""

    error_type = "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException"

    def __init__(self) -> None:
        super().__init__(self.error_type, "ClientRequestToken: expected the transaction it was used with, got another")


def install(clock: Callable[[], float]) -> None:
    """Once a process."""
    made: dict[Key, tuple[float, str, Any]] = {}

    def once(original: Method) -> Method:
        def transact_write_items(self: DynamoHandler) -> object:
            token = self.body.get("ClientRequestToken")
            if token is None:
                return original(self)
            for key in [key for key, (until_s, _, _) in made.items() if until_s <= clock()]:
                del made[key]
            key = (self.current_account, self.region, str(token))
            asked = json.dumps(self.body["TransactItems"], sort_keys=True, default=bytes.hex)
            if key not in made:
                made[key] = (clock() + _KEPT_S, asked, original(self))  # one that fails raises, and is not kept
            _, known, answer = made[key]
            if known != asked:
                raise TokenMismatchError
            return answer

        return transact_write_items

    replace(DynamoHandler, "transact_write_items", once)
