"""Records a second through `postern audit verify`, on all cores, beside plain SHA-256 over the same bytes on as many.

The copy is made here, of records of the product's size and shape, and verified as an auditor would: all steps, from
disk. Memory is that of all processes together. Pulling is measured apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from tests.support.good_log import Batch, Written, tree_of
from tests.support.log_copy import log_key as signing_key

from bench.memory import Memory
from bench.samples import print_table
from postern.audit.chain import Source, Writer, link
from postern.audit.ids import uuid7
from postern.audit.keys import log_key, record_key
from postern.audit.log_bodies import epoch_start_event
from postern.audit.records import Record, RecordType
from postern.audit.times import format_time
from postern.types import CommandId
from postern_cli.audit import pull
from postern_cli.audit_verify import Asked, verify_folder
from postern_cli.processes import cores
from postern_local.ready import Ready, format_ready

COMMANDS = 15_000
CHAIN = 200  # records of one environment
BATCH = 100
LOG = "bench-2026"
KEY = signing_key(f"postern.bench/{LOG}")
YEAR = 2 * 365 * 1_000_000  # records of a million statements a day: an intent and an outcome each
ORDINARY = 16  # cores
_BEGUN_US = 1_795_341_600_000_000
_UNTIL_US = _BEGUN_US + 400 * 86_400_000_000
_SOURCE = Source(log=LOG, deployment="bench", code_version="0.1.0", function="query")
_SQL = "SELECT o.id, o.status, o.total, c.region FROM orders AS o JOIN customers AS c ON c.id = o.customer_id"
_INTENT = {
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
_OUTCOME = {
    "task": {"id": "t" * 36},
    "status": "ok",
    "rows": 12,
    "bytes": 2048,
    "answer_hmac_sha256": "f" * 64,
    "masked": [{"column": "email", "mask": "email", "count": 12}],
    "duration_ms": 14,
}


@dataclass(frozen=True, slots=True)
class Spent:
    """What one verification took, of all its processes."""

    wall_s: float
    cpu_s: float
    megabytes: int  # of physical memory at its highest, what is shared counted once


def report(console: Console, commands: int = COMMANDS) -> None:
    """Prints records a second for one process and for all cores, and what a year would take."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-verify-") as folder:
        written = _write(Path(folder), commands)
        count, size = len(written.order), sum(map(len, written.objects.values()))
        rows = []
        for workers in sorted({1, cores()}):
            spent = _measured(Path(folder), workers)
            rate, plain = count / spent.wall_s, count / _hashed(Path(folder), workers)
            rates = [f"{one:,.0f}" for one in (rate, count / spent.cpu_s, plain, plain / rate)]
            hours = [f"{YEAR / one / 3600:.1f}" for one in (rate, count / spent.cpu_s * ORDINARY)]
            rows.append((f"{workers}", *rates, *hours, f"{spent.megabytes}"))
    columns = (
        "records/s",
        "a CPU second",
        "SHA-256, records/s",
        "ratio",
        "year, h",
        f"year on {ORDINARY}, h",
        "MB, all",
    )
    print_table(console, f"verify {count:,} records of {size // count:,} bytes, processes", columns, rows)
    console.print(
        "\nA year is a million statements a day, extrapolated in proportion: the work is divided among processes that\n"
        "share nothing; on sixteen cores by CPU seconds, if files can be read as fast. Plain SHA-256 hashes the same\n"
        "records in their bundles, once."
    )


def report_pull(console: Console, stack: Ready) -> None:
    """Prints objects a second through `postern audit pull` against the local AWS server: mostly that server's time."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-pull-") as folder:
        ready, copy = Path(folder) / "ready.json", Path(folder) / "copy"
        ready.write_bytes(format_ready(stack))
        begun = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            pull(copy, ready=ready, endpoint_url=None, bucket=None, log=None, prefix="", workers=16)
        spent = time.perf_counter() - begun
        versions = len((copy / "versions.jsonl").read_bytes().splitlines())
    console.print(f"pull from the local AWS server, whose time this mostly is: {versions / spent:,.0f} versions/s")


def _measured(folder: Path, workers: int) -> Spent:
    """In a fresh process, that holds nothing of what was made here."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(_verified, folder, workers).result()


