"""Entries a second through the sequencer, against stores in memory: its own work, and not that of an emulator.

Everything is done that is done for AWS: records are parsed, batches ordered and staged, tiles hashed and written,
growth proved and signed. Beside it, plain SHA-256 over the same bytes, once: less than that no log can do.
"""

from __future__ import annotations

import hashlib
import statistics

from rich.console import Console
from tests.support.log_fakes import LogStore, MemoryLogBucket, MemoryLogTable, MemorySigner, MemoryWal

from bench.log_records import DEPLOYMENT, LOG, put_commands, put_start
from bench.samples import print_table, timed
from postern.services.append import Appender
from postern.services.publish import Publisher
from postern.services.sequence import Sequencer

COMMANDS = 2_560
REPEATS = 3
BATCHES = (2, 30, 120, 256, 1_000)  # records that an invocation brings


def sequencer(store: LogStore) -> Sequencer:
    """A sequencer over this store, warm only in what it has done itself."""
    table = MemoryLogTable(store)
    appender = Appender(table)
    publisher = Publisher(appender, [MemorySigner(store)], DEPLOYMENT)
    buckets = lambda log: MemoryLogBucket(store, log)  # noqa: E731
    return Sequencer(table, buckets, MemoryWal(store), appender, publisher, store.epochs.get, LOG)


def report(console: Console) -> None:
    """Prints a row a batch size."""
    records = LogStore()
    keys = put_commands(records, COMMANDS, per_second=12)
    data = [records.wal[key][0] for key in keys]
    rows = []
    for batch in BATCHES:
        times, plain = zip(*(_run(keys, data, batch) for _ in range(REPEATS)), strict=True)
        ms, plain_ms = statistics.median(times), statistics.median(plain)
        rates = [len(keys) / ms * 1000, len(keys) / plain_ms * 1000]
        megabytes = sum(map(len, data)) / ms / 1000
        rows.append((f"{batch:,}", f"{rates[0]:,.0f}", f"{megabytes:.1f}", f"{rates[1]:,.0f}", f"{ms / plain_ms:.0f}"))
    columns = ("entries/s", "MB/s", "plain SHA-256, entries/s", "sequencer / SHA-256")
    print_table(console, "sequencer, records a batch", columns, rows)
    console.print(
        "\nAgainst stores in memory, one thread, one signature a batch. At 12 statements a second a batch of five\n"
        "seconds has 120 records."
    )


def _run(keys: list[str], data: list[bytes], batch: int) -> tuple[float, float]:
    """Milliseconds for all records, and for hashing them once."""
    store = LogStore(wal={key: [one] for key, one in zip(keys, data, strict=True)})
    tried = sequencer(store)
    tried.run([put_start(store)])
    batches = [keys[at : at + batch] for at in range(0, len(keys), batch)]

    def run() -> None:
        for one in batches:
            if not tried.run(one).settled.issuperset(one):
                raise SystemExit("bench: expected every record to be sequenced, got some left")

    return timed(run), timed(lambda: [hashlib.sha256(one).digest() for one in data])


if __name__ == "__main__":
    report(Console(width=165, highlight=False))
