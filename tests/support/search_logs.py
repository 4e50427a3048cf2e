"""A day of commands of two tasks in a log of narrow bundles, and a look at each entry beside the code under test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from random import Random
from typing import Any
from unittest.mock import patch

from postern.audit.record_query import SLACK_US, RecordQuery
from postern.services import joined_entries, log_entries, search_records
from postern.types import Principal
from tests.support import records
from tests.support.audit import BASE_US
from tests.support.records import ALMA, LAB_TASK, SHOP_TASK, SVEN, Ledger, Shelf

HOUR_US, MINUTE_US = 3_600_000_000, 60_000_000
COMMANDS = 70
WIDTH = 8
RELATIONS = (("public.customers",), ("sales.customers",), ("public.orders", "public.customers"))


@contextmanager
def narrow_bundles() -> Iterator[None]:
    """Bundles of eight, so that a log of many is soon made; and each entry is read once, since nothing else costs much.

    What reads an entry depends on its bytes and place alone. `test_bundles_are_as_wide_as_the_log_has_them` is without.
    """
    with ExitStack() as patches:
        for module in (log_entries, joined_entries, search_records, records):
            patches.enter_context(patch.object(module, "TILE_WIDTH", WIDTH))
        patches.enter_context(patch.object(log_entries, "read_facts", lru_cache(50_000)(log_entries.read_facts)))
        yield


@cache
def day() -> Ledger:
    """The commands of a day, one in twenty minutes: those of two tasks in two databases, some of them refused."""
    ledger = Ledger()
    for number in range(COMMANDS):
        at_us, task = BASE_US + number * 20 * MINUTE_US, LAB_TASK if number % 4 == 3 else SHOP_TASK
        code = ("", "", "guard.relation", "guard.column")[number % 7 % 4]
        id_, intent = ledger.statement(f"{number} a", task, at_us, relations=RELATIONS[number % 3], code=code)
        if not code:
            outcome = ledger.outcome(f"{number} b", id_, intent, task, at_us + MINUTE_US)
            ledger.settled(f"{number} c", id_, outcome, task, at_us + 2 * MINUTE_US)
    return ledger


@cache
def sequenced(seed: int) -> tuple[str, ...]:
    """The names of the day's records as the sequencer takes them: each at most `SLACK_US` late, commands in order."""
    random, ledger = Random(seed), day()
    arrivals: dict[str, int] = {}
    for name in ledger.entries:
        number, part = name.split()
        before = arrivals.get(f"{number} {chr(ord(part) - 1)}", 0)
        at_us = said_by(name)["time_us"]
        late_us = random.choice((0, 0, 0, random.randrange(SLACK_US // 2), SLACK_US))
        arrivals[name] = max(before + 1, at_us + late_us)
    return tuple(sorted(arrivals, key=arrivals.__getitem__))


@cache
def said_by(name: str) -> dict[str, Any]:
    """What a test knows of an entry, taken from its JSON and its intent's, apart from the code under test."""
    entries = day().entries
    own, intent = json.loads(entries[name]), json.loads(entries[f"{name.split()[0]} a"])
    moment = own["time"]
    seconds = int(moment[11:13]) * 3600 + int(moment[14:16]) * 60 + int(moment[17:19])
    days = int(moment[8:10]) - 22
    return {
        "time_us": BASE_US - 10 * HOUR_US + days * 24 * HOUR_US + seconds * 1_000_000,
        "task": own["task"]["id"],
        "subject": intent["principal"]["subject"],
        "database": intent["target"]["database"],
        "tables": intent["decision"].get("relations", []),
        "code": own.get("decision", {}).get("code"),
    }


def sought(name: str, who: Principal, query: RecordQuery) -> bool:
    said = said_by(name)
    sees = who == ALMA or (who == SVEN and said["database"] == "shop") or said["subject"] == who.subject
    bare = [table.split(".")[1] for table in said["tables"]]
    return (
        sees
        and query.kind in (None, "statement")
        and query.task in (None, said["task"])
        and query.database in (None, said["database"])
        and query.principal in (None, f"ci|{said['subject']}")
        and query.code in (None, said["code"])
        and (query.table is None or query.table in [*said["tables"], *bare])
        and (query.from_us is None or said["time_us"] >= query.from_us)
        and (query.to_us is None or said["time_us"] < query.to_us)
    )


def add(shelf: Shelf, ledger: Ledger, names: tuple[str, ...]) -> None:
    shelf.publish([ledger.entries[name] for name in names], [ledger.keys[name] for name in names])


def long_log(bundles: int) -> Shelf:
    ledger, shelf = Ledger(), Shelf()
    for number in range(bundles):
        ledger.statement(str(number), SHOP_TASK, BASE_US + number * 3 * HOUR_US // 2)
    entries = [[ledger.entries[str(number)], *[b"?"] * (WIDTH - 1)] for number in range(bundles)]
    shelf.publish(entry for bundle in entries for entry in bundle)
    return shelf


def hours(late: int | None, at_us: int) -> Shelf:
    """Forty full bundles, an hour each; in the one numbered `late` stands a record of another time."""
    ledger, shelf = Ledger(), Shelf()
    for number in range(40):
        for third in range(3):
            ledger.statement(f"{number} {third}", SHOP_TASK, BASE_US + number * HOUR_US + third)
    ledger.statement("late", SHOP_TASK, at_us)
    for number in range(40):
        held = [ledger.entries[f"{number} {third}"] for third in range(3)]
        shelf.publish([*held, ledger.entries["late"] if number == late else b"?", *[b"?"] * (WIDTH - 4)])
    return shelf
