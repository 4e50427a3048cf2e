"""Whether tasks' statements and logins reach the server's own log, and what that log then holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, always, text
from postern.world.names import PROVISION_ROLE, quote_literal
from postern.world.statement_log import PARAMETERS

_ALL_MAY = " AND ".join(f"has_parameter_privilege(r.oid, '{name}', 'SET')" for name in PARAMETERS)
_I_MAY = " AND ".join(f"has_parameter_privilege('{name}', 'SET WITH GRANT OPTION')" for name in PARAMETERS)
# NULL where the role is missing, which another check says.
_LOGGED = f"""
SELECT current_setting('log_statement'), ({_I_MAY})::text,
    (SELECT ({_ALL_MAY})::text FROM pg_roles r WHERE r.rolname = {quote_literal(PROVISION_ROLE)}),
    current_setting('log_connections')
"""
_GRANT = f"GRANT SET ON PARAMETER {', '.join(PARAMETERS)} TO {PROVISION_ROLE}"
_OFF = frozenset({"", "off", "false", "no", "0"})
_AUTHORIZATION = frozenset({"on", "true", "yes", "1", "all", "authorization"})


def _read_logged(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for everyones, may_pass_on, tasks, _ in rows:
        if everyones == "all":
            yield check.finding(
                "all statements, tasks' among them, are in the server's log", why=_WHY_TOLD, advice=_ADVICE
            )
        elif tasks == "true":
            yield check.finding("tasks' statements are in the server's log", why=_WHY_TOLD, advice=_ADVICE)
        elif tasks is not None:
            mend = [_GRANT] if may_pass_on == "true" else []
            advice = "for tasks that are opened from then on" if mend else _BY_PARAMETER_GROUP
            yield check.finding("tasks' statements are not in the server's log", mend, advice=advice)


def _read_logins(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for row in rows:
        # From PostgreSQL 18 on it is a list of what is logged of a connection.
        told = {part.strip() for part in text(row[3]).lower().split(",")}
        if not told & _AUTHORIZATION or told <= _OFF:
            yield check.finding(f"log_connections = {row[3] or 'nothing'}")


_WHY_TOLD = (
    "`postern audit reconcile` holds the records against it; it has the texts with their literals, also where records"
    " hold them normalized or sealed"
)
_ADVICE = (
    "keep that log as closely as the tables; without it, run what `postern db bootstrap --no-statement-log` prints"
)
_BY_PARAMETER_GROUP = (
    "who bootstrapped may not pass on SET on these parameters: run it as a superuser, or set log_statement to all and"
    " log_parameter_max_length to 0 for everybody; on Amazon RDS, in the parameter group"
)

STATEMENT_LOG = Check(
    "server.statement_log",
    Severity.INFO,
    "whether tasks' statements are in the server's log, with their literals",
    "`postern audit reconcile` has nothing to hold the records against",
    always(_LOGGED),
    _read_logged,
)
LOGINS = Check(
    "server.log_connections",
    Severity.INFO,
    "logins that are not in the server's log",
    "a login with a task's token that runs no statement leaves no line for `postern audit reconcile`",
    always(_LOGGED),
    _read_logins,
)
