"""Which messages say that a statement ran, and which statements are the broker's own.

With `log_statement` the server writes `execute <name>: <text>` for the extended protocol, by which all of an agent's
statements are sent, and `statement: <text>` for the simple one, by which only three of the broker's own are. Where
`log_min_duration_statement` is what writes, the same follows a duration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_RAN = re.compile(
    r"(?:duration: [0-9]+\.[0-9]{3} ms  )?"
    r"(?:(?P<simple>statement)|execute (?P<name>.*?)|fastpath function call): (?P<text>.*)",
    re.DOTALL,
)
_UNNAMED = "<unnamed>"  # the only name that the broker gives to a statement


class Protocol(StrEnum):
    """How a statement reached the server."""

    EXTENDED = "extended"  # unnamed, run once and whole, as the broker does
    SIMPLE = "simple"
    OTHER = "other"  # a named statement, a fetch from a portal, a function call


@dataclass(frozen=True, slots=True)
class Ran:
    """A statement that the server says it ran."""

    protocol: Protocol
    text: str


def parse_ran(message: str) -> Ran | None:
    """The statement that a message says ran; None where it says something else."""
    match = _RAN.fullmatch(message)
    if match is None:
        return None
    if match["simple"] is not None:
        return Ran(Protocol.SIMPLE, match["text"])
    return Ran(Protocol.EXTENDED if match["name"] == _UNNAMED else Protocol.OTHER, match["text"])


class Own(StrEnum):
    """What a statement of the broker's own does, as far as it matters here."""

    BEGIN = "begin"
    NAME = "name"  # tells the session's application name: the command id
    COMMIT = "commit"
    ROLLBACK = "rollback"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class OwnStatement:
    """A statement of the broker's own; `name` is the application name that it sets, if it does."""

    does: Own
    name: str | None = None
    is_query: bool = False  # the same text may have been let through as somebody's own, which is then on record


# Every text that a version of the broker ever sent in a task's session: they may still stand in a log.
_EXTENDED = {
    "BEGIN READ ONLY": Own.BEGIN,
    "BEGIN READ WRITE": Own.BEGIN,
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE": Own.BEGIN,
    "SAVEPOINT postern": Own.OTHER,
    "SET TRANSACTION READ ONLY": Own.OTHER,
    "RELEASE SAVEPOINT postern": Own.OTHER,
    "RESET ALL": Own.OTHER,
    "SET CONSTRAINTS ALL IMMEDIATE": Own.OTHER,
    "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()": Own.OTHER,
    "SELECT o, pg_catalog.format_type(o, NULL) FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o": Own.OTHER,
    "SELECT o, pg_catalog.format_type(o, NULL), typdelim FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o"
    " LEFT JOIN pg_catalog.pg_type AS t ON t.oid = o": Own.OTHER,
    "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::pg_catalog.text"
    " FROM pg_catalog.pg_stat_xact_user_tables": Own.OTHER,
    "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text, pid::pg_catalog.text,"
    " pg_catalog.to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    " (SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::pg_catalog.text"
    " FROM pg_catalog.pg_stat_xact_user_tables)"
    " FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())": Own.OTHER,
    # What the statements of a dry run have locked.
    "SELECT DISTINCT n.nspname || '.' || c.relname, l.mode FROM pg_catalog.pg_locks l"
    " JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted"
    " AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    " AND c.relkind IN ('r', 'p', 'f', 'm', 'v', 'S')"
    " AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') ORDER BY 1, 2 LIMIT 200": Own.OTHER,
}
_SIMPLE = {"COMMIT": Own.COMMIT, "ROLLBACK": Own.ROLLBACK, "DISCARD ALL": Own.OTHER}
# Sessions of run-once statements have theirs outside of a transaction too, and take on the owner role.
_SETTING = re.compile(
    r"SET (?:LOCAL )?(?:(?P<bound>(?:statement|lock)_timeout = [0-9]{1,10})"
    r"|idle_in_transaction_session_timeout = [0-9]{1,10}"
    r'|ROLE "(?:[^"]|""){1,126}"|search_path TO "(?:[^"]|""){1,126}", pg_temp'
    r"|application_name = '(?P<name>[0-9A-Za-z_.-]{1,63})')"
)


def parse_own(ran: Ran) -> OwnStatement | None:
    """What a statement of the broker's own does; None for any other."""
    if ran.protocol is Protocol.SIMPLE:
        does = _SIMPLE.get(ran.text)
        return None if does is None else OwnStatement(does)
    if ran.protocol is not Protocol.EXTENDED:
        return None
    if match := _SETTING.fullmatch(ran.text):
        if match["name"] is not None:
            return OwnStatement(Own.NAME, match["name"])
        return OwnStatement(Own.OTHER, is_query=match["bound"] is not None)
    does = _EXTENDED.get(" ".join(ran.text.split()))
    return None if does is None else OwnStatement(does, is_query=ran.text.startswith("SELECT"))
