"""What a failed DynamoDB condition says: which one failed, and what stood in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from postern.errors import StateUnavailable

Stored = Mapping[str, Any]


@contextmanager
def translated(what: str = "the state table") -> Iterator[None]:
    """Turns what the SDK raises into `StateUnavailable`; failed conditions are read before they get here."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise StateUnavailable("state.unavailable", f"{what} cannot be reached: try again") from error


def is_conflict(error: ClientError) -> bool:
    """Whether a transaction was given up for another that ran on the same items, and for nothing else."""
    response: Mapping[str, Any] = error.response
    codes = {reason.get("Code") for reason in response.get("CancellationReasons", [])}
    return "TransactionConflict" in codes and codes <= {"TransactionConflict", "None", None}


def failed_conditions(error: ClientError) -> tuple[Stored | None, ...]:
    """One entry a write: None where its condition held, else the item that stood there, {} where none did.

    Raises the error again where it tells of no failed condition: a throttle, a conflict, a refusal.
    """
    response: Mapping[str, Any] = error.response
    code = response.get("Error", {}).get("Code")
    if code == "ConditionalCheckFailedException":
        return (response.get("Item", {}),)
    if code == "TransactionCanceledException":
        reasons = response.get("CancellationReasons", [])
        if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
            return tuple(
                reason.get("Item", {}) if reason.get("Code") == "ConditionalCheckFailed" else None for reason in reasons
            )
    raise error
