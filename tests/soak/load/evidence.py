"""The pulled log against what the agents saw, and against the database's own log."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli.main import main as postern
from tests.soak.load.holding import STATEMENTS, Holding
from tests.soak.load.seen import Command

_INTENT = "statement intent"


def wrong_commands(log: str, commands: Iterable[Command], digests: dict[str, str]) -> Iterator[str]:
    """Commands without their records, and receipts that are not those records'. `digests` has each key's."""
    for command in commands:
        must_be = {
            RecordType.INTENT: True,
            RecordType.OUTCOME: command.ran,
            RecordType.SETTLED: command.is_settled,
        }
        for type_, is_needed in must_be.items():
            key = record_key(log, type_, CommandId(command.id))
            told = (command.receipt or {}).get(f"{type_.value}_sha256")
            if is_needed and key not in digests:
                yield f"{command.id}: expected its {type_.value} in the pulled log, got none"
            elif told is not None and digests.get(key) != told:
                yield f"{command.id}: expected the receipt's {type_.value} in the pulled log, got another"


def wrong_counts(tasks: Iterable[Holding], by_task: dict[str, Counter[str]]) -> Iterator[str]:
    """Tasks of which more or fewer statements are on record than their agents had admitted."""
    for task in tasks:
        got, used = by_task.get(task.id, Counter())[_INTENT], task.used[STATEMENTS]
        if got < used or (got != used and not task.is_disturbed):
            yield f"{task.id} records: expected {used} intents of statements, got {got}"
        for kind in ("grant event", "provision outcome", "teardown outcome"):
            if by_task.get(task.id, Counter())[kind] == 0:
                yield f"{task.id} records: expected a {kind}, got none"


def strange_tasks(tasks: Iterable[Holding], by_task: dict[str, Counter[str]], *, unheard: int) -> Iterator[str]:
    """Tasks on record that nobody opened, as far as the openings that were not heard do not explain them."""
    strange = set(by_task) - {task.id for task in tasks} - {"None"}
    if len(strange) > unheard:
        yield f"records: expected at most {unheard} tasks whose opening was not heard, got {sorted(strange)}"


def reconcile(folder: Path, database_log: Path) -> dict[str, Any]:
    """The report of `postern audit reconcile --json`, with its exit code as `exit`."""
    arguments = ["audit", "reconcile", "--dir", str(folder), "--database-log", str(database_log), "--json"]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()) as complained:
        code = postern(arguments)
    report = json.loads(said.getvalue()) if said.getvalue().startswith("{") else {"said": complained.getvalue()}
    return {**report, "exit": code}


def wrong_reconciliation(report: dict[str, Any], ran: int, *, is_whole: bool) -> Iterator[str]:
    """What log and records differ in; `ran` statements were told to their agents as having reached the database.

    Not whole: some calls were not served, so that more may have run than anybody was told.
    """
    if report["exit"] != 0:
        yield f"reconcile: expected them to agree, got {report.get('findings', report.get('said'))}"
        return
    counts, untold = report["counts"], report["not_told"]
    if counts["matched"] < ran or (is_whole and counts["matched"] != ran):
        yield f"reconcile: expected {ran} records with their statement in the database's log, got {counts['matched']}"
    for name in ("later", "edge", "unreadable"):
        if untold[name]:
            yield f"reconcile: expected nothing left untold, got {untold[name]} {name}"
