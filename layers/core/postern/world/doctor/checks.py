"""All checks, in the order in which they are asked, and how one database is examined with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from postern.errors import StatementFailed
from postern.world.doctor import (
    database,
    extensions,
    foreign,
    owner,
    relations,
    roles,
    routines,
    settings,
    statement_log,
    worlds,
)
from postern.world.doctor.findings import Check, Finding, Row, Severity, Subject
from postern.world.doctor.tables import table_checks


@dataclass(frozen=True, slots=True)
class Blind:
    """A check that could not look, and why."""

    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, worst first, and which checks could not look."""

    findings: tuple[Finding, ...]
    blind: tuple[Blind, ...]

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity.is_at_least(severity))


def checks(subject: Subject) -> tuple[Check, ...]:
    """Every check; those of a catalog's tables are bound to its tables."""
    return (
        settings.VERSION,
        relations.RELATIONS,
        relations.SUPERUSERS_VIEWS,
        relations.SEQUENCES,
        relations.CREATING_SCHEMAS,
        relations.OPEN_SCHEMAS,
        routines.SECURITY_DEFINERS,
        routines.UNTRUSTED,
        routines.WIDENED,
        extensions.EXTENSIONS,
        database.TEMP,
        database.CREATE,
        database.PARAMETERS,
        database.LARGE_OBJECTS,
        database.DEFAULT_PRIVILEGES,
        database.SEARCH_PATH,
        database.OTHER_DATABASES,
        foreign.SERVERS,
        foreign.USER_MAPPINGS,
        foreign.EVENT_TRIGGERS,
        roles.MISSING,
        roles.MISSING_MEMBERSHIPS,
        roles.STRONGER,
        roles.MEMBERSHIPS,
        roles.IAM_MEMBERSHIPS,
        roles.OWN_SCHEMA,
        owner.WEAKNESSES,
        owner.MEMBERSHIP,
        owner.OWNED,
        *table_checks(subject),
        worlds.ROLES_ALONE,
        worlds.SCHEMAS_ALONE,
        worlds.KEYS_ALONE,
        worlds.OLD,
        worlds.UNMARKED,
        worlds.SESSIONS,
        worlds.GIVEN,
        settings.LARGE_OBJECT_RIGHTS,
        settings.LOGGED_PARAMETERS,
        statement_log.STATEMENT_LOG,
        statement_log.LOGINS,
        settings.TLS,
        settings.FORCED_TLS,
        settings.PASSWORDS,
        settings.TEMP_FILES,
        settings.LIMITS,
    )


def examine(
    ask: Callable[[str], Sequence[Row]], subject: Subject, *, advance: Callable[[int], None] = lambda _: None
) -> Examination:
    """Asks every check. A question that the database refuses blinds its check and no other.

    `ask` returns a query's rows and raises `StatementFailed` where the database refuses it.
    """
    findings: list[Finding] = []
    blind: list[Blind] = []
    answers: dict[str, Sequence[Row]] = {}  # several checks read the same rows
    for check in checks(subject):
        sql = check.sql(subject)
        try:
            if sql is not None:
                if sql not in answers:
                    answers[sql] = ask(sql)
                findings += check.read(check, answers[sql])
        except StatementFailed as error:
            blind.append(Blind(check.name, error.detail))
        advance(1)
    order = list(Severity)
    return Examination(tuple(sorted(findings, key=lambda finding: order.index(finding.severity))), tuple(blind))
