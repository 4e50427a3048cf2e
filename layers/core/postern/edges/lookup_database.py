"""Tokens of values that agents look up, asked for as `postern_lookup`: a role that can call one function, no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from postern.edges.postgres.wire import AgentConnection
from postern.errors import DatabaseLost, DatabaseUnavailable, PosternError, StatementFailed, Unprocessable
from postern.ports import Parameter, Sought
from postern.types import DatabaseAddress, Task
from postern.world.lookup_call import LOOKUP_TOKEN_SQL
from postern.world.names import role_name


class LookupDatabase:
    """Implements `ports.Tokens`. Keeps one connection, to the address that was asked last; for one thread at a time."""

    def __init__(self, open_connection: Callable[[DatabaseAddress], AgentConnection]) -> None:
        self._open_connection = open_connection
        self._kept: tuple[DatabaseAddress, AgentConnection] | None = None

    def tokens(self, task: Task, address: DatabaseAddress, sought: Sequence[Sought]) -> list[str]:
        role = role_name(task.id)
        try:
            return [self._token(address, role, one) for one in sought]
        except DatabaseLost:
            # A kept connection that was closed meanwhile: nothing was written, so once more over a new one.
            try:
                return [self._token(address, role, one) for one in sought]
            except DatabaseLost as lost:
                raise DatabaseUnavailable("database.unavailable", "a lookup broke off: send it again") from lost

    def _token(self, address: DatabaseAddress, role: str, one: Sought) -> str:
        parameters = [Parameter(role), Parameter(one.token_of), Parameter(one.value.reveal())]
        try:
            answer = self._connection(address).fetch_constant(LOOKUP_TOKEN_SQL, parameters)
        except StatementFailed as failed:
            raise _refused(failed, one) from failed
        token = answer.values[0][0] if answer.row_count == 1 else None
        if token is None:
            raise DatabaseUnavailable("database.unavailable", "lookup: expected one token, got none")
        return token

    def _connection(self, address: DatabaseAddress) -> AgentConnection:
        if self._kept is not None and self._kept[0] == address and self._kept[1].is_open:
            return self._kept[1]
        if self._kept is not None:
            self._kept[1].close()
        self._kept = (address, self._open_connection(address))
        return self._kept[1]


def _refused(failed: StatementFailed, one: Sought) -> PosternError:
    """Class 22: the value is at fault. Everything else is the database's or ours."""
    if failed.sqlstate.startswith("22"):
        return Unprocessable(
            "sql.lookup", f"lookup: expected a value of type {one.token_of}, got something else (it is not quoted here)"
        )
    return DatabaseUnavailable(
        "database.unavailable", f"lookup: the database refused it with SQLSTATE {failed.sqlstate}; tell an operator"
    )
