"""Rows from the socket to JSON text: our reader, pg8000 with its own decoders, psycopg."""

from __future__ import annotations

import json
import socket
import statistics
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pg8000.native
import psycopg
from rich.console import Console

from bench.samples import interleaved, print_table
from postern.edges.postgres.connect import open_connection
from postern.edges.postgres.task_session import TaskSession
from postern.ports import Limits
from postern.services.answers import deliver
from postern.types import CommandId
from postern_local.postgres import PostgresServer

REPEATS = 7
ROWS = 20_000
COMMAND = CommandId("0199a0b0-c0d0-7000-8000-00000000000a")
LIMITS = Limits(ROWS, 50_000_000, 1_000_000, statement_timeout_ms=60_000, lock_timeout_ms=1_000)
STATEMENTS = {
    "8 columns: integers, numeric, texts, times": "SELECT i, i * 7 AS a, (i * 1.25)::numeric(12, 2) AS b,"
    f" 'status ' || i % 7 AS c, md5(i::text) AS d, now() AS e, current_date AS f, i % 2 = 0 AS g"
    f" FROM generate_series(1, {ROWS}) AS i",
    "3 columns: integer, text, JSON": "SELECT i, md5(i::text) AS a, jsonb_build_object('n', i, 't', 'x') AS b"
    f" FROM generate_series(1, {ROWS}) AS i",
    "1 column: integers": f"SELECT i FROM generate_series(1, {ROWS}) AS i",
}


def report(console: Console, postgres: PostgresServer) -> None:
    """Prints thousands of rows a second, a row a statement."""
    readers: dict[str, Callable[[str], object]] = {
        "ours": _ours(postgres, detectors=()),
        "ours with detectors": _ours(postgres, detectors=None),
        "pg8000, its decoders": _pg8000(postgres),
        "psycopg": _psycopg(postgres),
    }
    rows = []
    for name, sql in STATEMENTS.items():
        times = interleaved(REPEATS, *(partial(read, sql) for read in readers.values()))
        speeds = [ROWS / statistics.median(each) for each in times]
        rows.append((name, *(f"{speed:,.0f}" for speed in speeds), f"{speeds[1] / speeds[2]:.1f}"))
    print_table(console, "rows to JSON, thousands a second", (*readers, "with detectors / pg8000"), rows)


def _ours(postgres: PostgresServer, detectors: tuple[str, ...] | None) -> Callable[[str], bytes]:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(postgres.socket))
    session = TaskSession(open_connection(sock, user="postgres", database="shop", application_name="bench"))
    return lambda sql: deliver(session.run(sql, [], LIMITS, command_id=COMMAND), (), detectors).rows_json


def _pg8000(postgres: PostgresServer) -> Callable[[str], str]:
    connection: pg8000.native.Connection = postgres.connect("shop")
    return lambda sql: json.dumps(connection.prepare(sql).run(), default=_plain)


def _psycopg(postgres: PostgresServer) -> Callable[[str], str]:
    connection = psycopg.connect(postgres.dsn("shop"), autocommit=True)
    return lambda sql: json.dumps(connection.execute(sql).fetchall(), default=_plain)


def _plain(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else value.isoformat()  # type: ignore[attr-defined]
