"""What the server says to one request, read up to ReadyForQuery or to the point where reading on is not worth it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pg8000.exceptions import InterfaceError

from postern.edges.postgres import protocol
from postern.edges.postgres.inbox import Inbox
from postern.edges.postgres.protocol import DescribedColumn
from postern.edges.postgres.rows import Full, RowCollector
from postern.ports import Limits

MAX_ERROR_BYTES = 65_536  # of an error that are read: its message can quote a value of any length


@dataclass(slots=True)
class Reply:
    """What was read. `status` None: the reply was not read to its end, and its connection is of no more use."""

    tags: list[bytes] = field(default_factory=list)  # of the statements that completed
    columns: tuple[DescribedColumn, ...] = ()
    rows: RowCollector | None = None
    fields: Mapping[str, str] | None = None  # of the error
    statuses: dict[str, str] = field(default_factory=dict)  # settings that the server said it changed
    status: bytes | None = None

    @property
    def full(self) -> Full | None:
        return self.rows.full if self.rows is not None else None


def read_reply(inbox: Inbox, limits: Limits, rows: RowCollector | None = None) -> Reply:
    """Reads one reply, its rows within the limits; those that are not described into `rows`.

    Raises `InterfaceError` where a message is out of place.

    A reply of COPY is out of place too: the caller closes the connection, which is the one way out of it.
    """
    reply = Reply(rows=rows)
    while reply.status is None:
        try:
            code, length = inbox.header()
        except InterfaceError:
            if reply.fields is None:
                raise
            return reply  # a fatal error is the last thing that a server says
        if code == protocol.DATA_ROW:
            if not _take_rows(inbox, reply, length):
                return reply
        elif code == protocol.ERROR and length > MAX_ERROR_BYTES:
            reply.fields = protocol.parse_fields(inbox.beginning(MAX_ERROR_BYTES))
            return reply
        else:
            _take_message(code, inbox.body(length), reply, limits)
    return reply


def _take_rows(inbox: Inbox, reply: Reply, length: int) -> bool:
    """Takes the rows that are there, waiting for more where there is no whole one. False: a bound was met."""
    if reply.rows is None:
        raise InterfaceError("DataRow: expected its description before it")
    position = reply.rows.take(inbox.data, inbox.position)
    if reply.rows.full is not None:
        return False
    if position == inbox.position:
        inbox.fill_message(length)
    else:
        inbox.position = position
    return True


def _take_message(code: int, body: bytes, reply: Reply, limits: Limits) -> None:
    match code:
        case protocol.ROW_DESCRIPTION:
            reply.columns = protocol.parse_columns(body)
            reply.rows = RowCollector(len(reply.columns), limits)
        case protocol.COMMAND_COMPLETE | protocol.PORTAL_SUSPENDED | protocol.EMPTY_QUERY:
            reply.tags.append(body)
        case protocol.ERROR:
            reply.fields = protocol.parse_fields(body)
        case protocol.READY:
            reply.status = body
        case protocol.PARAMETER_STATUS:
            name, value = body.decode().split("\0")[:2]
            reply.statuses[name] = value
        case protocol.PARSE_COMPLETE | protocol.BIND_COMPLETE | protocol.NO_DATA:
            pass
        case protocol.NOTICE | protocol.NOTIFICATION:
            pass  # both can hold values of anybody's: never delivered
        case _:
            raise InterfaceError(f"message {chr(code)!r}: expected a message of a query's")
