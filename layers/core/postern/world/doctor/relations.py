"""Rights that every role has on relations and schemas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

from postern.world.doctor.findings import Check, Finding, Row, Severity, always, as_grantor, text
from postern.world.names import quote_ident, quote_qualified

# A grant a row. An extension's own grants are what it came with (`pg_init_privs`).
_GRANTS = """
SELECT n.nspname::text, c.relname::text, pg_get_userbyid(c.relowner)::text,
    has_schema_privilege('public', n.oid, 'USAGE')::text,
    EXISTS (SELECT FROM pg_init_privs i CROSS JOIN LATERAL aclexplode(i.initprivs) AS b
            WHERE i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = granted.attnum
                AND b.grantee = 0 AND b.privilege_type = granted.privilege_type)::text,
    granted.attname::text, pg_get_userbyid(granted.grantor)::text, granted.privilege_type
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles o ON o.oid = c.relowner
CROSS JOIN LATERAL (
    SELECT NULL::name AS attname, 0 AS attnum, a.grantor, a.privilege_type
    FROM aclexplode(c.relacl) AS a WHERE a.grantee = 0
    UNION ALL
    SELECT t.attname, t.attnum, a.grantor, a.privilege_type
    FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) AS a
    WHERE t.attrelid = c.oid AND NOT t.attisdropped AND a.grantee = 0
) AS granted
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND {which}
ORDER BY 1, 2, 7, 8, 6
"""
_SUPERUSERS_VIEW = "c.relkind IN ('v', 'm') AND o.rolsuper"
_READS_OR_WRITES = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"}


def _read_relations(check: Check, rows: Iterable[Row], *, kind: str = "TABLE") -> Iterator[Finding]:
    for (schema, name), group in groupby(rows, key=lambda row: (text(row[0]), text(row[1]))):
        grants = list(group)
        owner, is_reachable = text(grants[0][2]), grants[0][3] == "true"
        came_along = all(row[4] == "true" for row in grants)
        privileges = sorted({text(row[7]) for row in grants})
        yield check.finding(
            f"{', '.join(privileges)} on {quote_qualified(schema, name)}{_of_columns(grants)}",
            _revokes(f"{kind} {quote_qualified(schema, name)}", owner, grants),
            severity=_severity(check, set(privileges), is_reachable=is_reachable, came_along=came_along),
            advice="an extension brought it; look at what it shows" if came_along else "",
        )


def _severity(check: Check, privileges: set[str], *, is_reachable: bool, came_along: bool) -> Severity:
    if came_along:
        return Severity.INFO
    # Nobody can name what lies in a schema without USAGE: one grant more, and it is open.
    return check.severity if is_reachable and privileges & (_READS_OR_WRITES | {"USAGE"}) else Severity.LOW


def _of_columns(grants: list[Row]) -> str:
    columns = sorted({quote_ident(text(row[5])) for row in grants if row[5] is not None})
    return f" (columns {', '.join(columns)})" if columns and all(row[5] is not None for row in grants) else ""


def _revokes(object_sql: str, owner: str, grants: list[Row]) -> Iterator[str]:
    by_grantor: dict[str, list[str]] = defaultdict(list)
    for row in grants:
        column, grantor, privilege = row[5], text(row[6]), text(row[7])
        by_grantor[grantor].append(privilege if column is None else f"{privilege} ({quote_ident(column)})")
    for grantor, privileges in by_grantor.items():
        yield from as_grantor(grantor, owner, f"REVOKE {', '.join(privileges)} ON {object_sql} FROM PUBLIC")


def _read_sequences(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    return _read_relations(check, rows, kind="SEQUENCE")


_SCHEMAS = """
SELECT n.nspname::text, pg_get_userbyid(n.nspowner)::text, pg_get_userbyid(a.grantor)::text, a.privilege_type
FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
WHERE a.grantee = 0 AND {which}
ORDER BY 1, 3
"""


def _read_schemas(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for schema, owner, grantor, privilege in rows:
        yield check.finding(
            f"{privilege} on schema {quote_ident(text(schema))}",
            as_grantor(grantor, owner, f"REVOKE {privilege} ON SCHEMA {quote_ident(text(schema))} FROM PUBLIC"),
            advice="roles that need it get it by name first",
        )


RELATIONS = Check(
    "public.relation",
    Severity.HIGH,
    "a table, view or column that PUBLIC may read or change",
    "every task's role is a part of PUBLIC: it reads this as it is stored, past masks and row filters, and no world is"
    " built while it stands",
    always(_GRANTS.format(which=f"c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT ({_SUPERUSERS_VIEW})")),
    _read_relations,
)
SUPERUSERS_VIEWS = Check(
    "public.superuser_view",
    Severity.HIGH,
    "a view that a superuser owns and PUBLIC may read",
    "a view reads with its owner's rights, and a superuser's have no bound: whoever may read it sees whatever it reads",
    always(_GRANTS.format(which=_SUPERUSERS_VIEW)),
    _read_relations,
)
SEQUENCES = Check(
    "public.sequence",
    Severity.MEDIUM,
    "a sequence that PUBLIC may read or advance",
    "a task's role can take the application's numbers, or learn how many rows there have been",
    always(_GRANTS.format(which="c.relkind = 'S'")),
    _read_sequences,
)
CREATING_SCHEMAS = Check(
    "public.schema_create",
    Severity.HIGH,
    "a schema in which PUBLIC may create objects",
    "a task's role could leave a function or a view there for others to run with their rights",
    always(_SCHEMAS.format(which="a.privilege_type = 'CREATE'")),
    _read_schemas,
)
OPEN_SCHEMAS = Check(
    "public.schema_usage",
    Severity.LOW,
    "USAGE on a schema for PUBLIC; that on `public` is every database's default and is left alone",
    "what is granted to PUBLIC in it, now or by the next migration, is within a task's reach at once",
    always(
        _SCHEMAS.format(
            which="a.privilege_type = 'USAGE' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')"
        )
    ),
    _read_schemas,
)
