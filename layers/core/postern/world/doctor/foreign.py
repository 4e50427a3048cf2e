"""Ways to other servers, and code that runs by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, always, as_grantor, text
from postern.world.names import quote_ident

_SERVERS = """
SELECT s.srvname::text, pg_get_userbyid(s.srvowner)::text, pg_get_userbyid(a.grantor)::text
FROM pg_foreign_server s CROSS JOIN LATERAL aclexplode(s.srvacl) AS a WHERE a.grantee = 0
ORDER BY 1, 3
"""


def _read_servers(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, owner, grantor in rows:
        server = quote_ident(text(name))
        revoke = f"REVOKE USAGE ON FOREIGN SERVER {server} FROM PUBLIC"
        yield check.finding(f"USAGE on foreign server {server}", as_grantor(grantor, owner, revoke))


_MAPPINGS = "SELECT srvname::text FROM pg_user_mappings WHERE umuser = 0 ORDER BY 1"


def _read_mappings(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for (name,) in rows:
        server = quote_ident(text(name))
        yield check.finding(
            f"user mapping for PUBLIC on server {server}",
            [f"DROP USER MAPPING FOR PUBLIC SERVER {server}"],
            advice="make mappings for the roles that use it first",
        )


# Whoever owns the function may change what it does.
_EVENT_TRIGGERS = """
SELECT e.evtname::text, (o.rolsuper OR EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e'))::text
FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_roles o ON o.oid = p.proowner
WHERE e.evtenabled <> 'D'
ORDER BY 1
"""


def _read_event_triggers(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, is_trusted in rows:
        trigger = quote_ident(text(name))
        yield check.finding(
            f"event trigger {trigger}",
            [f"ALTER EVENT TRIGGER {trigger} DISABLE"],
            severity=Severity.INFO if is_trusted == "true" else None,
            advice="read its function; give it to a superuser where it has to stay",
        )


SERVERS = Check(
    "public.foreign_server",
    Severity.HIGH,
    "a foreign server that PUBLIC may use",
    "a task's role could map a user of its own and reach the other server",
    always(_SERVERS),
    _read_servers,
)
USER_MAPPINGS = Check(
    "public.user_mapping",
    Severity.MEDIUM,
    "a user mapping for PUBLIC",
    "every role that gets to a foreign table or server logs in there with these credentials",
    always(_MAPPINGS),
    _read_mappings,
)
EVENT_TRIGGERS = Check(
    "event_trigger",
    Severity.MEDIUM,
    "an event trigger; worse where its function's owner is no superuser",
    "it runs as postern_provision while a world is built, and may do there what that role may",
    always(_EVENT_TRIGGERS),
    _read_event_triggers,
)
