"""The first messages of a PostgreSQL connection, parsed strictly. Pure.

Reference: PostgreSQL documentation, "Message Formats" and "Message Flow".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3_0 = 3 << 16
MAX_STARTUP_BYTES = 10_000  # the server's own bound
CLEARTEXT_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


class StartupError(Exception):
    """Raised when a first message is not of the protocol's shape, or asks for what the front does not serve."""


@dataclass(frozen=True, slots=True)
class Startup:
    """What a client asks for. `unknown` are protocol options that the front declines."""

    parameters: Mapping[str, str]
    protocol: int
    unknown: tuple[str, ...]

    @property
    def user(self) -> str:
        return self.parameters["user"]

    @property
    def database(self) -> str:
        return self.parameters.get("database", self.user)


def parse_startup(body: bytes) -> Startup:
    """Parses the message after its length. Raises `StartupError`."""
    protocol = int.from_bytes(body[:4], "big")
    if protocol >> 16 != 3:
        raise StartupError(f"protocol: expected 3, got {protocol >> 16}")
    names, values = _parse_pairs(body[4:])
    parameters = dict(zip(names, values, strict=True))
    if len(parameters) != len(names):
        raise StartupError("startup parameters: expected each once")
    if not parameters.get("user"):
        raise StartupError("startup parameters: expected a user")
    if parameters.get("replication", "false").lower() not in ("false", "off", "no", "0"):
        raise StartupError("startup parameters: expected no replication")
    kept = {name: value for name, value in parameters.items() if name != "replication" and not _is_option(name)}
    return Startup(kept, protocol, tuple(name for name in parameters if _is_option(name)))


def format_startup(startup: Startup) -> bytes:
    """The same request as protocol 3.0, for the server behind the front."""
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in startup.parameters.items())
    body = struct.pack("!i", PROTOCOL_3_0) + pairs + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def format_negotiation(startup: Startup) -> bytes:
    """NegotiateProtocolVersion where the client asks for more than 3.0; nothing otherwise."""
    if startup.protocol == PROTOCOL_3_0 and not startup.unknown:
        return b""
    options = b"".join(f"{name}\0".encode() for name in startup.unknown)
    body = struct.pack("!ii", PROTOCOL_3_0, len(startup.unknown)) + options
    return b"v" + struct.pack("!i", len(body) + 4) + body


def format_fatal(sqlstate: str, message: str) -> bytes:
    """An ErrorResponse that ends the connection."""
    fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": message}
    body = b"".join(f"{kind}{text}\0".encode() for kind, text in fields.items()) + b"\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


def parse_password(body: bytes) -> str:
    """The text of a PasswordMessage. Raises `StartupError`."""
    if not body.endswith(b"\0") or b"\0" in body[:-1]:
        raise StartupError("password message: expected one text")
    try:
        return body[:-1].decode("ascii")
    except UnicodeDecodeError as error:
        raise StartupError("password message: expected ASCII") from error


def _parse_pairs(data: bytes) -> tuple[list[str], list[str]]:
    if not data.endswith(b"\0"):
        raise StartupError("startup parameters: expected an end mark")
    try:
        texts = data[:-1].decode("utf-8").split("\0")
    except UnicodeDecodeError as error:
        raise StartupError("startup parameters: expected UTF-8") from error
    # Each text ends with NUL, so the last piece is empty; an empty name would be an early end mark.
    if texts.pop() != "" or len(texts) % 2 or "" in texts[::2]:
        raise StartupError("startup parameters: expected pairs of name and value")
    return texts[::2], texts[1::2]


def _is_option(name: str) -> bool:
    return name.startswith("_pq_.")
