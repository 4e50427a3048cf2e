"""Entries a second through the sequencer, against stores in memory: its own work, and not that of an emulator.

Everything is done that is done for AWS: records are parsed, batches ordered and staged, tiles hashed and written,
growth proved and signed, by one thread, with one signature a batch. Beside it, plain SHA-256 over the same bytes, once:
less than that no log can do. CPU seconds are compared, since others may run beside it.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from tests.support.log_fakes import LogStore, MemoryLogBucket, MemoryLogTable, MemorySigner, MemoryWal

from bench.log_records import DEPLOYMENT, LOG, put_commands, put_start
from bench.machine import described
from bench.pages import options, publish
from bench.samples import print_table
from postern.services.append import Appender
from postern.services.publish import Publisher
from postern.services.sequence import Sequencer

COMMANDS = 1_280
SHORT, LONG = 3, 15  # rounds
BATCHES = (2, 30, 120, 256, 1_000)  # records that an invocation brings
_COLUMNS = ("entries a CPU second", "MB/s", "plain SHA-256, entries a CPU second", "CPU, sequencer / SHA-256")


def sequencer(store: LogStore) -> Sequencer:
    """A sequencer over this store, warm only in what it has done itself."""
    table = MemoryLogTable(store)
    appender = Appender(table)
    publisher = Publisher(appender, [MemorySigner(store)], DEPLOYMENT)
    buckets = lambda log: MemoryLogBucket(store, log)  # noqa: E731
    return Sequencer(table, buckets, MemoryWal(store), appender, publisher, store.epochs.get, LOG)


def report(console: Console, repeats: int = SHORT) -> str:
    """Prints a row a batch size; the table in Markdown."""
    records = LogStore()
    keys = put_commands(records, COMMANDS, per_second=12, is_varied=True)
    data = [records.wal[key][0] for key in keys]
    found: dict[int, list[tuple[float, float]]] = {batch: [] for batch in BATCHES}
    for _ in range(repeats):
        for batch, rounds in found.items():
            rounds.append(_run(keys, data, batch))
    rows = [_row(batch, len(keys), sum(map(len, data)), rounds) for batch, rounds in found.items()]
    print_table(console, "sequencer, records a batch", _COLUMNS, rows)
    lines = [
        described(f"{len(keys):,} records of {sum(map(len, data)) // len(keys):,} bytes, {repeats} rounds in turns"),
        "",
        f"| records a batch | {' | '.join(_COLUMNS)} |",
        "|---:|" + "---:|" * len(_COLUMNS),
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def _row(batch: int, count: int, size: int, rounds: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    seconds = statistics.median(one for one, _ in rounds)
    rates = [count / one for one, _ in rounds]
    spread = f" ({min(rates):,.0f} to {max(rates):,.0f})" if len(rates) > 1 else ""
    ratio = statistics.median(one / plain for one, plain in rounds)
    plain = statistics.median(count / one for _, one in rounds)
    return (
        f"{batch:,}",
        f"{count / seconds:,.0f}{spread}",
        f"{size / seconds / 1e6:.1f}",
        f"{plain:,.0f}",
        f"{ratio:.0f}",
    )


def _run(keys: list[str], data: list[bytes], batch: int) -> tuple[float, float]:
    """CPU seconds for all records, and for hashing them once."""
    store = LogStore(wal={key: [one] for key, one in zip(keys, data, strict=True)})
    tried = sequencer(store)
    tried.run([put_start(store)])
    batches = [keys[at : at + batch] for at in range(0, len(keys), batch)]

    def run() -> None:
        for one in batches:
            if not tried.run(one).settled.issuperset(one):
                raise SystemExit("bench: expected every record to be sequenced, got some left")

    return _cpu_s(run), _cpu_s(lambda: [hashlib.sha256(one).digest() for one in data])


def _cpu_s(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=LONG)
    rounds = parser.parse_args().rounds
    publish("performance.md", "bench.sequencer", report(Console(width=165, highlight=False, stderr=True), rounds))
