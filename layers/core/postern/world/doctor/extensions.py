"""Risky extensions, and what of them every role may use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from postern.world.doctor.extension_risks import EXTENSION_RISKS
from postern.world.doctor.findings import Check, Finding, Row, Severity, always, as_grantor, text
from postern.world.doctor.routines import routine
from postern.world.names import quote_ident, quote_literal, quote_qualified

# Each extension once with NULLs, and once a member that PUBLIC may use. Handlers and the like, which take or give a
# type of the server's own, cannot be called from SQL.
_EXTENSIONS = """
WITH risky AS (
    SELECT e.oid, e.extname FROM pg_extension e WHERE e.extname IN ({names})
), member AS (
    SELECT d.refobjid AS extension, d.classid, d.objid FROM pg_depend d
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
)
SELECT extname::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM risky
UNION ALL
SELECT r.extname::text, 'ROUTINE', n.nspname::text, p.proname::text, pg_get_function_identity_arguments(p.oid),
    pg_get_userbyid(p.proowner)::text, pg_get_userbyid(a.grantor)::text, a.privilege_type
FROM risky r JOIN member m ON m.extension = r.oid AND m.classid = 'pg_proc'::regclass
JOIN pg_proc p ON p.oid = m.objid JOIN pg_namespace n ON n.oid = p.pronamespace
CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
WHERE a.grantee = 0 AND p.prorettype NOT IN ('fdw_handler'::regtype, 'language_handler'::regtype, 'internal'::regtype)
    AND NOT 'internal'::regtype = ANY (p.proargtypes)
UNION ALL
SELECT r.extname::text, 'TABLE', n.nspname::text, c.relname::text, NULL,
    pg_get_userbyid(c.relowner)::text, pg_get_userbyid(a.grantor)::text, a.privilege_type
FROM risky r JOIN member m ON m.extension = r.oid AND m.classid = 'pg_class'::regclass
JOIN pg_class c ON c.oid = m.objid AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE a.grantee = 0
UNION ALL
SELECT r.extname::text, 'FOREIGN DATA WRAPPER', NULL, f.fdwname::text, NULL,
    pg_get_userbyid(f.fdwowner)::text, pg_get_userbyid(a.grantor)::text, a.privilege_type
FROM risky r JOIN member m ON m.extension = r.oid AND m.classid = 'pg_foreign_data_wrapper'::regclass
JOIN pg_foreign_data_wrapper f ON f.oid = m.objid
CROSS JOIN LATERAL aclexplode(f.fdwacl) AS a WHERE a.grantee = 0
ORDER BY 1, 2 NULLS FIRST, 3, 4, 5, 7
"""


def _read_extensions(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, group in groupby(rows, key=lambda row: text(row[0])):
        open_to_all = [row for row in group if row[1] is not None]
        severity, reason = EXTENSION_RISKS[name]
        if not open_to_all:
            yield check.finding(f"extension {quote_ident(name)}, closed to PUBLIC", severity=Severity.INFO, why=reason)
            continue
        yield check.finding(
            f"extension {quote_ident(name)}, of which PUBLIC may use {len(open_to_all)} parts",
            [statement for row in open_to_all for statement in _revoke(row)],
            severity=severity,
            why=f"{reason}; a task's role may use whatever PUBLIC may",
            advice="roles that need it get EXECUTE by name first; DROP EXTENSION if nobody does",
        )


def _revoke(row: Row) -> tuple[str, ...]:
    _, kind, schema, name, arguments, owner, grantor, privilege = row
    if kind == "ROUTINE":
        what = routine(schema, name, arguments)
    elif schema is None:
        what = quote_ident(text(name))
    else:
        what = quote_qualified(schema, text(name))
    return as_grantor(grantor, owner, f"REVOKE {privilege} ON {kind} {what} FROM PUBLIC")


EXTENSIONS = Check(
    "extension",
    Severity.HIGH,
    "an extension that reaches files, programs, other servers or raw pages, or runs SQL given as text",
    "a task's role may use whatever PUBLIC may",
    always(_EXTENSIONS.format(names=", ".join(quote_literal(name) for name in sorted(EXTENSION_RISKS)))),
    _read_extensions,
)
