"""A local stack that is searched for secrets before it is stopped: everything that it wrote, answered and shows.

A test that ran on it may have planted anything. What must be nowhere: tokens of callers and of databases, the
functions' own credentials, the keys of tasks, private keys, and values of masked columns in what functions log.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from postern_local.clients import make_client
from postern_local.gateway import Gateway
from postern_local.loopback import Request, Response
from postern_local.stack import LOG, NAMES, Options, Stack, run_stack
from tests.support.leaks import Known, Leak, environment_of, in_command_lines, in_environments, in_files, in_rows
from tests.support.stack import descendants

# What a stack must keep to be one, in a folder of mode 0700.
KEPT = ("issuer/*", "certificates/*", "ready.json")
_CREDENTIALS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_MOST_KEPT_BYTES = 64 * 1024 * 1024
# What an agent's session could come to see: others' sessions, settings, catalog text.
SHOWN = {
    "pg_stat_activity": "SELECT usename, application_name, query FROM pg_stat_activity",
    "pg_settings": "SELECT name, setting FROM pg_settings",
    "pg_roles": "SELECT rolname, coalesce(array_to_string(rolconfig, ' '), '') FROM pg_roles",
    "comments": "SELECT description FROM pg_shdescription UNION ALL SELECT description FROM pg_description",
    "functions": "SELECT prosrc FROM pg_proc WHERE pronamespace <> 'pg_catalog'::regnamespace",
    "views": "SELECT definition FROM pg_views WHERE schemaname <> 'pg_catalog'",
}
_TASK_KEYS = "SELECT role, encode(k, 'hex') FROM postern.task_key"
# Emails and names of people, which the demo's catalog masks.
_MASKED = "SELECT email FROM public.customers LIMIT 200"


@dataclass(slots=True)
class Answers:
    """What the gateway answered, its own error pages too."""

    kept: list[tuple[str, bytes]] = field(default_factory=list)
    kept_bytes: int = 0

    def keep(self, request: Request, response: Response) -> None:
        head = "\n".join(f"{name}: {value}" for name, value in response.headers)
        data = head.encode() + b"\n" + response.body
        if self.kept_bytes + len(data) <= _MOST_KEPT_BYTES:
            self.kept_bytes += len(data)
            self.kept.append((f"answer to {request.method} {request.target.partition('?')[0]}", data))


@contextmanager
def watched_stack(options: Options, *, withheld: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A stack that fails whoever used it where something leaked; where a test has failed, that is enough.

    `withheld` are texts of statements, by name: for a stack that seals them. Only the database's own log may hold one.
    """
    with watched_gateway() as answers, run_stack(options) as stack:
        yield stack
        sealed = Known({name: text.encode() for name, text in (withheld or {}).items()})
        leaks = [*leaks_of(stack, answers), *_in_records(stack, sealed), *_in_function_logs(stack, sealed)]
        assert not leaks, "leaked: " + "; ".join(sorted({str(leak) for leak in leaks}))


@contextmanager
def watched_gateway() -> Iterator[Answers]:
    """Keeps what every gateway of this process answers."""
    answers, answer, refuse = Answers(), Gateway._answer, Gateway._refuse

    def answered(gateway: Gateway, request: Request) -> Response:
        response = answer(gateway, request)
        answers.keep(request, response)
        return response

    def refused(gateway: Gateway, status: int) -> Response:
        response = refuse(gateway, status)
        answers.keep(Request("?", f"refused with {status}", (), b"", ""), response)
        return response

    with patch.object(Gateway, "_answer", answered), patch.object(Gateway, "_refuse", refused):
        yield answers


def leaks_of(stack: Stack, answers: Answers) -> list[Leak]:
    """Everything of a secret that stands where the stack, or an agent on it, could read it."""
    pids = descendants(os.getpid())
    known = Known({**_credentials(pids), **_task_keys(stack)})
    leaks = in_files(Path(stack.ready.state), known, spared=KEPT)
    leaks += [leak for where, data in answers.kept for leak in known.leaks_in(where, data)]
    leaks += in_command_lines(pids, known)
    leaks += in_environments(_servers(stack, pids), known)
    leaks += _in_databases(stack, known)
    leaks += _in_records(stack, known)
    return leaks + _masked_in_logs(stack)


def _credentials(pids: set[int]) -> dict[str, bytes]:
    """The functions' own: in their environment, as Lambda gives them, and nowhere else."""
    found = {}
    for pid in pids:
        environment = environment_of(pid)
        for name in _CREDENTIALS:
            if name in environment:
                found[f"{name} of {environment.get('AWS_LAMBDA_FUNCTION_NAME', b'?').decode()} {pid}"] = environment[
                    name
                ]
    return found


def _task_keys(stack: Stack) -> dict[str, bytes]:
    rows = [row for name in stack.ready.databases for row in _rows(stack, name, _TASK_KEYS)]
    return {f"key of {role}": str(key).encode() for role, key in rows}


def _servers(stack: Stack, pids: set[int]) -> set[int]:
    """PostgreSQL's processes, which run what agents send."""
    return {pid for pid in pids if str(stack.postgres.socket_dir).encode() in _command_line(pid)}


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _in_databases(stack: Stack, known: Known) -> list[Leak]:
    return [
        leak
        for name in stack.ready.databases
        for where, query in SHOWN.items()
        for leak in in_rows(f"{where} of {name}", _rows(stack, name, query), known)
    ]


def _in_records(stack: Stack, known: Known) -> list[Leak]:
    """The records, by the log's own bundles: they hold a thousand in a few objects."""
    s3 = make_client("s3", endpoint_url=stack.ready.aws, region=NAMES.region)
    prefix, found = f"log/{LOG}/tile/entries/", []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=stack.ready.bucket, Prefix=prefix):
        for one in page.get("Contents", []):
            data = s3.get_object(Bucket=stack.ready.bucket, Key=one["Key"])["Body"].read()
            found += known.leaks_in("records", data)
    return found


def _masked_in_logs(stack: Stack) -> list[Leak]:
    """Raw values of a masked column in what functions logged."""
    if "shop" not in stack.ready.databases:
        return []
    emails = {str(row[0]).encode() for row in _rows(stack, "shop", _MASKED) if row[0]}
    logs = _function_logs(stack).items()
    return [Leak(name, "a masked value") for name, data in logs if any(one in data for one in emails)]


def _in_function_logs(stack: Stack, known: Known) -> list[Leak]:
    return [leak for name, data in _function_logs(stack).items() for leak in known.leaks_in(name, data)]


def _function_logs(stack: Stack) -> dict[str, bytes]:
    """What everything but the database itself logged."""
    logs = Path(stack.ready.state) / "logs"
    return {path.name: path.read_bytes() for path in logs.glob("*.log") if path.name != "postgres.log"}


def _rows(stack: Stack, database: str, query: str) -> list[list[object]]:
    with closing(stack.postgres.connect(database)) as connection:
        return list(connection.run(query))
