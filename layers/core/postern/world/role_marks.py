"""Whose a task's role is: a comment on it, written in the transaction that makes it.

    postern 1 <deployment> <database>                   the role of a task
    postern 1 <deployment> <database> dry run of <id>   the role of a trial of a task's statements

Roles belong to a whole cluster, which several databases and several deployments may share. PostgreSQL lets those write
a comment on a role who have CREATEROLE and ADMIN on it: who made it, `postern_provision`, and superusers. So an agent,
which logs in as the role, cannot change it.

Evolution: another form has another number. Who does not know a form takes the role for another's, and leaves it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from postern.types import DatabaseName, TaskId
from postern.world.names import POSTERN_SCHEMA, quote_ident, quote_literal, role_name

_MARK = re.compile(
    r"postern 1 (?P<deployment>[0-9a-f]{16}) (?P<database>[a-z0-9][a-z0-9_-]{0,62})"
    r"(?: dry run of (?P<dry_run_of>[0-9a-f]{32}))?"
)
_ID_HEX = 16


@dataclass(frozen=True, slots=True)
class RoleMark:
    """Who made a role, for which database of its policy layer, and of which task it is a trial, if it is one."""

    deployment: str  # a `deployment_id`
    database: DatabaseName
    dry_run_of: TaskId | None = None


def deployment_id(deployment: str, region: str, table: str) -> str:
    """What tells this deployment from any other: 16 hex digits.

    Its name alone does not, since two accounts may each have a `postern`; the name of its state table ends in letters
    that CloudFormation draws. And that table is what says which tasks live.
    """
    named = "\0".join(("postern deployment", deployment, region, table))
    return hashlib.sha256(named.encode()).hexdigest()[:_ID_HEX]


def format_mark(mark: RoleMark) -> str:
    """The comment. Raises ValueError where it could not be read back."""
    trial = "" if mark.dry_run_of is None else f" dry run of {mark.dry_run_of}"
    text = f"postern 1 {mark.deployment} {mark.database}{trial}"
    if parse_mark(text) != mark:
        raise ValueError(f"mark of a role: expected a deployment's id and a database's name, got {text!r}")
    return text


def parse_mark(comment: str) -> RoleMark | None:
    """The mark that the comment is; None where it is something else."""
    found = _MARK.fullmatch(comment)
    if found is None:
        return None
    dry_run_of = found["dry_run_of"]
    return RoleMark(
        found["deployment"], DatabaseName(found["database"]), None if dry_run_of is None else TaskId(dry_run_of)
    )


def mark_role_sql(task_id: TaskId, mark: RoleMark) -> str:
    """Writes the mark; for `postern_provision`, in the transaction that makes the role."""
    return f"COMMENT ON ROLE {quote_ident(role_name(task_id))} IS {quote_literal(format_mark(mark))}"


def standing_roles_sql() -> str:
    """Every role of a task in the cluster: its id, its comment or '', the age in seconds of its key in this database.

    The age is NULL where it has no key here; the oldest come first. Run it as `postern_owner`, who can read the keys.
    One statement sees one moment, so a role never shows without the key that was written with it.
    """
    return (
        "SELECT substr(r.rolname::text, 6), coalesce(d.description, ''),"
        " trunc(extract(epoch FROM clock_timestamp() - k.created_at))::bigint::text"
        f" FROM pg_roles r LEFT JOIN {POSTERN_SCHEMA}.task_key k ON k.role = r.rolname"
        " LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass"
        " WHERE r.rolname ~ '^task_[0-9a-f]{32}$' ORDER BY k.created_at NULLS FIRST, r.rolname"
    )
