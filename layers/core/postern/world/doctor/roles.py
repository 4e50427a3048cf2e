"""Postern's own roles: there, and no stronger than they must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from postern.world.doctor.findings import Check, Finding, Row, Severity, Subject, always, as_grantor, text
from postern.world.doctor.routines import routine
from postern.world.lookup import LOOKUP_ROLE
from postern.world.names import (
    IAM_ROLE,
    OWNER_ROLE,
    POSTERN_SCHEMA,
    PROVISION_ROLE,
    REAP_ROLE,
    quote_ident,
    quote_literal,
    quote_qualified,
)
from postern.world.reap_role import STATISTICS_ROLE

BOOTSTRAP = "run what `postern db bootstrap` prints"

# Attribute by attribute as pg_roles has them, and the word that takes each away.
_ATTRIBUTES = (
    ("rolcanlogin", "LOGIN"),
    ("rolinherit", "INHERIT"),
    ("rolsuper", "SUPERUSER"),
    ("rolcreatedb", "CREATEDB"),
    ("rolcreaterole", "CREATEROLE"),
    ("rolreplication", "REPLICATION"),
    ("rolbypassrls", "BYPASSRLS"),
)
_EXPECTED: dict[str, set[str]] = {
    OWNER_ROLE: set(),
    PROVISION_ROLE: {"LOGIN", "CREATEROLE"},
    LOOKUP_ROLE: {"LOGIN"},
    REAP_ROLE: {"LOGIN"},
}
_TASK_ROLE = "^task_[0-9a-f]{32}$"
_TASK_ATTRIBUTES = {"LOGIN"}

# (admin, inherit, set) of each membership that bootstrap makes.
_MEMBERSHIPS: dict[tuple[str, str], tuple[bool, bool, bool]] = {
    (PROVISION_ROLE, IAM_ROLE): (True, False, False),
    (PROVISION_ROLE, OWNER_ROLE): (False, False, True),
    (PROVISION_ROLE, "pg_signal_backend"): (False, True, False),
    (LOOKUP_ROLE, IAM_ROLE): (False, False, False),
    (REAP_ROLE, IAM_ROLE): (False, False, False),
    (REAP_ROLE, STATISTICS_ROLE): (False, True, False),
}
_OURS = ", ".join(quote_literal(name) for name in _EXPECTED)

_ROLES = f"""
SELECT wanted.name, (r.oid IS NOT NULL)::text, {", ".join(f"r.{column}::text" for column, _ in _ATTRIBUTES)}
FROM unnest(ARRAY[{_OURS}]) AS wanted (name) LEFT JOIN pg_roles r ON r.rolname = wanted.name
UNION ALL
SELECT r.rolname::text, 'true', {", ".join(f"r.{column}::text" for column, _ in _ATTRIBUTES)}
FROM pg_roles r WHERE r.rolname ~ '{_TASK_ROLE}'
ORDER BY 1
"""


def _read_missing(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, exists, *values in rows:
        lacks = _EXPECTED.get(text(name), _TASK_ATTRIBUTES if exists == "false" else set()) - _has(values)
        if exists == "false":
            yield check.finding(f"role {quote_ident(text(name))} does not exist", advice=BOOTSTRAP)
        elif lacks:
            what = f"role {quote_ident(text(name))} lacks {', '.join(sorted(lacks))}"
            yield check.finding(what, [f"ALTER ROLE {quote_ident(text(name))} {' '.join(sorted(lacks))}"])


def _read_stronger(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for name, _, *values in rows:
        extra = _has(values) - _EXPECTED.get(text(name), _TASK_ATTRIBUTES)
        if extra:
            role = quote_ident(text(name))
            without = " ".join(f"NO{word}" for word in sorted(extra))
            yield check.finding(f"role {role} has {', '.join(sorted(extra))}", [f"ALTER ROLE {role} {without}"])


def _has(values: Iterable[str | None]) -> set[str]:
    return {word for (_, word), value in zip(_ATTRIBUTES, values, strict=True) if value == "true"}


# A master user who made the roles has ADMIN on them, which is no right to act as them.
_MEMBERS = """
SELECT m.rolname::text, g.rolname::text, o.rolname::text,
    a.admin_option::text, a.inherit_option::text, a.set_option::text
