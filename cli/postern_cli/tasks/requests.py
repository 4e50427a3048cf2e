"""The body of `POST /v1/tasks`, from options or from a file."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern_cli.settings.resolve import Settings
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.durations import parse_duration_s

MAX_BYTES = 1_000_000  # as the gate takes
ACTIONS = ("select", "insert", "update", "delete")


def read_request(source: str) -> dict[str, Any]:
    """The request in a file, or on standard input where it is `-`. Raises `Stop` (usage) for what is no JSON object."""
    if source == "-":
        text = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with Path(source).open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise Stop(Exit.USAGE, f"--request: expected at most {MAX_BYTES:,} bytes, got more")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Stop(Exit.USAGE, "--request: expected a JSON object, got something that is no JSON") from error
    if not isinstance(body, dict):
        raise Stop(Exit.USAGE, "--request: expected a JSON object, got another value")
    return body


def access_of(tables: list[str], actions: list[str]) -> list[dict[str, Any]]:
    """The access that is asked for: each table with its own actions (`stock:select,update`), or with `actions`.

    Raises `Stop` (usage) for an action that there is none of.
    """
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for table in tables:
        name, colon, own = table.rpartition(":")
        chosen = tuple(own.split(",")) if colon else tuple(actions) or ("select",)
        unknown = next((one for one in chosen if one not in ACTIONS), None)
        if unknown is not None:
            raise Stop(Exit.USAGE, f"--table {table}: expected actions among {', '.join(ACTIONS)}, got {unknown!r}")
        by_actions.setdefault(chosen, []).append(name if colon else table)
    return [{"tables": names, "actions": list(chosen)} for chosen, names in by_actions.items()]


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """The options of a request, as they were given."""

    database: str | None
    tables: list[str] | None
    actions: list[str] | None
    purpose: str | None
    ticket: str | None
    unmask: list[str] | None
    lookup: list[str] | None
    ttl: str | None

    def body(self, settings: Settings) -> dict[str, Any]:
        """The request that they make. Raises `Stop` (usage) that names the first that is missing."""
        database = self.database or settings.text("database")
        if database is None:
            raise Stop(Exit.USAGE, "--database: expected a database's name, got none; or set POSTERN_DATABASE")
        if not self.tables:
            raise Stop(Exit.USAGE, "--table: expected a table's name, got none; name each table that the task needs")
        if not self.purpose:
            raise Stop(Exit.USAGE, "--purpose: expected what the task is for, got nothing; it is recorded")
        access = access_of(self.tables, self.actions or [])
        body: dict[str, Any] = {"database": database, "purpose": self.purpose, "access": access}
        further = (("ticket", self.ticket), ("unmask", self.unmask), ("lookup", self.lookup))
        body |= {name: value for name, value in further if value}
        return body if self.ttl is None else body | {"ttl_s": parse_duration_s(self.ttl, "--ttl")}
