"""Pages of a read, by a cursor that holds where they are and nothing of what is in them. Pure.

No row is stored anywhere, so a page that comes later is the statement run again: one more statement and all rows up to
the page's end are taken from the budgets, and it is on record as what it is. What makes the pages one result is that
the rows before a page are the ones that were shown: the cursor holds their digest, and where another result begins
otherwise the page is refused. A statement that writes has no second page, for it must not run twice: its RETURNING
comes whole or not at all.

A cursor is not signed, for the caller alone could forge it, and would get rows that it may ask for anyway.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from postern.edges.mcp.jsonrpc import encode
from postern.errors import BadRequest, Conflict

MAX_ROWS = 100_000  # of one answer of the API, so of all pages together
_VERSION = 1
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cursor:
    """`asked` is the digest of task, statement and parameters; `seen` of the rows before the page."""

    offset: int
    asked: bytes
    seen: bytes


def digest(value: object) -> bytes:
    return hashlib.sha256(encode(value)).digest()


def cursor_after(rows: Sequence[object], asked: bytes) -> str:
    """The cursor of the page that begins after `rows`, which are all rows from the first on."""
    packed = bytes([_VERSION]) + len(rows).to_bytes(4) + asked + digest(rows)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def parse_cursor(text: str, asked: bytes) -> Cursor:
    """Raises `BadRequest` where it is no cursor of ours, or one of another statement."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_ours() from error
    if len(packed) != 5 + 2 * _DIGEST_BYTES or packed[0] != _VERSION:
        raise _not_ours()
    cursor = Cursor(int.from_bytes(packed[1:5]), packed[5 : 5 + _DIGEST_BYTES], packed[5 + _DIGEST_BYTES :])
    if cursor.asked != asked:
        raise BadRequest("request.invalid", "cursor: expected the task_id, sql and params of its answer, got others")
    if not 1 <= cursor.offset < MAX_ROWS:
        raise _not_ours()
    return cursor


def rows_after(cursor: Cursor, rows: Sequence[object]) -> Sequence[object]:
    """The page's rows, of all from the first on. Raises `Conflict` where those before are others than it came after."""
    before = rows[: cursor.offset]
    if len(before) < cursor.offset or digest(before) != cursor.seen:
        raise Conflict(
            "cursor.stale",
            "cursor: expected the rows before this page to be as they were, got others. Ask without a cursor, and"
            " ORDER BY a key",
        )
    return rows[cursor.offset :]


def _not_ours() -> BadRequest:
    return BadRequest("request.invalid", "cursor: expected one that an answer gave, got another text")
