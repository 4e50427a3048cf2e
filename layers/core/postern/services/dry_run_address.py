"""Where a task's statements are tried: all that whoever starts a dry run, or makes its role, needs to know of it."""

from __future__ import annotations

from postern.policy.bundle import PolicyBundle
from postern.types import DatabaseAddress, DatabaseName, Task


def tried_at(bundle: PolicyBundle, task: Task) -> DatabaseAddress:
    """Where a task's statements are tried: the copy that databases.yaml names, or the database itself."""
    address = bundle.address(DatabaseName(task.grant.database))
    return address if address.dry_run_database is None else bundle.address(address.dry_run_database)
