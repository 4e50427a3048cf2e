"""What an error was raised from, as a log may hold it."""

from __future__ import annotations


def causes(error: BaseException) -> list[str]:
    """Each cause by type, with the code where an SDK gave one; no text, which may quote what was sent."""
    told = []
    cause = error.__cause__
    while cause is not None:
        response = getattr(cause, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        operation = getattr(cause, "operation_name", None)
        told.append(" ".join(str(part) for part in (type(cause).__name__, code, operation) if part))
        cause = cause.__cause__
    return told
