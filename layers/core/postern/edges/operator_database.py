"""An operator's own look into a database: one session that reads, and answers in text.

Whatever fails, the message says which SQLSTATE and what to do, and repeats neither the database's words (they may
quote a value) nor the address (it may hold a password).
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from postern.errors import DatabaseUnavailable, StatementFailed
from postern.sqlstate_conditions import CONDITIONS
from postern.types import Secret

CONNECT_TIMEOUT_S = 10.0
# A server that stops answering for longer than any statement may take is gone.
_READ_TIMEOUT_S = 60.0
_SETTINGS = {
    "client_encoding": "UTF8",
    "default_transaction_read_only": "on",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "60000",
    "search_path": "pg_catalog, pg_temp",
    # The server thinks that catalogs of many thousand tables are small, and would go through them pair by pair.
    "enable_nestloop": "off",
    # A table whose policies would apply is refused: their functions are others' code, run with the operator's rights.
    "row_security": "off",
    "DateStyle": "ISO, MDY",
    "standard_conforming_strings": "on",
}
_CONNECTING = {
    "28P01": "the password is wrong or missing; give it in PGPASSWORD or the URL",
    "28000": "it does not admit this user from here; check user, pg_hba.conf and TLS",
    "3D000": "it has no database of that name",
    "53300": "it has no connection left; try again",
    "57P03": "it is starting or stopping; try again",
}


@dataclass(frozen=True, slots=True)
class OperatorAddress:
    """Where to connect and as whom. `host` is a name, an address, or the folder of a unix socket."""

    host: str
    port: int
    user: str
    dbname: str
    password: Secret | None
    has_tls: bool  # verified against `ca`, or the system's authorities; without it nothing is encrypted
    ca: str | None = None  # path of a PEM bundle


class ReadOnlySession:
    """Runs statements of our own, each in a READ ONLY transaction that is rolled back. Values come as text."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection

    def rows(self, sql: str, *, timeout_ms: int = 20_000) -> list[list[str | None]]:
        """The rows of one statement whose columns are all text. It may run for `timeout_ms`.

        Raises `StatementFailed` where the database refuses it, `DatabaseUnavailable` where the session breaks.
        """
        try:
            self._connection.execute_simple("BEGIN READ ONLY")
            try:
                self._connection.execute_simple(f"SET LOCAL statement_timeout TO {int(timeout_ms)}")
                # The extended protocol takes one statement: none can follow that would end the transaction.
                rows = self._connection.execute_unnamed(sql).rows
            finally:
                self._connection.execute_simple("ROLLBACK")
        except DatabaseError as error:
            raise _refused(_sqlstate(error)) from None  # the cause would carry the database's words
        except (InterfaceError, OSError, struct.error, ValueError) as error:
            raise DatabaseUnavailable(
                "database.unavailable", f"database: the session broke ({type(error).__name__}); try again"
            ) from None
        return [list(row) for row in rows or []]

    def analyse(self, sql: str) -> None:
        """Has the database resolve every name and type of a statement. It is not planned or run: no function of
        anybody's is called. Raises as `rows` does."""
        self.rows(f"PREPARE postern_analysed AS {sql}")
        self.rows("DEALLOCATE postern_analysed")  # a rollback does not


@contextmanager
def open_session(address: OperatorAddress) -> Iterator[ReadOnlySession]:
    """A session that is closed at the end. Raises `DatabaseUnavailable` that says why there is none."""
    connection = _connect(address)
    try:
        yield ReadOnlySession(connection)
    finally:
        with suppress(InterfaceError, OSError):  # it wrote nothing: whether the goodbye arrives changes nothing
            connection.close()


def _connect(address: OperatorAddress) -> CoreConnection:
    try:
        sock = _socket(address)
    except OSError as error:
        raise _away(
            f"its host did not answer ({error.strerror or type(error).__name__}); check host and port"
        ) from None
    try:
        return CoreConnection(
            address.user,
            database=address.dbname,
            password=address.password.reveal() if address.password is not None else None,
            sock=sock,
            host=address.host,
            application_name="postern",
            ssl_context=ssl.create_default_context(cafile=address.ca) if address.has_tls else False,
            startup_params=dict(_SETTINGS),
        )
    except DatabaseError as error:
        sock.close()
        state = _sqlstate(error)
        raise _away(f"{_CONNECTING.get(state, 'it refused the session')} (SQLSTATE {state})") from None
    except FileNotFoundError:
        sock.close()
        raise _away("its sslrootcert cannot be read; name a PEM file") from None
    except ssl.SSLError as error:
        sock.close()
        raise _away(f"its certificate could not be verified ({error.reason}); check sslrootcert and the host") from None
    except (InterfaceError, OSError, struct.error, ValueError) as error:
        sock.close()
        raise _away(
            f"the session could not be started ({type(error).__name__}); check TLS, password and port"
        ) from None


def _socket(address: OperatorAddress) -> socket.socket:
    if address.host.startswith("/"):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(CONNECT_TIMEOUT_S)
        try:
            sock.connect(f"{address.host}/.s.PGSQL.{address.port}")
        except BaseException:
            sock.close()
            raise
    else:
        sock = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each small message waits for an ACK
    sock.settimeout(_READ_TIMEOUT_S)
    return sock


def _sqlstate(error: DatabaseError) -> str:
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    code = str(fields.get("C", ""))
    return code if code in CONDITIONS else "unknown"


def _refused(sqlstate: str) -> StatementFailed:
    reason = CONDITIONS.get(sqlstate, "an error")
    return StatementFailed("sql.failed", f"the database said {reason} (SQLSTATE {sqlstate})", sqlstate=sqlstate)


def _away(what: str) -> DatabaseUnavailable:
    return DatabaseUnavailable("database.unavailable", f"database: {what}")