def _verified(folder: Path, workers: int) -> Spent:
    memory = Memory(os.getpid())
    begun, cpu_s = time.perf_counter(), _cpu_s()
    with memory:
        report = verify_folder(Asked(folder=folder, vkeys=(str(KEY.verifier),), workers=workers))
    spent = Spent(time.perf_counter() - begun, _cpu_s() - cpu_s, memory.highest_kb // 1024)
    if not report.holds or report.untold:
        raise SystemExit(f"bench: expected a log that holds, got {report.first}")
    return spent


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _hashed(folder: Path, workers: int) -> float:
    bundles = [str(path) for path in (folder / f"objects/log/{LOG}/tile/entries").rglob("*") if path.is_file()]
    full = [path for path in bundles if ".p/" not in path]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(abs, range(workers)))
        begun = time.perf_counter()
        list(pool.map(_hash, full, chunksize=max(1, len(full) // workers)))
        return time.perf_counter() - begun


def _hash(path: str) -> bytes:
    return hashlib.sha256(Path(path).read_bytes()).digest()


def _write(folder: Path, commands: int) -> Written:
    """A pulled log of so many commands: objects, and the listing of them."""
    objects = dict(_records(commands))
    batches = [Batch(min(BATCH, len(objects) - at), (KEY,)) for at in range(0, len(objects), BATCH)]
    written = Written(LOG, _UNTIL_US, objects, list(objects), batches)
    rows: dict[str, list[bytes]] = {}
    for at, (key, data) in enumerate(objects.items()):
        _put(folder, rows, key, data, _BEGUN_US + at * 10_000)
    for head in tree_of(written, deployment="bench"):
        for path, data in (*head.writes.items(), (f"checkpoints/{head.size}", head.note), head.stage):
            _put(folder, rows, log_key(LOG, path), data, head.stored_us)
        latest = log_key(LOG, "checkpoint")
        versions = [line.replace(b'"is_latest":true', b'"is_latest":false') for line in rows.pop(latest, [])]
        _put(folder, rows, latest, head.note, head.stored_us)
        rows[latest] += versions
    (folder / "versions.jsonl").write_bytes(b"".join(line for key in sorted(rows) for line in rows[key]))
    (folder / "pulled.json").write_text(json.dumps({"began_us": _BEGUN_US + 86_400_000_000}))
    return written


def _records(commands: int) -> Iterator[tuple[str, bytes]]:
    vkeys = [str(KEY.verifier)]
    start = epoch_start_event(_id(0), _BEGUN_US, origin=KEY.name, retain_until_us=_UNTIL_US, vkeys=vkeys, previous=None)
    yield record_key(LOG, RecordType.EVENT, _id(0)), link(start, Writer("0" * 32), _SOURCE).data
    writer = Writer("")
    for n in range(1, commands + 1):
        if n % CHAIN == 1:
            writer = Writer(hashlib.sha256(b"%d" % n).hexdigest()[:32])
        time_us = _BEGUN_US + n * 20_000
        intent = link(Record(RecordType.INTENT, "statement", _id(n), time_us, _INTENT), writer, _SOURCE)
        body = {**_OUTCOME, "intent": intent.sha256}
        outcome = link(Record(RecordType.OUTCOME, "statement", _id(n), time_us + 15_000, body), intent.next, _SOURCE)
        writer = outcome.next
        yield record_key(LOG, RecordType.INTENT, _id(n)), intent.data
        yield record_key(LOG, RecordType.OUTCOME, _id(n)), outcome.data


def _id(n: int) -> CommandId:
    return CommandId(uuid7(_BEGUN_US + n * 20_000, hashlib.sha256(b"%d" % n).digest()[:10]))


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
        "retain_until": format_time(_UNTIL_US),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "version_id": f"{len(rows)}",
    }
    rows.setdefault(key, []).append(json.dumps(line, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    report(Console(width=165, highlight=False))
