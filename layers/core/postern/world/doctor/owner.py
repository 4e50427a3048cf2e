"""The role as which run-once statements run: a plain owner of the tables, and postern_provision's to grant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, Subject, text
from postern.world.names import PROVISION_ROLE, quote_ident, quote_literal, quote_qualified
from postern.world.run_role import owner_weaknesses_sql


def _weaknesses(subject: Subject) -> str | None:
    if subject.owner_role is None:
        return None
    named = f"SELECT {quote_literal(subject.owner_role)}, w.reason FROM"
    return f"{named} ({owner_weaknesses_sql(subject.owner_role)}) AS w ORDER BY 2"


def _read_weaknesses(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for role, reason in rows:
        yield check.finding(
            f"owner_role {quote_ident(text(role))} {reason}",
            advice="name in the catalog a role that owns the tables and nothing more; no statement runs as this one",
        )


def _membership(subject: Subject) -> str | None:
    if subject.owner_role is None:
        return None
    owner = quote_literal(subject.owner_role)
    return f"""SELECT {owner} WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = {owner}) AND NOT EXISTS (
    SELECT FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
    WHERE g.rolname = {owner} AND m.rolname = {quote_literal(PROVISION_ROLE)} AND a.admin_option)"""


def _read_membership(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (role,) in rows:
        owner = quote_ident(text(role))
        yield check.finding(
            f"{PROVISION_ROLE} cannot make a task's role a member of {owner}",
            [f"GRANT {owner} TO {PROVISION_ROLE} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"],
        )


def _owned(subject: Subject) -> str | None:
    if subject.owner_role is None or not subject.tables:
        return None
    owner = quote_literal(subject.owner_role)
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in sorted(subject.tables))
    return f"""SELECT {owner}, 'table', n.nspname::text, c.relname::text
FROM (VALUES {wanted}) AS w (schema, name) JOIN pg_namespace n ON n.nspname = w.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name JOIN pg_roles o ON o.rolname = {owner}
WHERE NOT pg_has_role(o.oid, c.relowner, 'USAGE')
UNION ALL
SELECT {owner}, 'schema', n.nspname::text, NULL FROM pg_namespace n JOIN pg_roles o ON o.rolname = {owner}
WHERE n.nspname = {quote_literal(subject.schema_default)} AND NOT has_schema_privilege(o.oid, n.oid, 'CREATE')
ORDER BY 2, 3, 4"""


def _read_owned(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for role, kind, schema, table in rows:
        owner = quote_ident(text(role))
        if kind == "schema":
            name = quote_ident(text(schema))
            yield check.finding(
                f"{owner} cannot make anything in schema {name}", [f"GRANT CREATE ON SCHEMA {name} TO {owner}"]
            )
        else:
            name = quote_qualified(text(schema), text(table))
            yield check.finding(f"{owner} does not own {name}", [f"ALTER TABLE {name} OWNER TO {owner}"])


WEAKNESSES = Check(
    "owner.stronger",
    Severity.HIGH,
    "the catalog's `owner_role` is missing, or reaches more than the tables that it owns",
    "run-once statements that people approved for one database would reach past it",
    _weaknesses,
    _read_weaknesses,
)
MEMBERSHIP = Check(
    "owner.membership",
    Severity.MEDIUM,
    "postern_provision without ADMIN on the catalog's `owner_role`",
    "no run-once statement can run",
    _membership,
    _read_membership,
)
OWNED = Check(
    "owner.tables",
    Severity.INFO,
    "a catalogued table that `owner_role` does not own, or the default schema where it cannot make anything",
    "a migration that changes it fails",
    _owned,
    _read_owned,
)
