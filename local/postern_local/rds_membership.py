"""Which roles may log in with an IAM token: what the server behind the front says at that moment."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pg8000.native import Connection

# `pg_has_role` would say yes for a superuser, whom RDS never lets in this way.
_QUERY = """
WITH RECURSIVE above(id) AS (
    SELECT oid FROM pg_roles WHERE rolname = :name AND rolcanlogin AND NOT rolsuper
    UNION
    SELECT m.roleid FROM pg_auth_members AS m JOIN above ON m.member = above.id
)
SELECT count(*) FROM above JOIN pg_roles ON pg_roles.oid = above.id WHERE pg_roles.rolname = 'rds_iam'
"""


class Membership:
    """One kept connection, used by one thread at a time. The server has to trust the superuser on its socket."""

    def __init__(self, backend: Path) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def is_iam_login(self, user: str) -> bool:
        """Whether the role may log in, is a member of `rds_iam`, directly or not, and is no superuser.

        Raises `OSError` where the server does not answer.
        """
        from pg8000.exceptions import DatabaseError, InterfaceError

        with self._lock:
            for attempt in (1, 2):  # the kept connection may have died with an earlier server
                try:
                    return bool(self._connect().run(_QUERY, name=user)[0][0])
                except (InterfaceError, DatabaseError, OSError) as error:
                    self._discard()
                    if attempt == 2:
                        raise ConnectionError("the database behind the front does not answer") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        with self._lock:
            self._discard()

    def _connect(self) -> Connection:
        from pg8000.native import Connection

        if self._connection is None:
            self._connection = Connection("postgres", database="postgres", unix_sock=str(self._backend), timeout=5)
        return self._connection

    def _discard(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):  # it is thrown away whatever it says
                self._connection.close()
            self._connection = None
