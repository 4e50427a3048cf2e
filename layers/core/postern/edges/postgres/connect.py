"""Opens connections: verified TLS, a token sent only inside it, and a session that is as it must be."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from functools import partial

from pg8000.exceptions import DatabaseError, InterfaceError

from postern.edges.postgres.protocol import cancel_request
from postern.edges.postgres.settings import STARTUP_SETTINGS, unmet_setting
from postern.edges.postgres.verified_tls import verifying_context
from postern.edges.postgres.wire import AgentConnection
from postern.errors import DatabaseUnavailable
from postern.sqlstate_conditions import CONDITIONS
from postern.types import DatabaseAddress, Secret

CONNECT_TIMEOUT_S = 5.0  # of one wait; a healthy server takes 10 ms in all
CANCEL_TIMEOUT_S = 1.0

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def connect(
    address: DatabaseAddress, user: str, token: Secret, *, timeout_s: float, application_name: str
) -> AgentConnection:
    """A session as `user` at `address`, over TLS whose certificate is `address.host`'s by `address.ca`.

    `token` is sent as the password, inside TLS only. Raises `DatabaseUnavailable` where any step fails
    or any single wait takes longer than `timeout_s`.
    """
    try:
        sock = _tcp(address, timeout_s)
        context = verifying_context(address.ca)
    except OSError as error:
        raise _unavailable("its host did not answer, or its CA bundle cannot be read") from error
    return open_connection(
        sock,
        user=user,
        database=address.dbname,
        token=token,
        application_name=application_name,
        tls=context,
        host=address.host,
        cancel=partial(_cancel, address),
    )


def role_connections(
    mint: Callable[[DatabaseAddress], Secret], user: str
) -> Callable[[DatabaseAddress], AgentConnection]:
    """Opens sessions as one fixed user, each over a token of its own from `mint`."""
    return lambda address: connect(address, user, mint(address), timeout_s=CONNECT_TIMEOUT_S, application_name=user)


def open_connection(
    sock: socket.socket,
    *,
    user: str,
    database: str,
    application_name: str,
    token: Secret | None = None,
    tls: ssl.SSLContext | None = None,
    host: str | None = None,
    cancel: Callable[[bytes], None] | None = None,
) -> AgentConnection:
    """A session over a connected socket, which it owns from here on; without `tls` no password is ever sent.

    `cancel` is given the backend key where a running statement should stop. Raises `DatabaseUnavailable`.
    """
    try:
        connection = AgentConnection(
            cancel=cancel,
            user=user,
            database=database,
            password=token.reveal() if token is not None else None,
            sock=sock,
            ssl_context=tls if tls is not None else False,
            host=host,
            application_name=application_name,
            startup_params=dict(STARTUP_SETTINGS),
        )
    except DatabaseError as error:
        sock.close()
        raise _unavailable(f"it refused the session (SQLSTATE {_sqlstate(error)})") from error
    except (InterfaceError, OSError, ValueError, LookupError, struct.error) as error:
        sock.close()
        raise _unavailable(f"the session could not be started ({type(error).__name__})") from error
    except BaseException:
        sock.close()
        raise
    if unmet := unmet_setting(connection.parameter_statuses):
        connection.close()
        raise _unavailable(f"its session is not as it must be: {unmet}")
    return connection


def _tcp(address: DatabaseAddress, timeout_s: float) -> socket.socket:
    sock = socket.create_connection((address.host, address.port), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # without it each small message waits for an ACK
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return sock


def _cancel(address: DatabaseAddress, backend_key: bytes) -> None:
    """Asks the server to stop what that backend runs; tries once and does not insist.

    The backend's client is gone and its statement has a timeout: it ends without this too, only later.
    """
    with contextlib.suppress(OSError), _tcp(address, CANCEL_TIMEOUT_S) as sock:
        sock.sendall(_SSL_REQUEST)
        if sock.recv(1) != b"S":
            return
        with verifying_context(address.ca).wrap_socket(sock, server_hostname=address.host) as tls:
            tls.sendall(cancel_request(backend_key))
            tls.recv(1)  # the server closes once the signal is sent


def is_role_full(refusal: BaseException | None) -> bool:
    """Whether the server refused a session since the role has as many as it may (`CONNECTION LIMIT`).

    The same SQLSTATE says that the whole server is full; only the routine that raised it tells them apart in every
    language.
    """
    fields = _fields(refusal)
    return fields.get("C") == "53300" and fields.get("R") == "InitializeSessionUserId"


def _sqlstate(error: DatabaseError) -> str:
    code = str(_fields(error).get("C", ""))
    return code if code in CONDITIONS else "unknown"


def _fields(error: BaseException | None) -> Mapping[str, object]:
    return error.args[0] if error is not None and error.args and isinstance(error.args[0], dict) else {}


def _unavailable(what: str) -> DatabaseUnavailable:
    return DatabaseUnavailable("database.unavailable", f"The database cannot be used: {what}. Try again shortly.")
