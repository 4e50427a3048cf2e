"""Which roles of tasks stand in a database, and who made each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postern.edges.postgres.own_sql import run_own
from postern.ports import Maker, StandingRole
from postern.types import DatabaseName, TaskId
from postern.world.names import OWNER_ROLE
from postern.world.role_marks import RoleMark, parse_mark, standing_roles_sql

if TYPE_CHECKING:
    from pg8000.core import CoreConnection


def read_standing(connection: CoreConnection, database: DatabaseName, deployment: str) -> tuple[StandingRole, ...]:
    """See `WorldDatabase.roles`; `deployment` is ours. The session is `postern_owner`'s from then on."""
    run_own(connection, f"SET ROLE {OWNER_ROLE}")
    rows: list[list[str | None]] = [list(row) for row in run_own(connection, standing_roles_sql())]
    found = (_role(str(id_), str(comment), age_s, database, deployment) for id_, comment, age_s in rows)
    return tuple(role for role in found if role is not None)


def _role(id_: str, comment: str, age_s: str | None, database: DatabaseName, deployment: str) -> StandingRole | None:
    """None where the role is of another database, as far as can be told."""
    mark = parse_mark(comment)
    if age_s is None and (mark is None or mark.database != database):
        return None
    maker = _maker(mark, comment, deployment)
    dry_run_of = mark.dry_run_of if mark is not None and maker is Maker.OURS else None
    return StandingRole(TaskId(id_), maker, dry_run_of, None if age_s is None else int(age_s))


def _maker(mark: RoleMark | None, comment: str, deployment: str) -> Maker:
    if mark is None:
        return Maker.ANOTHER if comment else Maker.UNKNOWN
    return Maker.OURS if mark.deployment == deployment else Maker.ANOTHER
