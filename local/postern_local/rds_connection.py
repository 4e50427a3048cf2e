"""One connection to the front, from its first byte to its end.

It goes through these states, the first three within a time limit:

1. plain: GSS is declined, TLS is begun, a cancel request is handed on; anything else is refused;
2. startup: inside TLS, one message of bounded size;
3. password: asked for in clear text inside TLS, verified as a token (`rds_token`); only a login role
   that is a member of `rds_iam`, and no superuser, passes. Whatever is wrong, the client reads the
   same `PAM authentication failed`; the reason goes to the log;
4. relay: bytes both ways, each side read only as fast as the other takes them; either end closes both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from postern_local.aws.sessions import StsSession
from postern_local.failure import StackFailure
from postern_local.rds_membership import Membership
from postern_local.rds_startup import (
    CANCEL_REQUEST,
    CLEARTEXT_PASSWORD,
    GSS_REQUEST,
    MAX_STARTUP_BYTES,
    SSL_REQUEST,
    Startup,
    StartupError,
    format_fatal,
    format_negotiation,
    format_startup,
    parse_password,
    parse_startup,
)
from postern_local.rds_token import Target, TokenRefused, verify_token

_log = logging.getLogger(__name__)

_LOGIN_LIMIT_S = 10.0
_CLOSE_LIMIT_S = 1.0  # for a client's part in an orderly end
_MAX_LOGINS = 64  # connections at once that have not proved anything yet
_MAX_PASSWORD_BYTES = 16_384
_MAX_CANCEL_BYTES = 268  # PostgreSQL 18's longest key
_CHUNK_BYTES = 65_536

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Sessions = Callable[[str], StsSession | None]


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """What the front needs to know; `databases` gives each database's resource id."""

    backend: Path  # the server's unix socket
    databases: Mapping[str, str]
    account: str
    region: str
    sessions: Sessions
    tls: ssl.SSLContext
    host: str
    port: int
    clock: Callable[[], float]


class LoginRefused(Exception):
    """Raised when a connection must not go on; `sqlstate` and message are what the client reads."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


@dataclass(slots=True)
class Front:
    """What all connections share, inside the front's loop."""

    settings: FrontSettings
    membership: Membership
    logins: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_LOGINS))

    async def serve(self, connection: socket.socket) -> None:
        """Serves one accepted connection and closes it."""
        client: Streams | None = None
        try:
            async with self.logins, asyncio.timeout(_LOGIN_LIMIT_S):
                if not await self._begin(connection):
                    return
                client = await _start_tls(connection, self.settings.tls)
                backend = await self._log_in(*client)
            if backend is not None:
                await _relay(client, backend)
        except (OSError, EOFError, TimeoutError) as error:
            _log.info("connection ended: %s", type(error).__name__)
        finally:
            if client is None:
                connection.close()
            elif not client[1].is_closing():  # one that is closing ends by itself, within `_CLOSE_LIMIT_S`
                client[1].transport.abort()

    async def _begin(self, connection: socket.socket) -> bool:
        """Whether TLS follows. Reads exact sizes from the bare socket, so that bytes sent ahead of TLS
        meet the handshake and are never taken for its content."""
        loop = asyncio.get_running_loop()
        for _ in range(2):  # a GSS request may come before the TLS request
            head = await _receive(connection, 8)
            length, code = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")
            if code == SSL_REQUEST and length == 8:
                await loop.sock_sendall(connection, b"S")
                return True
            if code == CANCEL_REQUEST and 16 <= length <= _MAX_CANCEL_BYTES:
                await self._cancel(head + await _receive(connection, length - 8))
                return False
            if code != GSS_REQUEST or length != 8:
                break
            await loop.sock_sendall(connection, b"N")
        await loop.sock_sendall(connection, format_fatal("28000", "no pg_hba.conf entry for this host, no encryption"))
        await _linger(connection)
        return False

    async def _log_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        """The session behind the front, as the user that proved who it is. None where the client was
        refused and told, or only asked to cancel."""
        try:
            startup = await self._authenticate(reader, writer)
            return await self._open_backend(startup) if startup else None
        except StartupError as error:
            await _say_fatal(writer, LoginRefused("08P01", str(error)))
        except LoginRefused as refused:
            await _say_fatal(writer, refused)
        return None

    async def _authenticate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Startup | None:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if not 8 <= length <= MAX_STARTUP_BYTES:
            raise StartupError("invalid length of startup packet")
        body = await reader.readexactly(length - 4)
        if int.from_bytes(body[:4], "big") == CANCEL_REQUEST and 16 <= length <= _MAX_CANCEL_BYTES:
            await self._cancel(length.to_bytes(4, "big") + body)
            return None
        startup = parse_startup(body)
        writer.write(format_negotiation(startup) + CLEARTEXT_PASSWORD)
        await writer.drain()
        token = await _read_password(reader)
        try:
            await self._verify(token, startup)
        except (TokenRefused, StackFailure) as error:
            _log.warning("refused %r: %s", startup.user, error)
            raise LoginRefused("28000", f'PAM authentication failed for user "{startup.user}"') from error
        return startup

    async def _verify(self, token: str, startup: Startup) -> None:
        settings = self.settings
        resource_id = settings.databases.get(startup.database)
        if resource_id is None:
            raise TokenRefused("database: expected one that the front serves, got another")
        target = Target(settings.host, settings.port, startup.user, settings.region, settings.account, resource_id)
        now_s = settings.clock()
        await asyncio.to_thread(verify_token, token, target, session=settings.sessions, now_s=now_s)
        try:
            is_login = await asyncio.to_thread(self.membership.is_iam_login, startup.user)
        except OSError as error:
            raise _unavailable() from error
        if not is_login:
            raise TokenRefused("user: expected a login role that is a member of rds_iam and no superuser")

    async def _open_backend(self, startup: Startup) -> Streams:
        try:
            streams = await asyncio.open_unix_connection(self.settings.backend, limit=_CHUNK_BYTES)
        except OSError as error:
            raise _unavailable() from error
        streams[1].write(format_startup(startup))
        return streams

    async def _cancel(self, request: bytes) -> None:
        """Hands a cancel request on; the server behind checks its key, and nobody is answered."""
        _, backend = await asyncio.open_unix_connection(self.settings.backend)
        try:
            backend.write(request)
            await backend.drain()
        finally:
            backend.close()


