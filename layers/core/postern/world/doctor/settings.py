"""Settings of the server that weaken the wall, and what no setting closes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from postern.server_majors import SUPPORTED_MAJORS
from postern.world.doctor.findings import Check, Finding, Row, Severity, always, text
from postern.world.names import quote_ident

_NAMES = (
    "server_version_num",
    "lo_compat_privileges",
    "temp_file_limit",
    "log_statement",
    "log_min_duration_statement",
    "log_min_duration_sample",
    "log_parameter_max_length",
    "log_parameter_max_length_on_error",
    "ssl",
    "listen_addresses",
    "rds.force_ssl",
    "password_encryption",
)
_SETTINGS = f"""
SELECT current_database()::text, {", ".join(f"current_setting('{name}', true)" for name in _NAMES)}
"""
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_IN_RDS = "on Amazon RDS, in the parameter group"

Settings = Mapping[str, str | None]
_Found = tuple[str, str]  # what is set, and the statement after `ALTER DATABASE name` that mends it


def _reader(
    look: Callable[[Settings], Iterator[_Found]], advice: str
) -> Callable[[Check, Iterable[Row]], Iterator[Finding]]:
    def read(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
        for row in rows:
            database = quote_ident(text(row[0]))
            for what, mend in look(dict(zip(_NAMES, row[1:], strict=True))):
                yield check.finding(what, [f"ALTER DATABASE {database} {mend}"] if mend else [], advice=advice)

    return read


def _version(settings: Settings) -> Iterator[_Found]:
    major = int(text(settings["server_version_num"])) // 10_000
    if major not in SUPPORTED_MAJORS:
        yield f"PostgreSQL {major}", ""


def _large_objects(settings: Settings) -> Iterator[_Found]:
    if settings["lo_compat_privileges"] == "on":
        yield "lo_compat_privileges = on", "SET lo_compat_privileges = off"


def _temp_files(settings: Settings) -> Iterator[_Found]:
    if settings["temp_file_limit"] == "-1":
        yield "temp_file_limit = -1", ""


def _logged_parameters(settings: Settings) -> Iterator[_Found]:
    logs_statements = settings["log_statement"] in {"mod", "all"} or any(
        settings[name] != "-1" for name in ("log_min_duration_statement", "log_min_duration_sample")
    )
    if logs_statements and settings["log_parameter_max_length"] != "0":
        yield "log_parameter_max_length, while statements are logged", "SET log_parameter_max_length = 0"
    if settings["log_parameter_max_length_on_error"] != "0":
        yield "log_parameter_max_length_on_error", "SET log_parameter_max_length_on_error = 0"


def _tls(settings: Settings) -> Iterator[_Found]:
    addresses = {address.strip() for address in text(settings["listen_addresses"]).split(",")} - {""}
    if settings["ssl"] == "off" and not addresses <= _LOOPBACK:
        yield "ssl = off, while other machines may connect", ""


def _forced_tls(settings: Settings) -> Iterator[_Found]:
    if settings["rds.force_ssl"] in {"0", "off"}:
        yield "rds.force_ssl = 0", ""


def _passwords(settings: Settings) -> Iterator[_Found]:
    if settings["password_encryption"] != "scram-sha-256":
        yield f"password_encryption = {settings['password_encryption']}", "SET password_encryption = 'scram-sha-256'"


# What a login role always can, and what stands before it. No query finds these: they are PostgreSQL's.
_CANNOT_BE_CLOSED = (
    ("catalog text and statistics", "a role reads every view's definition, function's source and table's size"),
    ("NOTIFY and LISTEN", "a role hears every notification of the database and can send its own"),
    ("advisory locks", "a role can hold locks that the application asks for"),
    ("settings of the own session", "a role can lift its own timeouts and memory bounds"),
)


def _read_limits(check: Check, rows: Iterable[Row]) -> Iterator[Finding]:
    for _ in rows:
        for what, why in _CANNOT_BE_CLOSED:
            yield check.finding(what, why=f"{why}; {check.why}")


VERSION = Check(
    "server.version",
    Severity.HIGH,
    f"a server of another major version than {', '.join(map(str, SUPPORTED_MAJORS))}",
    "before 16 CREATEROLE is close to superuser, and the guard's lists of functions are made for each version",
    always(_SETTINGS),
    _reader(_version, "upgrade the server, or wait for a release of Postern that knows it"),
)
LARGE_OBJECT_RIGHTS = Check(
    "server.large_objects",
    Severity.HIGH,
    "`lo_compat_privileges` on",
    "every role may then read and change every large object",
    always(_SETTINGS),
    _reader(_large_objects, f"also in the configuration; {_IN_RDS}"),
)
TEMP_FILES = Check(
    "server.temp_file_limit",
    Severity.INFO,
    "no limit on temporary files",
    "one statement, within its time, can fill the disk with sorts and hashes",
    always(_SETTINGS),
    _reader(_temp_files, f"set temp_file_limit in the configuration; {_IN_RDS}"),
)
LOGGED_PARAMETERS = Check(
    "server.logged_parameters",
    Severity.MEDIUM,
    "parameters of statements in the server's log",
    "a value that a lookup compares is sent as a parameter, so raw values would stand in a log that no mask covers",
    always(_SETTINGS),
    _reader(_logged_parameters, f"statements' text may go on being logged; {_IN_RDS}"),
)
TLS = Check(
    "server.tls",
    Severity.MEDIUM,
    "TLS off on a server that other machines reach",
    "the broker connects by verified TLS only, so it cannot; everybody else sends values in the clear",
    always(_SETTINGS),
    _reader(_tls, "set ssl, ssl_cert_file and ssl_key_file in the configuration"),
)
FORCED_TLS = Check(
    "server.force_ssl",
    Severity.LOW,
    "`rds.force_ssl` off",
    "IAM login asks for TLS anyway; other users may connect in the clear",
    always(_SETTINGS),
    _reader(_forced_tls, "set rds.force_ssl to 1 in the parameter group"),
)
PASSWORDS = Check(
    "server.password_encryption",
    Severity.LOW,
    "passwords stored as MD5",
    "Postern's roles have none; whoever reads the stored form of another's can log in with it",
    always(_SETTINGS),
    _reader(_passwords, f"also in the configuration, then set the passwords anew; {_IN_RDS}"),
)
LIMITS = Check(
    "postgresql.open",
    Severity.INFO,
    "what PostgreSQL gives to every login role",
    "the guard refuses it to agents; no grant takes it away",
    always("SELECT 'x'"),
    _read_limits,
)
