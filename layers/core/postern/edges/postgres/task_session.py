"""One session of a task's role, as the services know it."""

from __future__ import annotations

from collections.abc import Sequence, Set

from postern.edges.postgres.protocol import DescribedColumn
from postern.edges.postgres.statements import Answer
from postern.edges.postgres.transactions import TaskTransaction, abandoned_unless_clean
from postern.edges.postgres.wire import AgentConnection
from postern.errors import DatabaseLost, PosternError, StatementFailed
from postern.ports import Limits, Parameter, Result, ResultColumn
from postern.type_names import BUILT_IN
from postern.types import CommandId
from postern.value_arrays import format_array

UNNAMED_TYPE = "unknown"  # the answer was cut, which closed the session, before the name was ever asked for

_SYSTEM_IDENTIFIER = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"
_OWN_TYPES = (
    "SELECT o, pg_catalog.format_type(o, NULL), typdelim FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o"
    " LEFT JOIN pg_catalog.pg_type AS t ON t.oid = o"
)


class TaskSession:
    """Implements `ports.Session` over one connection, which is open as long as its errors are clean ones."""

    def __init__(self, connection: AgentConnection) -> None:
        self._connection = connection
        self._own_types: dict[int, tuple[str, str]] = {}  # name, and what is between elements of arrays
        self._identifier: tuple[str | None] | None = None  # of the server; None until it was asked

    def run(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, command_id: CommandId) -> Result:
        """As `ports.Session.run`."""
        with abandoned_unless_clean(self._connection):
            return self._result(self._connection.read(sql, parameters, limits, application_name=command_id))

    def begin(self, limits: Limits, *, command_id: CommandId, read_only: bool) -> TaskTransaction:
        """As `ports.Session.begin`."""
        with abandoned_unless_clean(self._connection):
            identifier = None if read_only else self._system_identifier()
            transaction = TaskTransaction(self._connection, self._result, command_id, identifier)
            transaction.begin(limits, read_only=read_only)
            return transaction

    def _system_identifier(self) -> str | None:
        """Asked once a session, outside of any transaction: a server may keep it from a task's role."""
        if self._identifier is None:
            try:
                self._identifier = (self._connection.fetch_constant(_SYSTEM_IDENTIFIER, ()).values[0][0],)
            except StatementFailed:
                self._identifier = (None,)
        return self._identifier[0]

    def _result(self, answer: Answer) -> Result:
        self._learn_types({column.type_oid for column in answer.columns})
        columns = tuple(self._column(column) for column in answer.columns)
        return Result(
            columns, answer.values, answer.row_count, answer.affected, answer.truncated, answer.received_bytes
        )

    def _column(self, column: DescribedColumn) -> ResultColumn:
        own_name, delimiter = self._own_types.get(column.type_oid, (UNNAMED_TYPE, ","))
        name = BUILT_IN.get(column.type_oid, own_name)
        return ResultColumn(column.name, column.type_oid, name, column.table_oid, column.attribute_number, delimiter)

    def _learn_types(self, oids: Set[int]) -> None:
        """Asked once a session: a built-in type has the same name everywhere, all others are the database's own."""
        unknown = sorted(oids - BUILT_IN.keys() - self._own_types.keys())
        if not unknown or not self._connection.is_open:
            return
        try:
            answer = self._connection.fetch_constant(_OWN_TYPES, [Parameter(format_array([str(o) for o in unknown]))])
        except PosternError as error:
            # Not as it came: a clean error would be taken for the statement's.
            raise DatabaseLost("database.lost", "The session broke after the statement ran. Send it again.") from error
        for oid, name, delimiter in zip(*answer.values, strict=True):
            self._own_types[int(oid or 0)] = (name or UNNAMED_TYPE, delimiter or ",")
