"""What every role may do in this database, or will be allowed by default, outside of tables and functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from postern.world.doctor.findings import Check, Finding, Row, Severity, always, as_grantor, text
from postern.world.names import quote_ident

_DATABASES = """
SELECT d.datname::text, pg_get_userbyid(d.datdba)::text, pg_get_userbyid(a.grantor)::text, a.privilege_type
FROM pg_database d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE a.grantee = 0 AND {which}
ORDER BY 1, 3
"""


def _read_databases(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, owner, grantor, privilege in rows:
        database = quote_ident(text(name))
        yield check.finding(
            f"{privilege} on database {database}",
            as_grantor(grantor, owner, f"REVOKE {privilege} ON DATABASE {database} FROM PUBLIC"),
            advice="roles that need it get it by name first",
        )


_SEARCH_PATH = """
SELECT 'x' FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
WHERE s.setrole = 0 AND d.datname = current_database() AND c LIKE 'search\\_path=%'
"""
_OWN_NAME = "SELECT current_database()::text"


def _read_search_path(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        database = quote_ident(text(name))
        yield check.finding(f"search_path of database {database}", [f"ALTER DATABASE {database} RESET search_path"])


_DEFAULTS = """
SELECT pg_get_userbyid(p.defaclrole)::text, n.nspname::text, p.defaclobjtype::text, a.privilege_type
FROM pg_default_acl p LEFT JOIN pg_namespace n ON n.oid = p.defaclnamespace
CROSS JOIN LATERAL aclexplode(p.defaclacl) AS a
WHERE a.grantee = 0 AND p.defaclobjtype NOT IN ('f', 'T')
ORDER BY 1, 2 NULLS FIRST, 3, 4
"""
_KINDS = {"r": "TABLES", "S": "SEQUENCES", "n": "SCHEMAS", "L": "LARGE OBJECTS"}


def _read_defaults(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (role, schema, code), group in groupby(rows, key=lambda row: (text(row[0]), row[1], text(row[2]))):
        privileges = ", ".join(text(row[3]) for row in group)
        place = f" IN SCHEMA {quote_ident(schema)}" if schema is not None else ""
        kind = _KINDS.get(code)
        sql = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote_ident(role)}{place} REVOKE {privileges} ON {kind} FROM PUBLIC"
        yield check.finding(
            f"default privileges of {quote_ident(role)}{place.lower()}: {privileges} on new {(kind or code).lower()}",
            [sql] if kind is not None else [],
            advice="" if kind is not None else "this kind of object is not known here; look with \\ddp",
        )


_PARAMETERS = """
SELECT p.parname, pg_get_userbyid(a.grantor)::text, pg_get_userbyid(10)::text, a.privilege_type
FROM pg_parameter_acl p CROSS JOIN LATERAL aclexplode(p.paracl) AS a WHERE a.grantee = 0
ORDER BY 1, 4, 2
"""


def _read_parameters(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, grantor, owner, privilege in rows:
        # The server keeps these names itself: letters, digits, `_` and dots.
        parameter = ".".join(quote_ident(part) for part in text(name).split("."))
        revoke = f"REVOKE {privilege} ON PARAMETER {parameter} FROM PUBLIC"
        yield check.finding(f"{privilege} on parameter {parameter}", as_grantor(grantor, owner, revoke))


_LARGE_OBJECTS = """
SELECT l.oid::text, pg_get_userbyid(l.lomowner)::text, pg_get_userbyid(a.grantor)::text,
    string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
FROM pg_largeobject_metadata l CROSS JOIN LATERAL aclexplode(l.lomacl) AS a WHERE a.grantee = 0
GROUP BY 1, 2, 3 ORDER BY 1, 3 LIMIT 1000
"""


def _read_large_objects(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for oid, owner, grantor, privileges in rows:
        what = f"LARGE OBJECT {int(text(oid))}"
        yield check.finding(
            f"{privileges} on {what}", as_grantor(grantor, owner, f"REVOKE {privileges} ON {what} FROM PUBLIC")
        )


TEMP = Check(
    "public.temp",
    Severity.MEDIUM,
    "TEMP on this database for PUBLIC, which is every database's default",
    "a task's role could make temporary tables and functions, fill the disk, and have its own code called by name",
    always(_DATABASES.format(which="d.datname = current_database() AND a.privilege_type = 'TEMPORARY'")),
    _read_databases,
)
CREATE = Check(
    "public.create",
    Severity.HIGH,
    "CREATE on this database for PUBLIC",
    "a task's role could make schemas and whatever goes into them",
    always(_DATABASES.format(which="d.datname = current_database() AND a.privilege_type = 'CREATE'")),
    _read_databases,
)
OTHER_DATABASES = Check(
    "public.connect",
    Severity.INFO,
    "CONNECT to another database of the cluster for PUBLIC, which is every database's default",
    "a session of a task's role stays in its own database, and the broker opens no other; who holds a role's token"
    " could open one there, and do what PUBLIC may do in it",
    always(
        _DATABASES.format(which="d.datname <> current_database() AND d.datallowconn AND a.privilege_type = 'CONNECT'")
    ),
    _read_databases,
)
SEARCH_PATH = Check(
    "settings.search_path",
    Severity.INFO,
    "`search_path` set for the whole database",
    "a task's role has its own; but triggers and SECURITY DEFINER functions without one mean different tables in"
    " different sessions",
    always(f"{_OWN_NAME} WHERE EXISTS ({_SEARCH_PATH})"),
    _read_search_path,
)
DEFAULT_PRIVILEGES = Check(
    "public.default_privileges",
    Severity.MEDIUM,
    "default privileges that open new tables, sequences, schemas or large objects to PUBLIC",
    "the next migration makes a table that every task's role may read as it is stored, and no world is built any more",
    always(_DEFAULTS),
    _read_defaults,
)
PARAMETERS = Check(
    "public.parameter",
    Severity.HIGH,
    "SET or ALTER SYSTEM on a protected parameter for PUBLIC",
    "a task's role could lift a bound, or change the whole server",
    always(_PARAMETERS),
    _read_parameters,
)
LARGE_OBJECTS = Check(
    "public.large_object",
    Severity.HIGH,
    "a large object that PUBLIC may read or change (the first thousand)",
    "large objects lie outside of tables: no mask or row filter stands before them",
    always(_LARGE_OBJECTS),
    _read_large_objects,
)
