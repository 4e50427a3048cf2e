"""What must hold once all tasks have ended: in the database, in the tasks' budgets, and in the pulled log."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli.main import main as postern
from postern_local.ready import Ready
from postern_local.stack import Stack
from tests.soak.clients import ROWS, STATEMENTS, Asked, Seen, Used

FINAL = {"ended", "expired", "revoked", "denied", "failed"}
QUIET_WITHIN_S = 900.0  # longer than any task lives: what nobody ends expires
_TRIES = 10
_LEFT_SQL = """
SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'task\\_%'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'task\\_%'
UNION ALL SELECT 'key ' || role FROM postern.task_key
UNION ALL SELECT 'session ' || usename FROM pg_stat_activity WHERE usename LIKE 'task\\_%'
"""


def wait_until_quiet(seen: Seen, stack: Stack) -> float:
    """Until every task has ended, and nothing is left in the database. Returns the seconds it took.

    Both: past its deadline a task is shown as expired, though the timer may not have been there yet.
    """
    begun = time.monotonic()
    open_ = list(seen.tasks)
    while time.monotonic() - begun < QUIET_WITHIN_S:
        open_ = [used for used in open_ if _task(used)["state"] not in FINAL]
        if not open_ and not any(left_in_database(stack)):
            break
        time.sleep(5)
    seen.wrong += [f"{used.id}: expected it to end, it is {_task(used)['state']}" for used in open_]
    return time.monotonic() - begun


def _task(used: Used) -> dict[str, Any]:
    """The task as its principal sees it; asked again where a part was away. Raises `LookupError`."""
    for _ in range(_TRIES):
        reply = used.caller.call("GET", f"/v1/tasks/{used.id}")
        if reply.status == 200:
            return dict(reply.body)
        time.sleep(2)
    raise LookupError(f"{used.id}: expected 200, got {reply.status} {reply.body}")


def left_in_database(stack: Stack) -> Iterator[str]:
    """What is left of any task."""
    connection = stack.postgres.connect("shop")
    try:
        for (what,) in connection.execute_simple(_LEFT_SQL).rows or []:
            yield f"in the database: expected nothing, got {what}"
    finally:
        connection.close()


def wrong_budgets(seen: Seen) -> Iterator[str]:
    """Where what is left of a task is not what it had less what its answers told.

    Of a task of which a statement was not served there may be less: what it had reserved. Never more.
    """
    for used in seen.tasks:
        task = _task(used)
        admitted = [asked for asked in used.asked if asked.command_id is not None and asked.status != 503]
        left = {
            "statements": STATEMENTS - len(admitted),
            "rows": ROWS - sum(asked.row_count for asked in admitted if asked.status == 200),
        }
        had = {name: task["budgets"][name] for name in left}
        is_right = all(had[name] <= left[name] for name in left) if used.is_disturbed else had == left
        if not is_right:
            yield f"{used.id} budgets: expected {left}, got {had}: {[(a.kind, a.status) for a in used.asked]}"
        if task["state"] != used.ending.value:
            yield f"{used.id} state: expected {used.ending.value}, got {task['state']}"


def pull_and_verify(ready: Ready, folder: Path) -> Iterator[str]:
    """Pulls until the log covers all that was written, and verifies it."""
    path = str(Path(ready.state) / "ready.json")
    for _ in range(12):
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
            pulled = postern(["audit", "pull", "--ready", path, "--dir", str(folder)])
            status = postern(["audit", "verify", "--dir", str(folder), "--vkey", ready.vkey, "--json"])
        if pulled == status == 0 and '"unsequenced": 0' in said.getvalue():
            return
        time.sleep(5)
    yield f"postern audit: expected a whole log that verifies, got {pulled}, {status}: {said.getvalue()[-2000:]}"


def wrong_records(seen: Seen, stack: Stack, folder: Path) -> Iterator[str]:
    """Receipts that are not in the log, and tasks whose records are not those of what was asked of them."""
    digests, by_task = records_of(folder)
    for used in seen.tasks:
        for asked in used.asked:
            yield from _lost_receipts(stack.ready.log, asked, digests)
        expected, got = _expected(used), by_task.get(used.id, Counter())
        if used.is_disturbed:  # what was not served may have left an intent, and the reaper an outcome
            if missing := expected - got:
                yield f"{used.id} records: expected these too: {dict(missing)}"
            continue
        # A teardown that did not finish is taken up again, with records of its own: there may be more of them.
        again = {kind: got[kind] - expected[kind] for kind in ("teardown intent", "teardown outcome")}
        if got != expected and (got - Counter(again) != expected or len(set(again.values())) > 1):
            yield f"{used.id} records: expected {dict(expected)}, got {dict(got)}"


def records_of(folder: Path) -> tuple[dict[str, str], dict[str, Counter[str]]]:
    """The digest of each record by its key, and how many of which kind each task has."""
    digests: dict[str, str] = {}
    by_task: dict[str, Counter[str]] = {}
    objects = folder / "objects"
    for path in sorted((objects / "wal").rglob("*.json")):
        data = path.read_bytes()
        digests[path.relative_to(objects).as_posix()] = hashlib.sha256(data).hexdigest()
        record = json.loads(data)
        task_id = str((record.get("task") or {}).get("id"))
        by_task.setdefault(task_id, Counter())[f"{record['kind']} {record['type']}"] += 1
    return digests, by_task


def _lost_receipts(log: str, asked: Asked, digests: dict[str, str]) -> Iterator[str]:
    if asked.command_id is not None:
        intent = record_key(log, RecordType.INTENT, CommandId(asked.command_id))
        if intent not in digests:
            yield f"{asked.command_id}: expected its intent in the pulled log, got none"
    for name, type_ in (
        ("intent", RecordType.INTENT),
        ("outcome", RecordType.OUTCOME),
        ("settled", RecordType.SETTLED),
    ):
        told = (asked.receipt or {}).get(f"{name}_sha256")
        if told is not None and digests.get(record_key(log, type_, CommandId(str(asked.command_id)))) != told:
            yield f"{asked.command_id}: expected the receipt's {name} in the pulled log, got another"


def _expected(used: Used) -> Counter[str]:
    """The records of one task, by kind and type."""
    expected = Counter({"grant event": 1, "provision intent": 1, "provision outcome": 1})
    expected.update(["teardown intent", "teardown outcome"])
    for asked in used.asked:
        if asked.command_id is None or asked.status == 503:
            continue
        expected["statement intent"] += 1
        if asked.kind not in {"refused", "syntax"}:
            expected["statement outcome"] += 1
        if asked.kind == "write" and asked.status == 200:
            expected["statement settled"] += 1
    return expected
