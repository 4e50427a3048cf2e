"""Asks a database what became of a transaction, as `postern_reap`: a role that reads statistics and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postern.edges.postgres.wire import AgentConnection
from postern.errors import DatabaseLost, DatabaseUnavailable, StatementFailed
from postern.ports import Parameter, TransactionMark
from postern.reap_ports import Fate
from postern.types import DatabaseAddress

# A replica knows what it was told so far, and takes the rest for rolled back.
_SERVER = """
SELECT system_identifier::pg_catalog.text, pg_catalog.pg_is_in_recovery()::pg_catalog.text
FROM pg_catalog.pg_control_system()
"""
# A number is given again after a crash where nothing of its transaction had come to the disk: then "committed" may be
# said of another. None of a server's own processes outlives its crash, so the oldest tells whether there was one since
# the session began; who may not see when they began cannot tell. "Aborted" holds either way.
_FATE = """
SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8), EXISTS (
    SELECT FROM pg_catalog.pg_stat_activity
    WHERE pid = $2::pg_catalog.int4 AND backend_start = $3::pg_catalog.timestamptz
)::pg_catalog.text, (
    SELECT pg_catalog.min(backend_start) <= $3::pg_catalog.timestamptz FROM pg_catalog.pg_stat_activity
    WHERE backend_type <> 'client backend'
)::pg_catalog.text
"""
# Class 22, data exception: the xid lies in this server's future, or the mark is none that a server wrote.
_CANNOT_TELL = "22"

_FATES = {"committed": Fate.COMMITTED, "aborted": Fate.ROLLED_BACK}


@dataclass(frozen=True, slots=True)
class ReapDatabase:
    """Implements `reap_ports.Fates`: a session for each question, which is rare."""

    open_connection: Callable[[DatabaseAddress], AgentConnection]

    def fate(self, address: DatabaseAddress, mark: TransactionMark) -> Fate:
        connection = self.open_connection(address)
        try:
            return _ask(connection, mark)
        except (DatabaseLost, StatementFailed) as error:
            raise DatabaseUnavailable(
                "database.unavailable", "the fate of a transaction: expected an answer, got none"
            ) from error
        finally:
            connection.close()


def _ask(connection: AgentConnection, mark: TransactionMark) -> Fate:
    # One session is one server: what follows is said by the one that named itself.
    identifier, is_replica = (column[0] for column in connection.fetch_constant(_SERVER, ()).values)
    if mark.system_identifier is None or identifier != mark.system_identifier or is_replica != "false":
        return Fate.UNKNOWN
    parameters = [Parameter(mark.xid), Parameter(str(mark.backend_pid)), Parameter(mark.backend_start)]
    try:
        answer = connection.fetch_constant(_FATE, parameters)
        status, is_alive, is_same_run = (column[0] for column in answer.values)
    except StatementFailed as failed:
        if (failed.sqlstate or "").startswith(_CANNOT_TELL):
            return Fate.UNKNOWN
        raise
    if status == "in progress" and is_alive == "true":
        return Fate.RUNNING
    if status == "committed" and is_same_run != "true":
        return Fate.LOST if is_same_run == "false" else Fate.UNKNOWN
    return _FATES.get(status or "", Fate.UNKNOWN)
