"""What every session is asked to be when it starts, and what it must say it is before an agent's SQL runs in it."""

from __future__ import annotations

from collections.abc import Mapping

from postern.server_majors import SUPPORTED_MAJORS

# Sent with the startup message: this outranks what ALTER ROLE and ALTER DATABASE set, and DISCARD ALL returns to it.
STARTUP_SETTINGS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",  # the guard's parser reads strings this way and no other
    "bytea_output": "hex",
    "extra_float_digits": "1",  # the shortest text that gives the same float back
    "client_min_messages": "error",  # notices hold values and are never delivered: let them not be sent
    "statement_timeout": "30s",  # of our own statements; an agent's has its own
    "idle_in_transaction_session_timeout": "30s",  # an environment that is frozen holds no lock for longer
    "idle_session_timeout": "60s",  # and none of its task's few connections
}

# Reported by the server (documentation, section 53.2.7), as set above or by itself.
_REQUIRED: Mapping[str, frozenset[str]] = {
    "client_encoding": frozenset({"UTF8"}),
    "TimeZone": frozenset({"UTC"}),
    "DateStyle": frozenset({"ISO, MDY"}),
    "IntervalStyle": frozenset({"postgres"}),
    "standard_conforming_strings": frozenset({"on"}),
    "integer_datetimes": frozenset({"on"}),
}


def unmet_setting(statuses: Mapping[str, str]) -> str | None:
    """What is not as it must be, as a sentence for an operator; None where all is well."""
    for name, allowed in _REQUIRED.items():
        if (value := statuses.get(name)) not in allowed:
            return f"{name}: expected {' or '.join(sorted(allowed))}, got {value or 'nothing'}"
    if statuses.get("server_encoding", "SQL_ASCII") == "SQL_ASCII":
        return "server_encoding: expected an encoding that converts to UTF8, got SQL_ASCII"
    major = statuses.get("server_version", "").partition(".")[0]
    digits = major[: len(major) - len(major.lstrip("0123456789"))]
    if not digits or int(digits) not in SUPPORTED_MAJORS:
        return f"server_version: expected one of {', '.join(map(str, SUPPORTED_MAJORS))}, got {major or 'nothing'}"
    return None
