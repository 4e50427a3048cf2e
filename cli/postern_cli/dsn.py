"""A database's address as an operator gives it: a URL like libpq's, filled up from the PG* variables.

Read strictly: a part that is not understood is refused by name, since an address that is half understood may be another
server's. What was given is never repeated in a message, for it may hold a password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

from postern.edges.operator_database import OperatorAddress
from postern.types import Secret
from postern_cli.stop import Exit, Stop

_FORM = "postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE"
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
# These would send libpq elsewhere than the variables above say.
_NOT_READ = ("PGSERVICE", "PGHOSTADDR")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def parse_address(dsn: str | None, environment: Mapping[str, str]) -> OperatorAddress:
    """The address in the URL, with what it leaves out taken from the PG* variables. Raises `Stop` for a wrong one."""
    given = {} if dsn is None else _parts(dsn)
    for name in _NOT_READ:
        if environment.get(name):
            raise _usage(f"{name}: this variable is not read; name the host with --dsn or PGHOST, and unset it")
    for part, variable in _VARIABLES.items():
        if part not in given and environment.get(variable):
            given[part] = environment[variable]
    for part in ("host", "user", "dbname"):
        if not given.get(part):
            raise _usage(f"{part}: expected it in --dsn or {_VARIABLES[part]}, got none; a URL looks like {_FORM}")
    is_local = _is_local(given["host"])
    return OperatorAddress(
        host=given["host"],
        port=_port(given.get("port", "5432")),
        user=given["user"],
        dbname=given["dbname"],
        password=Secret(given["password"]) if given.get("password") else None,
        has_tls=_has_tls(given.get("sslmode"), is_local=is_local, is_socket=given["host"].startswith("/")),
        ca=_ca(given.get("sslrootcert")),
    )


def _parts(dsn: str) -> dict[str, str]:
    if _CONTROL.search(dsn) or _PERCENT.search(dsn):
        raise _usage(f"--dsn: expected a URL without spaces, `%` written %25, got another; it looks like {_FORM}")
    try:
        url = urlsplit(dsn)
        port = url.port
    except ValueError as error:
        raise _usage(f"--dsn: expected one host and a port up to 65535; it looks like {_FORM}") from error
    if url.scheme not in {"postgresql", "postgres"} or url.fragment or "//" not in dsn or "/" in url.path[1:]:
        raise _usage(f"--dsn: expected a URL like {_FORM}")
    if "%" in (url.hostname or ""):
        raise _usage("--dsn: expected a plain host name; the folder of a socket is given as `?host=/FOLDER`")
    parts = {
        "host": url.hostname or "",
        "port": "" if port is None else str(port),
        "user": url.username or "",
        "password": url.password or "",
        "dbname": url.path[1:],
    }
    named = {name: _decoded(name, value) for name, value in parts.items() if value}
    for name, value in _query(url.query):
        if name in named:
            raise _usage(f"--dsn: expected {name} once, got it twice")
        named[name] = value
    return named


def _query(query: str) -> list[tuple[str, str]]:
    pairs = []
    for field in query.split("&") if query else []:
        name, equals, value = field.partition("=")
        if name not in _VARIABLES or not equals:
            # The name is not repeated: who forgets to escape an & in a password would see a part of it here.
            raise _usage(f"--dsn: expected only {', '.join(_VARIABLES)} after the `?`, got another parameter")
        pairs.append((name, _decoded(name, value)))
    return pairs


def _decoded(name: str, value: str) -> str:
    try:
        text = unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise _usage(f"--dsn: {name}: expected UTF-8, got other bytes") from error
    if "\0" in text:
        raise _usage(f"--dsn: {name}: expected no NUL character, got one")
    return text


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65_535:
        raise _usage("port: expected a number from 1 to 65535")
    return int(text)


def _is_local(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        if "," in host:
            raise _usage("host: expected one host, got a list; name the one to look at") from None
        return False


def _has_tls(sslmode: str | None, *, is_local: bool, is_socket: bool) -> bool:
    """TLS is either verified or absent, and absent only where nobody else is on the line."""
    if sslmode is None:
        return not is_local
    if sslmode == "verify-full" and not is_socket:
        return True
    if sslmode == "disable" and is_local:
        return False
    raise _usage(
        "sslmode: expected verify-full (with sslrootcert=FILE, or the system's authorities without it),"
        " or disable to a socket or to this machine"
    )


def _ca(given: str | None) -> str | None:
    return None if given in {None, "", "system"} else given


def _usage(line: str) -> Stop:
    return Stop(Exit.USAGE, line)
