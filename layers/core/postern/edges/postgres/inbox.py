"""Bytes from the server, message by message, with each length looked at before the body is waited for."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from pg8000.exceptions import InterfaceError

CHUNK_BYTES = 65_536
MAX_MESSAGE_BYTES = 1_048_576  # 1,664 described columns, the most there can be, take 140 kB

_PART_BYTES = 16 * CHUNK_BYTES  # so often is a long message judged anew

_HEADER = Struct("!BI")


class Inbox:
    """What came from the server and was not read yet. `receive(n)` gives 1 to n bytes, none at the end."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self.data = b""
        self.position = 0

    def header(self) -> tuple[int, int]:
        """Code and body length of the next message, which stays unread."""
        while len(self.data) - self.position < _HEADER.size:
            self.fill()
        code, length = _HEADER.unpack_from(self.data, self.position)
        if length < 4:
            raise InterfaceError("message: expected a length of at least 4")
        return code, length - 4

    def body(self, length: int) -> bytes:
        """Reads the message whose header says `length`, whole."""
        if length > MAX_MESSAGE_BYTES:
            raise InterfaceError(f"message: expected at most {MAX_MESSAGE_BYTES} bytes, got {length}")
        body = self.beginning(length)
        self.position += _HEADER.size + length
        if self.is_empty:  # a kept session keeps no rows
            self.data, self.position = b"", 0
        return body

    def beginning(self, length: int) -> bytes:
        """The first `length` bytes of the next message's body, which stays unread."""
        while len(self.data) - self.position < _HEADER.size + length:
            self.fill()
        start = self.position + _HEADER.size
        return self.data[start : start + length]

    def fill(self, size: int = 1) -> None:
        """Waits for `size` bytes more."""
        parts = [self.data[self.position :]]
        while size > 0:
            chunk = self._receive(CHUNK_BYTES)
            if not chunk:
                raise InterfaceError("connection: expected more bytes, it was closed by the server")
            parts.append(chunk)
            size -= len(chunk)
        self.data = b"".join(parts)
        self.position = 0

    def fill_message(self, length: int) -> None:
        """Waits for the rest of the next message, whose header says `length`; of a long one for the next part."""
        missing = self.position + _HEADER.size + length - len(self.data)
        self.fill(min(missing, _PART_BYTES))

    @property
    def is_empty(self) -> bool:
        return self.position == len(self.data)
