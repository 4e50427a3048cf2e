"""What an error was raised from, as a log may hold it."""

from __future__ import annotations

from postern.errors import PolicyFileError


def causes(error: BaseException) -> list[str]:
    """Each cause by type, with the code where an SDK gave one; no text, which may quote what was sent.

    Only what is wrong with the operator's own policy files is told in full: that is for who reads the log.
    """
    told = []
    seen = {id(error)}
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        response = getattr(cause, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        operation = getattr(cause, "operation_name", None)
        file = cause.detail if isinstance(cause, PolicyFileError) else None
        told.append(" ".join(str(part) for part in (type(cause).__name__, code, operation, file) if part))
        cause = cause.__cause__
    return told
