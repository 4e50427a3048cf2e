"""What a pull asks of S3, with an inventory and without: requests and bytes counted, prices and times computed.

A log is written as the product writes it, in batches as they are at a rate of statements, into a bucket in memory that
answers what a pull asks. Both pulls are run against it, and each request is counted. What a million records take is
computed from that, in proportion: every kind of object comes with records or with batches, and a list has a thousand
versions a page. Minutes are what so many requests take at a rate, which is an assumption and stands in the table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tests.support.good_log import Batch, Written, tree_of
from tests.support.inventory import write_inventory

from bench.counted_bucket import NAME, CountedBucket
from bench.machine import described
from bench.pages import options, publish
from bench.prices import INVENTORY_MILLION, Priced
from bench.pulled_copy import KEY, LOG, UNTIL_US, records_of
from bench.samples import print_table
from postern.audit.keys import log_key
from postern_cli.inventory.pulling import pull_by_inventory
from postern_cli.inventory.source import FolderSource
from postern_cli.pull import Bucket, pull
from postern_cli.pulled import PulledFolder

COMMANDS = 3_000
BATCH = 120  # records: five seconds at twelve statements a second
A_SECOND = 3_500  # requests that one machine makes of S3 in a region: an assumption, of 64 workers at 18 ms
SIZES = (1_000_000, 10_000_000)
_SCRIPT = "bench.pull"
_KINDS = {"list_object_versions": Priced.PUT, "get_object": Priced.GET, "head_object": Priced.GET}


def filled(commands: int) -> tuple[CountedBucket, int]:
    """The bucket of a log of so many commands, and how many records it has."""
    bucket, objects = CountedBucket(), dict(records_of(commands))
    batches = [Batch(min(BATCH, len(objects) - at), (KEY,)) for at in range(0, len(objects), BATCH)]
    for key, data in objects.items():
        bucket.objects[key].append(data)
    for head in tree_of(Written(LOG, UNTIL_US, objects, list(objects), batches), deployment="bench"):
        for path, data in (*head.writes.items(), (f"checkpoints/{head.size}", head.note), head.stage):
            bucket.objects[log_key(LOG, path)].append(data)
        bucket.objects[log_key(LOG, "checkpoint")].append(head.note)
    return bucket, len(objects)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one way of pulling asked for."""

    way: str
    requests: dict[str, int]
    listed: int
    sent: int
    versions: int  # that an inventory told of


def report(console: Console, commands: int = COMMANDS) -> str:
    """Prints what was counted and what follows; the tables in Markdown."""
    bucket, records = filled(commands)
    versions = len(bucket.lines())
    counted = _count(bucket)
    own = sum(len(data) for _, data in records_of(commands))
    first = [
        (one.way, *(f"{count:,}" for count in one.requests.values()), f"{one.sent / 1e6:.1f}", f"{one.sent / own:.2f}")
        for one in counted
    ]
    second = [_computed(one, records, size) for size in SIZES for one in counted]
    print_table(console, f"counted, {records:,} records", _COUNTED, first)
    print_table(console, "computed, records", _COMPUTED, second)
    title = described(f"{records:,} records in batches of {BATCH}, {versions:,} versions")
    return "\n".join([title, "", *_markdown("counted", _COUNTED, first), "", *_markdown("computed", _COMPUTED, second)])


_COUNTED = ("LIST", "GET", "HEAD", "MB got", "times the records' own bytes")
_COMPUTED = ("pull", "LIST", "GET", "HEAD", "GB got", "$, requests", "$, inventory", f"min at {A_SECOND:,} a second")


def _count(bucket: CountedBucket) -> list[Counted]:
    with tempfile.TemporaryDirectory(prefix="postern-bench-pull-") as name:
        inventory = write_inventory(Path(name) / "inventory", bucket.lines(), bucket=NAME)
        asked = Bucket(bucket, NAME)  # type: ignore[arg-type]
        plain, by_inventory = (PulledFolder(Path(name) / one) for one in ("plain", "by"))
        source = FolderSource(inventory)
        found = [
            _counted(bucket, "plain", 0, lambda: pull(asked, plain, workers=8, advance=_say_nothing)),
            _counted(
                bucket,
                "by inventory",
                len(bucket.lines()),
                lambda: pull_by_inventory(asked, source, by_inventory, workers=8, advance=_say_nothing),
            ),
        ]
        if plain.versions.read_bytes() != by_inventory.versions.read_bytes():
            raise SystemExit("bench: expected the same copy both ways, got two")
    return found


def _counted(bucket: CountedBucket, way: str, versions: int, run: Callable[[], object]) -> Counted:
    bucket.reset()
    run()
    return Counted(way, {kind: bucket.requests[kind] for kind in _KINDS}, bucket.listed, bucket.sent, versions)


def _say_nothing(_: int) -> None:
    """Progress, of which nothing is shown."""


def _computed(one: Counted, records: int, size: int) -> tuple[str, ...]:
    times = size / records
    many = {kind: count * times for kind, count in one.requests.items()}
    # What is asked once a prefix stays; what is asked once a page grows.
    many["list_object_versions"] = one.requests["list_object_versions"] + one.listed * times / 1000
    dollars = sum(count * _KINDS[kind].value.per_million / 1e6 for kind, count in many.items())
    return (
        f"{size:,}",
        one.way,
        *(f"{count:,.0f}" for count in many.values()),
        f"{one.sent * times / 1e9:.1f}",
        f"{dollars:.3f}",
        f"{one.versions * times / 1e6 * INVENTORY_MILLION:.3f}",
        f"{sum(many.values()) / A_SECOND / 60:.1f}",
    )


def _markdown(first: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    head = [f"| {first} | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows)]


if __name__ == "__main__":
    options(__doc__).parse_args()
    publish("performance.md", _SCRIPT, report(Console(width=165, highlight=False, stderr=True)))
