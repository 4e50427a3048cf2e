"""Functions and procedures that every role may execute and that do more than their caller may."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, always, as_grantor, text
from postern.world.names import quote_ident, quote_qualified

_ROUTINES = """
SELECT n.nspname::text, p.proname::text, pg_get_function_identity_arguments(p.oid), pg_get_userbyid(p.proowner)::text,
    pg_get_userbyid(a.grantor)::text,
    (has_schema_privilege('public', n.oid, 'USAGE')
     AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype))::text
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE' AND {which}
ORDER BY 1, 2, 3, 5
"""


def routine(schema: str | None, name: str | None, arguments: str | None) -> str:
    """A routine as GRANT and REVOKE name it; the server has quoted the arguments."""
    return f"{quote_qualified(text(schema), text(name))}({text(arguments)})"


def _read_routines(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for schema, name, arguments, owner, grantor, is_callable in rows:
        what = routine(schema, name, arguments)
        yield check.finding(
            what,
            as_grantor(grantor, owner, f"REVOKE EXECUTE ON ROUTINE {what} FROM PUBLIC"),
            severity=None if is_callable == "true" else Severity.LOW,
            advice="roles that need it get EXECUTE by name first",
        )


# What PUBLIC has now and had not when the server was made. A function without an entry is everybody's by default; the
# views of information_schema, which show each role its own, have no entries at all.
_WIDENED = """
SELECT 'ROUTINE', n.nspname::text, p.proname::text, pg_get_function_identity_arguments(p.oid),
    pg_get_userbyid(p.proowner)::text, pg_get_userbyid(a.grantor)::text, a.privilege_type
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid AND i.objsubid = 0 AND i.privtype = 'i'
CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE n.nspname = 'pg_catalog' AND a.grantee = 0 AND NOT EXISTS (
    SELECT FROM aclexplode(i.initprivs) AS b WHERE b.grantee = 0 AND b.privilege_type = a.privilege_type)
UNION ALL
SELECT 'TABLE', n.nspname::text, c.relname::text, granted.attname::text,
    pg_get_userbyid(c.relowner)::text, pg_get_userbyid(granted.grantor)::text, granted.privilege_type
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT NULL::name AS attname, 0 AS attnum, a.grantor, a.privilege_type
    FROM aclexplode(c.relacl) AS a WHERE a.grantee = 0
    UNION ALL
    SELECT t.attname, t.attnum, a.grantor, a.privilege_type
    FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) AS a
    WHERE t.attrelid = c.oid AND a.grantee = 0
) AS granted
WHERE (n.nspname = 'pg_catalog' OR n.nspname = 'information_schema' AND granted.privilege_type <> 'SELECT')
    AND NOT EXISTS (SELECT FROM pg_init_privs i CROSS JOIN LATERAL aclexplode(i.initprivs) AS b
    WHERE i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = granted.attnum
        AND b.grantee = 0 AND b.privilege_type = granted.privilege_type)
ORDER BY 1, 2, 3, 4
"""


def _read_widened(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for kind, schema, name, detail, owner, grantor, privilege in rows:
        if kind == "ROUTINE":
            what, granted = routine(schema, name, detail), text(privilege)
        else:
            what = quote_qualified(text(schema), text(name))
            granted = text(privilege) if detail is None else f"{privilege} ({quote_ident(detail)})"
        yield check.finding(
            f"{granted} on {what}", as_grantor(grantor, owner, f"REVOKE {granted} ON {kind} {what} FROM PUBLIC")
        )


SECURITY_DEFINERS = Check(
    "public.security_definer",
    Severity.HIGH,
    "a SECURITY DEFINER function or procedure that PUBLIC may execute",
    "it runs with its owner's rights whoever calls it: it can read raw values past every mask",
    always(_ROUTINES.format(which="p.prosecdef")),
    _read_routines,
)
UNTRUSTED = Check(
    "public.untrusted_function",
    Severity.HIGH,
    "a function in a language without bounds (C, PL/Python, PL/Perl untrusted, …) that PUBLIC may execute",
    "code in such a language can read the server's files and memory; what an extension brought is judged with it",
    always(
        _ROUTINES.format(
            which="NOT l.lanpltrusted AND l.lanname NOT IN ('sql', 'internal') AND p.oid >= 16384"
            " AND p.prorettype <> 'language_handler'::regtype AND NOT EXISTS (SELECT FROM pg_depend d"
            " WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')"
        )
    ),
    _read_routines,
)
WIDENED = Check(
    "public.catalog",
    Severity.HIGH,
    "a right on PostgreSQL's own catalog or functions that PUBLIC has not by default",
    "the server keeps these from ordinary roles because they read files, statistics or other sessions",
    always(_WIDENED),
    _read_widened,
)