FROM pg_auth_members a
JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles o ON o.oid = a.grantor
WHERE {which}
ORDER BY 1, 2, 3
"""
_OPTIONS = ("ADMIN", "INHERIT", "SET")


def _read_memberships(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for member, group, grantor, *options in rows:
        has = tuple(option == "true" for option in options)
        allowed = _allowed(text(member), text(group))
        pair = f"{quote_ident(text(group))} {{}} {quote_ident(text(member))} GRANTED BY {quote_ident(text(grantor))}"
        what = f"{quote_ident(text(member))} is a member of {quote_ident(text(group))}"
        if allowed is None:
            yield check.finding(what, [f"REVOKE {pair.format('FROM')}"])
            continue
        extra = [name for name, is_set, may in zip(_OPTIONS, has, allowed, strict=True) if is_set and not may]
        if extra:
            yield check.finding(
                f"{what} with {', '.join(extra)}",
                [f"REVOKE {name} OPTION FOR {pair.format('FROM')}" for name in extra],
            )


def _allowed(member: str, group: str) -> tuple[bool, bool, bool] | None:
    """The options that a membership may have; None where there may be none."""
    if (member, group) in _MEMBERSHIPS:
        return _MEMBERSHIPS[member, group]
    if _is_task(member):
        return (False, False, False) if group == IAM_ROLE else None
    # Whoever made a role has ADMIN on it: the master user on ours, postern_provision on those of tasks.
    if member in _EXPECTED:
        is_makers = member == PROVISION_ROLE and _is_task(group)
    else:
        is_makers = group in _EXPECTED or _is_task(group)
    return (True, False, False) if is_makers else None


def _memberships(subject: Subject) -> str:
    """Those of our roles and of tasks'; but for what run-once statements need of the catalog's `owner_role`."""
    which = f"(m.rolname IN ({_OURS}) OR g.rolname IN ({_OURS}) OR m.rolname ~ '{_TASK_ROLE}'"
    which += f" OR g.rolname ~ '{_TASK_ROLE}')"
    if subject.owner_role is not None:
        which += (
            f" AND NOT (g.rolname = {quote_literal(subject.owner_role)} AND NOT a.inherit_option AND ("
            f"m.rolname = {quote_literal(PROVISION_ROLE)} AND NOT a.set_option"
            f" OR m.rolname ~ '{_TASK_ROLE}' AND NOT a.admin_option))"
        )
    return _MEMBERS.format(which=which)


def _is_task(role: str) -> bool:
    return re.fullmatch(_TASK_ROLE, role) is not None


_MISSING_MEMBERSHIPS = f"""
SELECT m.rolname::text, wanted.grp, bool_or(a.admin_option)::text, bool_or(a.inherit_option)::text,
    bool_or(a.set_option)::text
FROM (VALUES {", ".join(f"({quote_literal(member)}, {quote_literal(group)})" for member, group in _MEMBERSHIPS)})
    AS wanted (member, grp)
JOIN pg_roles m ON m.rolname = wanted.member
LEFT JOIN pg_roles g ON g.rolname = wanted.grp
LEFT JOIN pg_auth_members a ON a.member = m.oid AND a.roleid = g.oid
GROUP BY 1, 2 ORDER BY 1, 2
"""


def _read_missing_memberships(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for member, group, *options in rows:
        wanted = _MEMBERSHIPS[text(member), text(group)]
        # NULL where there is no membership at all.
        if None in options or any(may and option != "true" for may, option in zip(wanted, options, strict=True)):
            what = f"{quote_ident(text(member))} lacks its membership of {quote_ident(text(group))}"
            yield check.finding(what, advice=BOOTSTRAP)


# The token keys are postern_owner's alone; the function that computes with them is postern_lookup's too. Which tasks
# have a key, and since when, is no secret: an operator who is no superuser looks for old worlds by it.
_OWN_SCHEMA = f"""
SELECT 'TABLE', c.relname::text, granted.attname::text, pg_get_userbyid(c.relowner)::text,
    pg_get_userbyid(granted.grantor)::text, pg_get_userbyid(granted.grantee)::text, granted.privilege_type
FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid CROSS JOIN LATERAL (
    SELECT NULL::name AS attname, a.grantor, a.grantee, a.privilege_type FROM aclexplode(c.relacl) AS a
    UNION ALL
    SELECT t.attname, a.grantor, a.grantee, a.privilege_type
    FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) AS a WHERE t.attrelid = c.oid
) AS granted
WHERE n.nspname = {quote_literal(POSTERN_SCHEMA)} AND granted.grantee NOT IN (0, c.relowner)
    AND NOT (granted.privilege_type = 'SELECT' AND granted.attname IN ('role', 'created_at'))
UNION ALL
SELECT 'ROUTINE', p.proname::text, pg_get_function_identity_arguments(p.oid), pg_get_userbyid(p.proowner)::text,
    pg_get_userbyid(a.grantor)::text, pg_get_userbyid(a.grantee)::text, a.privilege_type
FROM pg_namespace n JOIN pg_proc p ON p.pronamespace = n.oid CROSS JOIN LATERAL aclexplode(p.proacl) AS a
WHERE n.nspname = {quote_literal(POSTERN_SCHEMA)} AND a.grantee NOT IN (0, p.proowner)
    AND pg_get_userbyid(a.grantee) <> {quote_literal(LOOKUP_ROLE)}
ORDER BY 1, 2, 3 NULLS FIRST, 6, 7
"""


def _read_own_schema(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for kind, name, detail, owner, grantor, grantee, privilege in rows:
        if kind == "ROUTINE":
            what, granted = routine(POSTERN_SCHEMA, name, detail), text(privilege)
        else:
            what = quote_qualified(POSTERN_SCHEMA, text(name))
            granted = text(privilege) if detail is None else f"{privilege} ({quote_ident(detail)})"
        role = quote_ident(text(grantee))
        revoke = f"REVOKE {granted} ON {kind} {what} FROM {role}"
        yield check.finding(f"{granted} on {what} for {role}", as_grantor(grantor, owner, revoke))


MISSING = Check(
    "role.missing",
    Severity.HIGH,
    "a role of Postern's that is missing, or lacks what it works with",
    "no world can be built, or none taken down",
    always(_ROLES),
    _read_missing,
)
STRONGER = Check(
    "role.attributes",
    Severity.HIGH,
    "a role of Postern's, or of a task, with an attribute that it must not have",
    "what these roles cannot do is what holds when something else fails",
    always(_ROLES),
    _read_stronger,
)
MEMBERSHIPS = Check(
    "role.membership",
    Severity.HIGH,
    "a role of Postern's, or of a task, in a group that it must not be in; or somebody who may act as one of ours",
    "it has the group's rights (pg_monitor and pg_read_all_data among them), or its member has these",
    _memberships,
    _read_memberships,
)
IAM_MEMBERSHIPS = Check(
    "role.iam_membership",
    Severity.MEDIUM,
    f"`{IAM_ROLE}` in any group",
    "every user who logs in by IAM gets the group's rights; a task's role does not inherit them, as long as it is made"
    " as bootstrap's grants make it",
    always(_MEMBERS.format(which=f"m.rolname = {quote_literal(IAM_ROLE)}")),
    _read_memberships,
)
MISSING_MEMBERSHIPS = Check(
    "role.missing_membership",
    Severity.HIGH,
    "a membership that a role of Postern's works with is missing",
    "no world can be built, no session ended, no value looked up, or no transaction settled",
    always(_MISSING_MEMBERSHIPS),
    _read_missing_memberships,
)
OWN_SCHEMA = Check(
    "role.keys",
    Severity.HIGH,
    "a table or function of Postern's own schema that another role may use",
    "who reads a task's key can compute the tokens of values that it guesses",
    always(_OWN_SCHEMA),
    _read_own_schema,
)
