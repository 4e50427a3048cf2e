"""The messages of PostgreSQL's protocol 3.0 that an agent's statement needs (documentation, section 53.7).

Building and parsing only: no socket. Values travel as text in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from pg8000.exceptions import InterfaceError

from postern.ports import Parameter

# First bytes of messages from the server.
PARSE_COMPLETE = ord("1")
BIND_COMPLETE = ord("2")
NOTIFICATION = ord("A")
COMMAND_COMPLETE = ord("C")
DATA_ROW = ord("D")
ERROR = ord("E")
EMPTY_QUERY = ord("I")
NO_DATA = ord("n")
NOTICE = ord("N")
PARAMETER_STATUS = ord("S")
PORTAL_SUSPENDED = ord("s")
ROW_DESCRIPTION = ord("T")
READY = ord("Z")

# What READY says of the transaction.
IDLE = b"I"
IN_TRANSACTION = b"T"
IN_FAILED_TRANSACTION = b"E"

SYNC = b"S\0\0\0\4"

_CANCEL_REQUEST = 80877102
_INT16 = Struct("!H")
_INT32 = Struct("!i")
_COLUMN = Struct("!IhIhih")  # table OID, attribute number, type OID, size, modifier, format


@dataclass(frozen=True, slots=True)
class DescribedColumn:
    """A column of RowDescription."""

    name: str
    type_oid: int
    table_oid: int
    attribute_number: int


def _message(code: bytes, body: bytes) -> bytes:
    return code + _INT32.pack(len(body) + 4) + body


def simple_query(constant_sql: str) -> bytes:
    """Query: several statements may hide in it, so it carries our own constant text and nothing else."""
    return _message(b"Q", constant_sql.encode() + b"\0")


def extended_query(sql: bytes, parameters: Sequence[Parameter], max_rows: int, *, describe: bool = True) -> bytes:
    """Parse, Bind, Describe and Execute of the unnamed statement, without Sync.

    The server takes exactly one statement this way (42601 otherwise), reads `$n` as text of a type that the statement
    decides, and sends `max_rows` rows at most (0: all). `sql` is UTF-8 without NUL bytes.
    """
    cells = bytearray(_INT16.pack(len(parameters)))
    for parameter in parameters:
        if parameter.text is None:
            cells += b"\xff\xff\xff\xff"
        else:
            encoded = parameter.text.encode()
            cells += _INT32.pack(len(encoded)) + encoded
    return b"".join(
        (
            _message(b"P", b"\0" + sql + b"\0\0\0"),
            _message(b"B", b"\0\0\0\0" + bytes(cells) + b"\0\0"),
            _message(b"D", b"P\0") if describe else b"",
            _message(b"E", b"\0" + _INT32.pack(max_rows)),
        )
    )


def cancel_request(backend_key: bytes) -> bytes:
    """CancelRequest for the backend whose BackendKeyData was `backend_key`: process id and secret key."""
    return _INT32.pack(len(backend_key) + 8) + _INT32.pack(_CANCEL_REQUEST) + backend_key


def parse_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse by their one-letter codes; a last field that was cut short is kept as it is."""
    return {
        field[:1].decode("ascii", "replace"): field[1:].decode("utf-8", "replace")
        for field in body.split(b"\0")
        if field
    }


def parse_columns(body: bytes) -> tuple[DescribedColumn, ...]:
    """The columns of a RowDescription."""
    (count,) = _INT16.unpack_from(body)
    position = 2
    columns = []
    for _ in range(count):
        end = body.index(b"\0", position)
        table_oid, attribute_number, type_oid, *_ = _COLUMN.unpack_from(body, end + 1)
        columns.append(DescribedColumn(body[position:end].decode(), type_oid, table_oid, attribute_number))
        position = end + 1 + _COLUMN.size
    if position != len(body):
        raise InterfaceError("RowDescription: expected its length and its columns to agree")
    return tuple(columns)


def parse_affected(tag: bytes) -> int | None:
    """The count of a command tag that changes rows: `INSERT 0 5` gives 5, `SELECT 5` gives None."""
    verb, _, rest = tag.rstrip(b"\0").partition(b" ")
    if verb not in (b"INSERT", b"UPDATE", b"DELETE", b"MERGE"):
        return None
    return int(rest.rpartition(b" ")[2])
