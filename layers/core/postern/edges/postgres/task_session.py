"""One session of a task's role, as the services know it."""

from __future__ import annotations

from collections.abc import Sequence

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
_NAMES_OF_TYPES = "SELECT o, pg_catalog.format_type(o, NULL) FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS o"


class TaskSession:
    """Implements `ports.Session` over one connection, which is open as long as its errors are clean ones."""

    def __init__(self, connection: AgentConnection) -> None:
        self._connection = connection
        self._own_types: dict[int, str] = {}
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
        names = self._type_names(answer.columns)
        columns = tuple(
            ResultColumn(
                column.name, column.type_oid, names[column.type_oid], column.table_oid, column.attribute_number
            )
            for column in answer.columns
        )
        return Result(
            columns, answer.values, answer.row_count, answer.affected, answer.truncated, answer.received_bytes
        )

    def _type_names(self, columns: Sequence[DescribedColumn]) -> dict[int, str]:
        oids = {column.type_oid for column in columns}
        unknown = sorted(oids - BUILT_IN.keys() - self._own_types.keys())
        if unknown and self._connection.is_open:
            self._own_types |= self._fetch_names(unknown)
        known = BUILT_IN | self._own_types if unknown or self._own_types else BUILT_IN
        return {oid: known.get(oid, UNNAMED_TYPE) for oid in oids}

    def _fetch_names(self, oids: Sequence[int]) -> dict[int, str]:
        """Asked once a session: a built-in type has the same name everywhere, all others are the database's own."""
        try:
            answer = self._connection.fetch_constant(_NAMES_OF_TYPES, [Parameter(format_array([str(o) for o in oids]))])
        except PosternError as error:
            # Not as it came: a clean error would be taken for the statement's.
            raise DatabaseLost("database.lost", "The session broke after the statement ran. Send it again.") from error
        return {int(oid or 0): name or UNNAMED_TYPE for oid, name in zip(*answer.values, strict=True)}
