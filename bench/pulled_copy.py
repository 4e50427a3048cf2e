"""A pulled log as an auditor has it on disk, of records of the product's size and shapes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.good_log import Batch, Written, tree_of
from tests.support.log_copy import log_key as signing_key

from postern.audit.chain import Source, Writer, link
from postern.audit.ids import uuid7
from postern.audit.keys import log_key, record_key
from postern.audit.log_bodies import epoch_start_event
from postern.audit.records import Record, RecordType
from postern.audit.times import format_time
from postern.types import CommandId

CHAIN = 200  # records of one environment
BATCH = 100
LOG = "bench-2026"
KEY = signing_key(f"postern.bench/{LOG}")
BEGUN_US = 1_795_341_600_000_000
UNTIL_US = BEGUN_US + 400 * 86_400_000_000
SOURCE = Source(log=LOG, deployment="bench", code_version="0.1.0", function="query")
_SQL = "SELECT o.id, o.status, o.total, c.region FROM orders AS o JOIN customers AS c ON c.id = o.customer_id"
INTENT: dict[str, Any] = {
    "principal": {
        "attributes": {"repository": "acme/shop", "run_id": "123456789", "sha": "b" * 40},
        "groups": ["agents"],
        "issuer": "github",
        "issuer_url": "https://token.actions.githubusercontent.com",
        "on_behalf_of": None,
        "subject": "repo:acme/shop:ref:refs/heads/main",
        "token_expires_at_s": 1_795_345_000,
        "token_sha256": "c" * 64,
    },
    "task": {"expires_at_s": 1_795_345_200, "id": "t" * 36, "purpose": "why is the order stuck", "sequence": 17},
    "target": {"database": "shop", "dbname": "shop", "host": "shop.cluster.example", "port": 5432, "role": "task_1"},
    "statement": {
        "text": _SQL,
        "sha256": "e" * 64,
        "bytes": len(_SQL),
        "fingerprint": "0123456789abcdef",
        "parameters": {"count": 2, "hmac_sha256": "d" * 64},
    },
    "decision": {"relations": ["public.orders", "public.customers"], "result": "allow", "writes": False},
    "policy": "a" * 64,
}
OUTCOME: dict[str, Any] = {
    "task": {"id": "t" * 36},
    "status": "ok",
    "rows": 12,
    "bytes": 2048,
    "answer_hmac_sha256": "f" * 64,
    "masked": [{"column": "email", "mask": "email", "count": 12}],
    "duration_ms": 14,
}


def write_copy(folder: Path, commands: int) -> Written:
    """A pulled log of so many commands: objects, and the listing of them."""
    objects = dict(records_of(commands))
    batches = [Batch(min(BATCH, len(objects) - at), (KEY,)) for at in range(0, len(objects), BATCH)]
    written = Written(LOG, UNTIL_US, objects, list(objects), batches)
    rows: dict[str, list[bytes]] = {}
    for at, (key, data) in enumerate(objects.items()):
        _put(folder, rows, key, data, BEGUN_US + at * 10_000)
    for head in tree_of(written, deployment="bench"):
        for path, data in (*head.writes.items(), (f"checkpoints/{head.size}", head.note), head.stage):
            _put(folder, rows, log_key(LOG, path), data, head.stored_us)
        latest = log_key(LOG, "checkpoint")
        versions = [line.replace(b'"is_latest":true', b'"is_latest":false') for line in rows.pop(latest, [])]
        _put(folder, rows, latest, head.note, head.stored_us)
        rows[latest] += versions
    (folder / "versions.jsonl").write_bytes(b"".join(line for key in sorted(rows) for line in rows[key]))
    (folder / "pulled.json").write_text(json.dumps({"began_us": BEGUN_US + 86_400_000_000}))
    return written


def records_of(commands: int) -> Iterator[tuple[str, bytes]]:
    """The records of so many commands, after the one that the log begins with, by their keys and in their order."""
    vkeys = [str(KEY.verifier)]
    start = epoch_start_event(_id(0), BEGUN_US, origin=KEY.name, retain_until_us=UNTIL_US, vkeys=vkeys, previous=None)
    yield record_key(LOG, RecordType.EVENT, _id(0)), link(start, Writer("0" * 32), SOURCE).data
    writer = Writer("")
    for n in range(1, commands + 1):
        if n % CHAIN == 1:
            writer = Writer(hashlib.sha256(b"%d" % n).hexdigest()[:32])
        time_us = BEGUN_US + n * 20_000
        intent = link(Record(RecordType.INTENT, "statement", _id(n), time_us, _intent(n)), writer, SOURCE)
        body = {**OUTCOME, "masked": OUTCOME["masked"] * (n % 4), "intent": intent.sha256}
        outcome = link(Record(RecordType.OUTCOME, "statement", _id(n), time_us + 15_000, body), intent.next, SOURCE)
        writer = outcome.next
        yield record_key(LOG, RecordType.INTENT, _id(n)), intent.data
        yield record_key(LOG, RecordType.OUTCOME, _id(n)), outcome.data


def _intent(n: int) -> dict[str, Any]:
    """An intent of one of 15 shapes: statements name other numbers of tables, and one in five has lines and quotes."""
    text = _SQL if n % 5 else _SQL.replace(" FROM ", '\nFROM "public".')
    statement = {**INTENT["statement"], "text": text, "bytes": len(text)}
    relations = [f"public.table_{number}" for number in range(1 + n % 5)]
    task = INTENT["task"] if n % 3 else {**INTENT["task"], "ticket": None}
    return {**INTENT, "statement": statement, "task": task, "decision": {**INTENT["decision"], "relations": relations}}


def _id(n: int) -> CommandId:
    return CommandId(uuid7(BEGUN_US + n * 20_000, hashlib.sha256(b"%d" % n).digest()[:10]))


def _put(folder: Path, rows: dict[str, list[bytes]], key: str, data: bytes, time_us: int) -> None:
    path = folder / "objects" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    line = {
        "delete_marker": False,
        "is_latest": True,
        "key": key,
        "last_modified": format_time(time_us // 1_000_000 * 1_000_000),
        "mode": "COMPLIANCE",
        "retain_until": format_time(UNTIL_US),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "version_id": f"{len(rows)}",
    }
    rows.setdefault(key, []).append(json.dumps(line, separators=(",", ":")).encode() + b"\n")