def _unavailable() -> LoginRefused:
    return LoginRefused("57P03", "the database system is not accepting connections")


async def _receive(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, and not one more out of the socket. Raises `EOFError`."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        chunk = await loop.sock_recv(connection, size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


async def _linger(connection: socket.socket) -> None:
    """Takes what the client still sends, up to a bound: closing over unread bytes would take back the last answer."""
    loop = asyncio.get_running_loop()
    connection.shutdown(socket.SHUT_WR)
    for _ in range(16):
        if not await loop.sock_recv(connection, 4096):
            return


async def _start_tls(connection: socket.socket, context: ssl.SSLContext) -> Streams:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_CHUNK_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol,
        connection,
        ssl=context,
        ssl_handshake_timeout=_LOGIN_LIMIT_S,
        ssl_shutdown_timeout=_CLOSE_LIMIT_S,
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _read_password(reader: asyncio.StreamReader) -> str:
    head = await reader.readexactly(5)
    length = int.from_bytes(head[1:], "big")
    if head[:1] != b"p" or not 5 <= length <= _MAX_PASSWORD_BYTES:
        raise StartupError("password message: expected one of bounded length")
    return parse_password(await reader.readexactly(length - 4))


async def _say_fatal(writer: asyncio.StreamWriter, refused: LoginRefused) -> None:
    writer.write(format_fatal(refused.sqlstate, str(refused)))
    await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _relay(client: Streams, backend: Streams) -> None:
    """Carries bytes both ways until either side ends; what the server sent last still reaches the client."""
    upward = asyncio.create_task(_copy(client[0], backend[1]))
    downward = asyncio.create_task(_copy(backend[0], client[1]))
    try:
        await asyncio.wait((upward, downward), return_when=asyncio.FIRST_COMPLETED)
    finally:
        backend[1].transport.abort()
        for task in (upward, downward):
            task.cancel()
        await asyncio.gather(upward, downward, return_exceptions=True)
        client[1].close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await client[1].wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
